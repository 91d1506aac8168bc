"""Train a population to its end: epochs, evaluation, stage 6, events, checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import torch

from wellfit.data.memory import keep_freed
from wellfit.record import EpochRow, RunRecord, Status, best_epoch, better_sign
from wellfit.regularize.stages import Stopping
from wellfit.train import checkpoint as disk
from wellfit.train.choose import default_plan
from wellfit.train.events import EpochEnded, Event, Key, MemberFinished, PopulationEnded, PopulationStarted
from wellfit.train.member import Member
from wellfit.train.plan import Plan
from wellfit.train.replicate import Replicate
from wellfit.train.shards import Shards, make_shards, start_population

Curves = dict[Key, list[EpochRow]]
Leave = Callable[[int, Mapping[Key, Sequence[EpochRow]]], Collection[Key]]
"""(epoch, all curves so far) -> the members that are to leave now, beaten. A pure function of the curves: an epoch that
was interrupted is trained again and must end alike."""


def nobody(epoch: int, curves: Mapping[Key, Sequence[EpochRow]]) -> Collection[Key]:
    """Let all stay."""
    return ()


def fit(
    members: Sequence[Member],
    replicates: Mapping[int, Replicate],
    *,
    device: torch.device | None = None,
    checkpoint: Path | None = None,
    plan: Plan | None = None,
    leave: Leave = nobody,
) -> Iterator[Event]:
    """Train members of one structure in lockstep and yield what happens.

    Parameters
    ----------
    members
        Of one ``structure``; each key once.
    replicates
        By seed, or by ``Member.view`` where a seed has several: all of the members' data, of equal sizes.
    device, leave
        Where to compute (``None``: the first CUDA device, else the CPU), and who is asked which members leave a race.
    checkpoint
        The file that holds the population after each epoch. If it exists and holds all of the members, with the same
        recipes and data (and perhaps others, which are left out), they go on from it. It is removed when all have left.
    plan
        How to compute; ``None``: by rule (``default_plan``).

    Yields
    ------
    Event
        ``PopulationStarted``, then for each epoch ``EpochEnded`` and a ``MemberFinished`` for each member that leaves
        after it, and at last ``PopulationEnded``. The epoch's checkpoint is written after its events: whoever listens
        has stored them by then.

    """
    began = time.perf_counter()
    keep_freed()
    device = device or default_device()
    population, module = start_population(members, replicates, device)
    ordered = population.members
    marks = {member.key: disk.mark(member, replicates[member.sees]) for member in ordered}
    saved = _saved(checkpoint, marks)
    plan = plan or default_plan(ordered, module, shape=replicates[ordered[0].sees].shape, device=device)
    shards = make_shards(population, module, replicates, plan)
    curves: Curves = {member.key: list(saved.curves[member.key]) if saved else [] for member in ordered}
    if saved is not None:
        rows = list(saved.marks)
        population.load(saved.tensors, [rows.index(member.key) for member in ordered], saved.t)
    done = saved.epoch if saved else 0
    most = max(member.recipe.epochs for member in ordered)
    yield PopulationStarted(tuple(member.key for member in ordered), most, done, shards.how, shards.plan)
    with closing(shards):
        for epoch in range(done + 1, most + 1):
            yield from _epoch(shards, replicates, curves, epoch, leave)
            if not len(population):
                break
            if checkpoint is not None:
                left = {member.key: marks[member.key] for member in population.members}
                disk.save(checkpoint, disk.Checkpoint(left, epoch, population.t, curves, population.tensors()))
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    yield PopulationEnded(time.perf_counter() - began)


def _saved(path: Path | None, marks: Mapping[Key, str]) -> disk.Checkpoint | None:
    """Return the checkpoint to go on from, if there is one that holds all of these members as they are now."""
    if path is None or not path.exists():
        return None
    saved = disk.load(path)
    return saved if all(saved.marks.get(key) == mark for key, mark in marks.items()) else None


def default_device() -> torch.device:
    """Return the first CUDA device if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _epoch(
    shards: Shards, replicates: Mapping[int, Replicate], curves: Curves, epoch: int, leave: Leave
) -> Iterator[Event]:
    """Train and measure one epoch; members that are done leave the population."""
    began = time.perf_counter()
    population = shards.population
    members = population.members
    rows = shards.run_epoch(replicates, epoch, {m.key: scores(m, curves[m.key]) for m in members})
    seconds = time.perf_counter() - began
    for member in members:
        curves[member.key].append(replace(rows[member.key], seconds=seconds / len(members)))
    beaten = leave(epoch, curves)
    ends: dict[int, Status] = {i: "beaten" for i, member in enumerate(members) if member.key in beaten}
    ends |= {i: status for i, member in enumerate(members) if (status := _end(member, curves[member.key]))}
    population.remember_best([i for i, m in enumerate(members) if _is_best(m, curves[m.key])])
    staying = [i for i in range(len(members)) if i not in ends]
    yield EpochEnded(epoch, {m.key: curves[m.key][-1] for m in members}, len(staying), seconds)
    for i, status in ends.items():
        member = members[i]
        best = member.recipe.restore == "best" or status == "diverged"
        yield MemberFinished(_record(member, curves[member.key], status), population.handed_over(i, best=best))
    if ends:
        population.keep(staying)


def _end(member: Member, rows: Sequence[EpochRow]) -> Status | None:
    """Return how the member's training ended with its last row, or None if it goes on."""
    last = rows[-1]
    if not last.is_finite:
        return "diverged"
    if last.epoch >= member.recipe.epochs:
        return "complete"
    stoppers = [method for method in member.methods.values() if isinstance(method, Stopping)]
    return "stopped" if any(method.should_stop(scores(member, rows)) for method in stoppers) else None


def scores(member: Member, rows: Sequence[EpochRow]) -> list[float]:
    """Return the values that the member is monitored by, higher is better."""
    monitor = member.recipe.monitor
    return [better_sign(monitor) * row.value(monitor) for row in rows]


def _is_best(member: Member, rows: Sequence[EpochRow]) -> bool:
    return best_epoch(rows, member.recipe.monitor) == rows[-1].epoch


def _record(member: Member, rows: Sequence[EpochRow], status: Status) -> RunRecord:
    restored = best_epoch(rows, member.recipe.monitor)
    if member.recipe.restore == "last":
        restored = 0 if status == "diverged" else rows[-1].epoch
    return RunRecord(
        arm=member.arm,
        seed=member.seed,
        recipe=member.recipe.to_dict(),
        status=status,
        best_epoch=restored,
        curves=tuple(rows),
        seconds=sum(row.seconds for row in rows),
    )
