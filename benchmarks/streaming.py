"""Training on images that are 20 times the allowed memory, against the same training in memory, in one run.

    python benchmarks/streaming.py [--gib 2] [--epochs 3] [--rounds 3] [--folder DIR] [--json FILE]

A synthetic set of 3 x 32 x 32 images is written to a cache file, then trained on by ``wellfit`` (MLP 3072-64-10, SGD,
batches of 64) in processes of their own: with the samples in memory, and streamed from the file with a limit of a
twentieth. Quoted: samples per second from the second epoch on, evaluation included, and the most resident memory
(anonymous and of files) beyond that of the process after a small training of the same kind. Rounds are interleaved.
The system caches the file as far as its memory goes: this does not measure the disk.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROW, SHARE = (3, 32, 32), 20
CODE_ROWS = 4096
"""Images of the small training, which loads all libraries."""


def write(path: Path, n: int) -> None:
    """Write a cache file of ``n`` images: noise, brighter by class."""
    import numpy as np

    from wellfit.data.mapped import writing

    rng = np.random.default_rng(0)
    y = np.arange(n) % 10
    with writing(path) as writer:
        writer.begin(n, ROW, where=str(path), advice="")
        for start in range(0, n, CODE_ROWS):
            part = y[start : start + CODE_ROWS].reshape(-1, 1, 1, 1)
            writer.write((rng.integers(0, 120, (len(part), *ROW), dtype=np.uint8) + 13 * part).astype(np.uint8))
        writer.finish(y, source="synthetic", notes={})


def train(path: Path, *, limit: int | None, epochs: int) -> list[float]:
    """Train and return the samples per second of each epoch."""
    import torch

    from wellfit.data import Dataset
    from wellfit.data.ingest import samples
    from wellfit.data.mapped import open_stored
    from wellfit.recipe import Recipe
    from wellfit.train.events import EpochEnded
    from wellfit.train.fit import fit
    from wellfit.train.member import Member
    from wellfit.train.replicate import make_replicate

    stored = open_stored(path, source="synthetic")
    if stored is None:
        raise SystemExit(f"{path}: damaged")
    x, y = samples(stored, limit), torch.from_numpy(stored.y)
    dataset = Dataset("synthetic", "classification", "image", x, y, tuple("0123456789"), None)
    recipe = Recipe.model_validate(
        {
            "data": "synthetic",
            "model": {"kind": "mlp", "hidden": [64]},
            "loss": "cross_entropy",
            "optimizer": {"kind": "sgd", "lr": 0.01},
            "epochs": epochs,
        }
    )
    replicate = make_replicate(dataset, recipe.data, 0)
    events = fit([Member("plain", 0, recipe)], {0: replicate})
    return [len(replicate.split.train) / event.seconds for event in events if isinstance(event, EpochEnded)]


def resident() -> int:
    """Bytes of this process in memory: its own and those of files."""
    found = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return sum(int(found[key].split()[0]) for key in ("RssAnon", "RssFile")) * 1024


def one(path: Path, small: Path, limit: int | None, epochs: int) -> tuple[list[float], int]:
    """Train once; return the rates and the most resident memory beyond the baseline."""
    train(small, limit=None, epochs=1)
    baseline, most, done = resident(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            most[0] = max(most[0], resident())

    thread = threading.Thread(target=watch)
    thread.start()
    rates = train(path, limit=limit, epochs=epochs)
    done.set()
    thread.join()
    return rates, most[0] - baseline


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gib", type=float, default=2.0)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the file is written; default: the system's temporary folder")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        path, small, limit = options.one
        print(json.dumps(one(Path(path), Path(small), int(limit) or None, options.epochs)))
        return
    size = int(options.gib * 2**30)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path, small = Path(folder) / "large.u8", Path(folder) / "small.u8"
        write(small, CODE_ROWS)
        write(path, size // (ROW[0] * ROW[1] * ROW[2]))
        found: dict[str, list[tuple[list[float], int]]] = {"in memory": [], "streamed": []}
        for _ in range(options.rounds):
            for who, limit in (("in memory", 0), ("streamed", size // SHARE)):
                command = [sys.executable, __file__, "--one", str(path), str(small), str(limit)]
                began = time.perf_counter()
                answer = subprocess.run(
                    [*command, "--epochs", str(options.epochs)], capture_output=True, text=True, check=True
                ).stdout
                rates, beyond = json.loads(answer)
                found[who].append((rates, beyond))
                print(f"{who}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    show(found, size, options.json)


def show(found: dict[str, list[tuple[list[float], int]]], size: int, path: Path | None) -> None:
    """Print the table, the ratio and the limit."""
    print(f"{size / 2**20:,.0f} MiB of images, limit {size / SHARE / 2**20:,.0f} MiB\n")
    print("| who | samples/s after epoch 1, median | every epoch | resident beyond baseline, MiB |\n|---|---|---|---|")
    medians = {}
    for who, runs in found.items():
        medians[who] = statistics.median(rate for rates, _ in runs for rate in rates[1:])
        every = "; ".join(", ".join(f"{rate:,.0f}" for rate in rates) for rates, _ in runs)
        memory = ", ".join(f"{beyond / 2**20:,.0f}" for _, beyond in runs)
        print(f"| {who} | {medians[who]:,.0f} | {every} | {memory} |")
    print(f"\nstreamed / in memory: {medians['streamed'] / medians['in memory']:.2f}")
    if path is not None:
        path.write_text(json.dumps({"size": size, "limit": size // SHARE, "runs": found}, indent=2))


if __name__ == "__main__":
    main()
