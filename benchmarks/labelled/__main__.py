"""Build ``benchmarks/labelled/curves.json.gz`` and print what is in it.

    python -m benchmarks.labelled [--final] [--only digits-100,power] [--work DIR] [--processes 2] [--out FILE]

``--final`` builds ``final.json.gz`` instead: the third part, of seeds and samples that neither half has.

What was trained is kept in ``--work`` and not trained again: the truth alone can be found anew in seconds.
"""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.labelled.cases import FAMILIES, FINAL, Family, Net
from benchmarks.labelled.ended import Training
from benchmarks.labelled.labels import grouped, labelled
from benchmarks.labelled.training import train
from wellfit.atomic import write_atomic

HERE = Path(__file__).parent


def trained(family: Family, net: Net, work: Path) -> tuple[str, float]:
    """Train a network of a family, unless ``work`` holds its measurements; return its name and CPU seconds."""
    torch.set_num_threads(1)
    path = work / f"{family.name}.{net.name}.json.gz"
    began = time.process_time()
    if not path.exists():
        found = train(family, net)
        seconds = time.process_time() - began
        beside = path.with_suffix(".part")
        with gzip.open(beside, "wt") as file:
            json.dump({"seconds": seconds, "runs": found}, file)
        beside.rename(path)
    return path.name, time.process_time() - began


def kept(families: Sequence[Family], work: Path) -> tuple[list[Training], float]:
    """Read the trainings that ``work`` holds, and the CPU seconds that they took."""
    found, seconds = [], 0.0
    for family in families:
        for net in family.nets:
            path = work / f"{family.name}.{net.name}.json.gz"
            if path.exists():
                with gzip.open(path, "rt") as file:
                    read = json.load(file)
                seconds += read["seconds"]
                found += [Training.of(family, net, each) for each in read["runs"]]
    return found, seconds


def table(runs: Sequence[dict[str, Any]]) -> str:
    """Return the counts of runs by data, cause and truth; in brackets those that are not clear."""
    names = ("well-fit", "overfit", "underfit", "unconverged", "diverged")
    lines = ["| data | cause | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    places = [(run["data"], run["cause"]) for run in runs]
    totals = [("all", cause) for cause in sorted({cause for _, cause in places})] + [("all", "all")]
    for data, cause in sorted(set(places)) + totals:
        here = [run for run in runs if data in (run["data"], "all") and cause in (run["cause"], "all")]
        clear = Counter(run["verdict"] for run in here if run["clear"])
        open_ = Counter(run["verdict"] for run in here if not run["clear"])
        cells = [f"{clear[name] or ''}{f' ({open_[name]})' if open_[name] else ''}" for name in names]
        lines.append(f"| {data} | {cause} | " + " | ".join(cells) + " |")
    counted = Counter((name, truth) for run in runs for name, truth in run["findings"].items())
    lines += ["", "| finding | true | false |", "|---|---|---|"]
    lines += [
        f"| {name} | {counted[name, True]} | {counted[name, False]} |" for name in sorted({n for n, _ in counted})
    ]
    return "\n".join(lines)


def write(families: Sequence[Family], work: Path, out: Path, command: str) -> None:
    """Find the truth of what was trained, write the labelled runs and print the table."""
    trainings, seconds = kept(families, work)
    runs = [run for each in grouped(trainings).values() for run in labelled(each)]
    versions = {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}
    made = {
        "command": command,
        "versions": versions,
        "seconds": round(seconds),
        "trainings": len(trainings),
    }
    text = json.dumps({"made": made, "runs": runs}, separators=(",", ":"), allow_nan=False)
    write_atomic(out, gzip.compress(text.encode(), mtime=0))
    print(table(runs))
    clear = sum(run["clear"] for run in runs)
    print(f"\n{len(runs)} runs, {clear} clear, of {len(trainings)} trainings; {out.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the labelled runs and write them with their truth.")
    parser.add_argument("--only", help="families, separated by commas; default: all")
    parser.add_argument("--final", action="store_true", help="the final part instead of the two halves")
    parser.add_argument("--work", type=Path, help="where measurements are kept; default: below runs/")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, help="default: beside this file")
    parser.add_argument("--no-training", action="store_true", help="only find the truth of what --work holds")
    options = parser.parse_args()
    chosen, name = (FINAL, "final") if options.final else (FAMILIES, "curves")
    families = [f for f in chosen if options.only is None or f.name in options.only.split(",")]
    work = options.work or Path("runs/labelled-final" if options.final else "runs/labelled")
    work.mkdir(parents=True, exist_ok=True)
    if not options.no_training:
        train_all(families, work, options.processes)
    command = "python -m benchmarks.labelled" + " --final" * options.final
    write(families, work, options.out or HERE / f"{name}.json.gz", command)


def train_all(families: Sequence[Family], work: Path, processes: int) -> None:
    """Train all networks of the families, several at a time."""
    jobs = [(family, net) for family in families for net in family.nets]
    with ProcessPoolExecutor(processes) as pool:
        waiting = [pool.submit(trained, family, net, work) for family, net in jobs]
        for done, each in enumerate(as_completed(waiting), 1):
            name, seconds = each.result()
            print(f"{done}/{len(jobs)} {name}: {seconds:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
