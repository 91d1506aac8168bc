"""A population on a CUDA device against the same members one after another in plain PyTorch.

    python benchmarks/gpu.py [--members 64] [--steps 500] [--rounds 3] [--json FILE] [--device cuda]

The MLP 784-128-128-10 and the CNN 32-64-128 on Fashion-MNIST, batches of 64, SGD, fp32. The plain loop has all samples
on the device and trains one network after another: as it is written, and with each step as a CUDA graph, its fastest
form for networks this small. wellfit's figures hold its evaluation; training alone beside. Milliseconds a step and
member, rounds interleaved, medians. Without such a device it says so and ends with 2.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, only this folder is on it

import torch
from torch import Tensor, nn

from benchmarks.peer_work.nets import net_for
from benchmarks.peer_work.order import BATCH, LR, Order
from benchmarks.peer_work.wellfit_fit import dataset_of, evaluations, members_of, plan_options, wait
from wellfit.data import Dataset
from wellfit.train.events import EpochEnded
from wellfit.train.fit import fit
from wellfit.train.replicate import make_replicate

WORKS = ("mlp", "cnn")
LOOP, GRAPH, OWN, ALONE = "one after another", "the same as CUDA graphs", "wellfit", "wellfit, training alone"
GOAL, ARMS, WARM = 20.0, 4, 11


def plain_steps(work: str, x: Tensor, y: Tensor, *, graph: bool) -> Callable[[int], None]:
    """Return what takes so many steps of a new network; ``graph``: the step is captured once and replayed."""
    module, loss = net_for(work).to(x.device), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(module.parameters(), lr=LR)
    inputs, targets = x[:BATCH].clone(), y[:BATCH].clone()

    def step() -> None:
        optimizer.zero_grad()
        loss(module(inputs), targets).backward()
        optimizer.step()

    replay = captured(step) if graph else step

    def steps(count: int) -> None:
        for rows in torch.split(torch.randperm(len(x), device=x.device)[: count * BATCH], BATCH):
            torch.index_select(x, 0, rows, out=inputs)
            torch.index_select(y, 0, rows, out=targets)
            replay()

    return steps


def captured(step: Callable[[], None]) -> Callable[[], None]:
    """Return the step as a CUDA graph, captured after a few of them on a stream beside."""
    beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):
        for _ in range(WARM):
            step()
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    replay: Callable[[], None] = graph.replay
    return replay


def loop(work: str, x: Tensor, y: Tensor, *, members: int, steps: int, graph: bool) -> float:
    """Milliseconds a step and member of the plain loop; making, warming up and capturing are not timed."""
    runs = [plain_steps(work, x, y, graph=graph) for _ in range(members)]
    for run in runs:
        run(WARM)
    wait()
    began = time.perf_counter()
    for run in runs:
        run(steps)
    wait()
    return (time.perf_counter() - began) * 1e3 / members / steps


def population(order: Order, device: torch.device, dataset: Dataset) -> dict[str, Any]:
    """Milliseconds a step and member of wellfit's second epoch, and how it is computed."""
    members = members_of(order)
    data = members[0].recipe.data
    replicates = {seed: make_replicate(dataset, data, seed) for seed in {member.seed for member in members}}
    steps = -(-len(replicates[members[0].seed].split.train) // BATCH)
    found: dict[str, Any] = {}
    with evaluations() as evaluation:
        options = plan_options("fp32", members, replicates, device)
        for event in fit(members, replicates, device=device, **options):
            found.setdefault("how", str(options.get("plan", getattr(event, "how", ""))))
            if isinstance(event, EpochEnded):
                found[OWN] = event.seconds * 1e3 / steps / len(members)
                found[ALONE] = found[OWN] - evaluation() * 1e3 / steps / len(members)
    return found


def measure(work: str, device: torch.device, *, members: int, steps: int, rounds: int) -> dict[str, Any]:
    """Interleaved rounds: every value of the loop, its graphs and the population."""
    seeds = -(-members // ARMS)
    options = {"arms": "four", "seeds": seeds, "members": members}
    order = Order(work, "", time.time(), min(steps * BATCH, 54_000), 1, options)
    dataset = dataset_of(members_of(order))
    x = (dataset.x[:60_000].to(device).float() / 255 - 0.286) / 0.353
    y = dataset.y[:60_000].to(device)
    if len(x) < steps * BATCH:
        x, y = (t.repeat(-(-steps * BATCH // len(t)), *[1] * (t.dim() - 1)) for t in (x, y))
    raw: dict[str, list[float]] = {}
    how = ""
    for _ in range(rounds):
        values: dict[str, float] = {LOOP: loop(work, x, y, members=members, steps=steps, graph=False)}
        if device.type == "cuda":
            values[GRAPH] = loop(work, x, y, members=members, steps=steps, graph=True)
        own = population(order, device, dataset)
        how = own.pop("how")
        for name, value in {**values, **own}.items():
            raw.setdefault(name, []).append(value)
    return {"work": work, "members": members, "how": how, "ms": raw}


def show(one: Mapping[str, Any]) -> None:
    """Print a work's table."""
    middle = {name: statistics.median(values) for name, values in one["ms"].items()}
    print(f"\n{one['work']}, {one['members']} members ({one['how']}), ms a step and member\n")
    print("| who | median | every round |\n|---|---|---|")
    for name, values in one["ms"].items():
        print(f"| {name} | {middle[name]:.4f} | {', '.join(f'{value:.4f}' for value in values)} |")
    plain = [name for name in (LOOP, GRAPH) if name in middle]
    said = ", ".join(f"{middle[name] / middle[OWN]:.1f}x {name}" for name in plain)
    print(f"\nwellfit against: {said} (goal {GOAL:g}x); training alone {middle[LOOP] / middle[ALONE]:.1f}x {LOOP}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=64)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--works", nargs="+", choices=WORKS, default=list(WORKS))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("gpu.py: no CUDA device on this machine; --device cpu tries the code path", file=sys.stderr)
        sys.exit(2)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    print(f"{name}, torch {torch.__version__}, batch {BATCH}, {options.steps} steps")
    found = []
    for work in options.works:
        one = measure(work, device, members=options.members, steps=options.steps, rounds=options.rounds)
        found.append(one)
        show(one)
        if options.json is not None:
            about = {"device": name, "torch": torch.__version__, "steps": options.steps, "works": found}
            options.json.write_text(json.dumps(about, indent=1) + "\n")


if __name__ == "__main__":
    main()
