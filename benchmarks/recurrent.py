"""Training steps of recurrent networks: populations against a plain PyTorch loop, one member after another.

    python benchmarks/recurrent.py [--cells lstm gru rnn] [--members 1 2 8 24] [--threads 1 2] [--rounds 15]
                                   [--features 28] [--json FILE]

A member is a layer of 64 units over 64 time steps and a linear head, which reads the last step and the mean; a step is
forward, cross entropy, backward and Adam on a batch of 64. The plain loop is torch's layer and ``torch.optim.Adam``.
Rounds are interleaved: in each the loop and the population take a step, one after the other, and the table shows the
median over rounds of loop / population, with its quartiles. By wall clock, and by CPU time, which others on the machine
disturb less; with more than one thread CPU time counts their waiting too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from wellfit.data import Dataset
from wellfit.recipe import Recipe
from wellfit.train.choose import choose_network
from wellfit.train.feed import Feed
from wellfit.train.losses import make_loss
from wellfit.train.member import Member
from wellfit.train.network import Batch
from wellfit.train.population import Population
from wellfit.train.replicate import make_replicate
from wellfit.train.sites import find_sites
from wellfit.train.start import start_modules
from wellfit.train.step import step

STEPS, UNITS, BATCH, CLASSES = 64, 64, 64, 10
CPU = torch.device("cpu")
Work = Callable[[], None]


def waves(features: int, samples: int = 3 * BATCH) -> Dataset:
    """Noisy waves whose class is their frequency."""
    draw = torch.Generator().manual_seed(0)
    y = torch.arange(samples) % CLASSES
    time_ = torch.arange(STEPS).view(1, -1, 1) / 8
    phase = torch.rand(samples, 1, features, generator=draw) * 6
    x = torch.sin(time_ * (y.view(-1, 1, 1) + 1) + phase) + torch.randn(samples, STEPS, features, generator=draw) / 4
    names = tuple(map(str, range(CLASSES)))
    return Dataset("waves", "classification", "sequence", x, y, names, None, source="waves")


def works(cell: str, count: int, features: int) -> tuple[Work, Work, str]:
    """Return a step of the plain loop, a step of the population, and how the population is computed."""
    dataset = waves(features)
    recipe = Recipe.model_validate(
        {
            "data": "waves",
            "model": {"kind": "rnn", "cell": cell, "hidden": [UNITS]},
            "loss": "cross_entropy",
            "optimizer": {"kind": "adam", "lr": 1e-3},
            "batch_size": BATCH,
        }
    )
    members = [Member(f"arm {i}", 0, recipe) for i in range(count)]
    replicate = make_replicate(dataset, recipe.data, 0)
    modules = start_modules(members, {0: replicate})
    sites = find_sites(modules[0], replicate.shape)
    network = choose_network(modules[0], members, sites=sites, shape=replicate.shape, device=CPU)
    population = Population(members, modules, sites=sites, steps=1, device=CPU)
    population.begin_epoch(1, [() for _ in members])
    loss = make_loss(recipe.loss)  # type: ignore[arg-type]
    batch: Batch = next(iter(Feed(members, {0: replicate}, batch_size=BATCH, device=CPU, rules=[]).epoch(1)))

    def together() -> None:
        step(population, network, batch, loss)

    optimizers = [torch.optim.Adam(module.parameters(), lr=1e-3) for module in modules]

    def one_by_one() -> None:
        for module, optimizer, y in zip(modules, optimizers, batch.y, strict=True):
            plain_step(module, optimizer, batch.x[0], y)

    return one_by_one, together, network.how


def plain_step(module: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> None:
    """The step of a plain loop."""
    optimizer.zero_grad()
    nn.functional.cross_entropy(module(x), y).backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def timed(work: Work) -> tuple[float, float]:
    """Wall and CPU milliseconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3


def measure(cell: str, count: int, features: int, rounds: int) -> dict[str, object]:
    """Interleaved rounds: raw milliseconds (wall, CPU) of both."""
    loop, population, how = works(cell, count, features)
    loop(), population()
    raw = [(timed(loop), timed(population)) for _ in range(rounds)]
    return {"cell": cell, "members": count, "how": how, "loop": [a for a, _ in raw], "population": [b for _, b in raw]}


def quartiles(values: list[float]) -> str:
    """Return the median with the quartiles."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:6.2f} [{low:.2f}, {high:.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", default=["lstm", "gru", "rnn"])
    parser.add_argument("--members", nargs="+", type=int, default=[1, 2, 8, 24])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--features", type=int, default=28)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print(
        f"{platform.processor() or platform.machine()}, torch {torch.__version__}, batch {BATCH} of {STEPS} steps x",
        end=" ",
    )
    print(f"{options.features}, {UNITS} units; load {os.getloadavg()[0]:.1f}; {options.rounds} rounds")
    print(f"{'':28} {'loop':>9} {'population':>10}   loop / population, median [quartiles]")
    print(f"{'cell, members, threads':28} {'CPU ms per member':>20}   {'CPU time':22} {'wall clock':22}")
    found = []
    for threads in options.threads:
        torch.set_num_threads(threads)
        for cell in options.cells:
            for count in options.members:
                one = measure(cell, count, options.features, options.rounds) | {"threads": threads}
                found.append(one)
                report(one)
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


def report(one: dict[str, object]) -> None:
    """Print a line of the table."""
    loop, population = one["loop"], one["population"]
    assert isinstance(loop, list)
    assert isinstance(population, list)
    wall, cpu = ([a[which] / b[which] for a, b in zip(loop, population, strict=True)] for which in (0, 1))
    count = one["members"]
    assert isinstance(count, int)
    each = [statistics.median(ms for _, ms in values) / count for values in (loop, population)]
    title = f"{one['cell']}, {count}, {one['threads']}"
    print(
        f"{title:28} {each[0]:9.2f} {each[1]:10.2f}   {quartiles(cpu):22} {quartiles(wall):22} {one['how']}", flush=True
    )


if __name__ == "__main__":
    main()
