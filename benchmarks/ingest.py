"""Seconds until a folder of images is a tensor, side by side in one run: torchvision's ImageFolder with several numbers
of workers, wellfit's first start (decoding and writing its cache) and its second start (reading the cache).

    python benchmarks/ingest.py ARCHIVE_OR_FOLDER [--rounds 3] [--workers 0 1 2 4] [--json FILE]

The folder is ``train/<class>/*`` and ``test/<class>/*``; a tar archive is unpacked first, which is not timed. Every
measurement is a process of its own that has its libraries imported, so the files are in the system's cache and nothing
else is. ImageFolder is read through a DataLoader in batches of 512 into one uint8 tensor. Rounds are interleaved and
medians quoted; on a busy machine only their ratios mean something.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

PEER = "ImageFolder, {} workers"
FIRST, SECOND = "wellfit, first start", "wellfit, second start"
BATCH = 512


def image_folder(root: Path, workers: int) -> tuple[float, int]:
    """Seconds of torchvision's ImageFolder for train and test, and a checksum."""
    import torch
    from torch.utils.data import ConcatDataset, DataLoader
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import PILToTensor

    began = time.perf_counter()
    parts = [ImageFolder(str(root / part), transform=PILToTensor()) for part in ("train", "test")]
    loader: DataLoader[Any] = DataLoader(ConcatDataset(parts), batch_size=BATCH, num_workers=workers)
    x = torch.cat([images for images, _ in loader])
    return time.perf_counter() - began, int(x.sum())


def wellfit_start(root: Path) -> tuple[float, int]:
    """Seconds of wellfit's load, and a checksum."""
    from wellfit.data import load

    began = time.perf_counter()
    x = load(str(root)).x
    return time.perf_counter() - began, int(x.sum())


def measure(name: str, root: Path, workers: int, cache: Path) -> tuple[float, int, float]:
    """Measure in a process of its own: seconds, checksum, and the process's own time, imports included."""
    if name == FIRST:
        shutil.rmtree(cache, ignore_errors=True)
    command = [sys.executable, __file__, str(root), "--one", name, "--workers", str(workers)]
    environment = {**os.environ, "WELLFIT_CACHE": str(cache)}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    seconds, checksum, processor = json.loads(answer)
    return seconds, checksum, processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2, 4])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        is_own = options.one in (FIRST, SECOND)
        found = wellfit_start(options.source) if is_own else image_folder(options.source, options.workers[0])
        print(json.dumps([*found, sum(os.times()[:4])]))
        return
    with tempfile.TemporaryDirectory() as temporary:
        root = options.source
        if root.is_file():
            root = Path(temporary) / "images"
            with tarfile.open(options.source) as archive:
                archive.extractall(root, filter="data")
        work = [(PEER.format(workers), workers) for workers in options.workers] + [(FIRST, 0), (SECOND, 0)]
        seconds: dict[str, list[float]] = {name: [] for name, _ in work}
        for _ in range(options.rounds):
            sums = set()
            for name, workers in work:
                took, checksum, processor = measure(name, root, workers, Path(temporary) / "cache")
                seconds[name].append(took)
                sums.add(checksum)
                print(f"{name:24}{took:8.2f} s, {processor:.2f} s of processor time in all", file=sys.stderr)
            if len(sums) > 1:
                raise SystemExit(f"the pixels differ: {sums}")
    show(seconds, options.json)


def show(seconds: dict[str, list[float]], path: Path | None) -> None:
    """Print the table and the ratios."""
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print("| who | median, s | every round |\n|---|---|---|")
    for name, values in seconds.items():
        print(f"| {name} | {medians[name]:.2f} | {', '.join(f'{value:.2f}' for value in values)} |")
    best = min((name for name in medians if name not in (FIRST, SECOND)), key=lambda name: medians[name])
    print(f"\n{best} / first start: {medians[best] / medians[FIRST]:.2f}")
    print(f"first start / second start: {medians[FIRST] / medians[SECOND]:.1f}")
    print(f"{best} / second start: {medians[best] / medians[SECOND]:.1f}")
    if path is not None:
        path.write_text(json.dumps({"seconds": seconds, "medians": medians}, indent=2))


if __name__ == "__main__":
    main()
