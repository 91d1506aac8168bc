"""Steps of convolutional networks: wellfit's network against the plain PyTorch loop, in the forms that a CPU has.

Run as ``python benchmarks/convolution.py [--network cnn|resnet18] [--members 1] [--rounds 9] [--threads 1]``. All
candidates take turns in one process, on the same batches. Plain steps are ``torch.optim.SGD``'s; wellfit's are those of
its network (all members) and the stacked update. Medians are printed and every round; what the machine does beside
it counts in wall time, less in processor time.
"""

from __future__ import annotations

import argparse
import os

from wellfit.machine import WAITING

os.environ.update(WAITING)

import copy
import resource
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import resnet18

from wellfit.data.memory import keep_freed
from wellfit.models.cnn import cnn
from wellfit.train.draws import Draws
from wellfit.train.hidden import HiddenStage
from wellfit.train.losses import Loss
from wellfit.train.network import Batch, Objective
from wellfit.train.one_by_one import OneByOne

RATE, MOMENTUM = 0.01, 0.9
Step = Callable[[], None]


def filters_with_channels_last(w: Tensor) -> Tensor:
    """Return a copy of stacked filters (P, K, C, H, W) with their channels last in memory; other tensors as they are.

    Filters and their gradients are then not turned around on the way to oneDNN and back: of a ResNet-18's step it saved
    5 % in one run and nothing that could be told in the next. ``zeros_like`` and ``clone`` keep the layout; ``flatten``
    makes a copy in another.
    """
    if w.ndim != 5:
        return w
    return w.permute(0, 1, 3, 4, 2).clone(memory_format=torch.contiguous_format).permute(0, 1, 4, 2, 3)


def small_cnn() -> nn.Module:
    """Return the small network of the speed goals, for 1 x 28 x 28."""
    return cnn((1, 28, 28), [32, 64, 128], [], 10)


def small_stem() -> nn.Module:
    """Return torchvision's ResNet-18 as it is used for images of 32 x 32."""
    module: nn.Module = resnet18(num_classes=10)
    module.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    module.maxpool = nn.Identity()
    return module


NETWORKS = {"cnn": (small_cnn, (1, 28, 28)), "resnet18": (small_stem, (3, 32, 32))}


def plain(module: nn.Module, x: Tensor, y: Tensor, *, channels_last: bool, rounds: bool) -> Step:
    """Return a step of the plain loop."""
    if channels_last:
        module, x = module.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(module.parameters(), lr=RATE, momentum=MOMENTUM)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=rounds):
            z = module(x)
        torch.autograd.backward(F.cross_entropy(z.float(), y))
        optimizer.step()

    return step


def ours(module: nn.Module, x: Tensor, y: Tensor, members: int, *, channels_last: bool, rounds: bool) -> Step:
    """Return a step of ``members`` members of one seed."""
    network = OneByOne(module, (), why="", channels_last=channels_last, precision="bf16" if rounds else "fp32")
    stacked = {name: torch.stack([p.detach()] * members) for name, p in module.named_parameters()}
    if channels_last:
        stacked = {name: filters_with_channels_last(w) for name, w in stacked.items()}
    buffers = {name: torch.stack([b] * members) for name, b in module.named_buffers()}
    moving = {name: torch.zeros_like(w) for name, w in stacked.items()}
    hidden = HiddenStage({}, Draws([0], torch.zeros(members, dtype=torch.int64), x.device))
    batch = Batch(x[None], y.expand(members, -1), (slice(0, members),), torch.zeros(members, dtype=torch.int64))
    objective = Objective(Loss(lambda z, y: F.cross_entropy(z, y, reduction="none")))

    def step() -> None:
        _, _, g = network.gradients(stacked, buffers, batch, objective, hidden)
        with torch.no_grad():
            for name, w in stacked.items():
                moving[name].mul_(MOMENTUM).add_(g[name])
                w.sub_(moving[name], alpha=RATE)

    return step


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=list(NETWORKS), default="cnn")
    parser.add_argument("--members", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=4, help="steps of a round")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--freed", choices=["kept", "default"], default="kept", help="for all candidates alike")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.freed == "kept":
        keep_freed()
    make, shape = NETWORKS[given.network]
    torch.manual_seed(0)
    start = make()
    x, y = torch.randn(given.batch_size, *shape), torch.randint(0, 10, (given.batch_size,))
    steps: dict[str, tuple[Step, int]] = {}
    for rounds in (False, True):
        for last in (False, True):
            what = f"{'bf16' if rounds else 'fp32'}{', channels last' if last else ''}"
            steps[f"plain, {what}"] = plain(copy.deepcopy(start), x, y, channels_last=last, rounds=rounds), 1
            mine = ours(copy.deepcopy(start), x, y, given.members, channels_last=last, rounds=rounds)
            steps[f"wellfit, {what}"] = mine, given.members
    spent: dict[str, list[tuple[float, float, float]]] = {name: [] for name in steps}
    for at in range(-1, given.rounds):
        for name, (step, members) in steps.items():
            taken = _timed(step, given.steps if at >= 0 else 1, members)
            spent[name] += [taken] if at >= 0 else []
    print("| who | processor ms a step and member | wall ms | page faults | every round, processor ms |")
    print("|---|---|---|---|---|")
    for name, each in spent.items():
        medians = [statistics.median(column) for column in zip(*each, strict=True)]
        raw = ", ".join(f"{one[0]:.1f}" for one in each)
        print(f"| {name} | {medians[0]:.1f} | {medians[1]:.1f} | {medians[2]:.0f} | {raw} |")


def _timed(step: Step, steps: int, members: int) -> tuple[float, float, float]:
    """Return processor and wall time in ms and page faults of a step and member."""
    wall, spent, faults = time.perf_counter(), time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(steps):
        step()
    count = steps * members
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
    return (time.process_time() - spent) / count * 1e3, (time.perf_counter() - wall) / count * 1e3, faults / count


if __name__ == "__main__":
    main()
