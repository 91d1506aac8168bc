"""How long threads should look for each other before they sleep: a step of one wide network on two threads, while the
machine is idle and while another program keeps a core busy.

    python benchmarks/waiting.py [--rounds 3] [--seconds 2]

Each value is a process of its own, whose OpenMP is told ``GOMP_SPINCOUNT`` (and that it is to wait passively), or
nothing; all take turns. Prints ms a step of 64 samples of the MLP 784-1024-512-10 on Fashion-MNIST: the median of the
rounds and every round, each of them the median of five stretches. Set WELLFIT_DATA to where Fashion-MNIST is.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from contextlib import closing

from wellfit.machine import WAITING

COUNTS = ("0", "500", "1000", "2000", "4000", "not told")
PRECISIONS = ("fp32", "bf16")
BUSY = "while True: pass"
LIMIT = 300.0
"""Seconds after which a process is given up."""


def main() -> None:
    """Measure and print, or be one of those that are measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--step", choices=PRECISIONS, help="measure one and print ms")
    given = parser.parse_args()
    if given.step:
        print(step_ms(given.step, given.seconds))
        return
    found: dict[tuple[bool, str, str], list[float]] = {}
    for _ in range(given.rounds):
        for busy in (False, True):
            for count in COUNTS:
                for precision in PRECISIONS:
                    found.setdefault((busy, precision, count), []).append(one(busy, precision, count, given.seconds))
    for (busy, precision, count), rounds in sorted(found.items()):
        beside = "one core busy" if busy else "idle"
        values = ", ".join(f"{value:.2f}" for value in rounds)
        print(f"| {beside} | {precision} | {count} | {statistics.median(rounds):.2f} | {values} |")


def one(busy: bool, precision: str, count: str, seconds: float) -> float:
    """Return what a process of its own measures."""
    environment = {name: value for name, value in os.environ.items() if name not in WAITING}
    if count != "not told":
        environment |= {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": count}
    command = [sys.executable, __file__, "--step", precision, "--seconds", str(seconds)]
    other = subprocess.Popen([sys.executable, "-c", BUSY]) if busy else None
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=LIMIT)
    finally:
        if other is not None:
            other.kill()
            other.wait()
    return float(done.stdout)


def step_ms(precision: str, seconds: float) -> float:
    """Return the milliseconds of a step on two threads: the median of five stretches."""
    import torch

    from wellfit.data import load
    from wellfit.recipe import Recipe
    from wellfit.train.member import Member
    from wellfit.train.plan import Plan
    from wellfit.train.replicate import make_replicate
    from wellfit.train.shards import make_shards, start_population

    recipe = Recipe.model_validate(
        {"data": "fashion-mnist", "model": {"kind": "mlp", "hidden": [1024, 512]}, "loss": "cross_entropy"}
    )
    members, device = [Member("wide", 0, recipe)], torch.device("cpu")
    replicates = {0: make_replicate(load(recipe.data), recipe.data, 0)}
    population, module = start_population(members, replicates, device)
    plan = Plan.from_dict(Plan(threads=2).to_dict() | {"precision": precision})
    with closing(make_shards(population, module, replicates, plan)) as shards:
        return 1e3 * statistics.median(shards.pace(replicates, seconds / 5) for _ in range(5))


if __name__ == "__main__":
    main()
