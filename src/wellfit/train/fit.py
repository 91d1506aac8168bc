"""Train a population to its end: epochs, evaluation, stage 6, events, checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from wellfit.recipe.loss import LossSpec
from wellfit.record import EpochRow, RunRecord, Status, best_epoch, better_sign
from wellfit.regularize.gradient.clip_norm import gradient_norm
from wellfit.regularize.stages import Stopping, TargetRule
from wellfit.train import checkpoint as disk
from wellfit.train.denormals import flushed
from wellfit.train.evaluate import evaluate, measure_of
from wellfit.train.events import EpochEnded, Event, Key, MemberFinished, PopulationEnded, PopulationStarted
from wellfit.train.feed import Feed, feed_order
from wellfit.train.losses import make_loss
from wellfit.train.member import Member
from wellfit.train.network import Network
from wellfit.train.plan import choose_network, start_modules
from wellfit.train.population import Population
from wellfit.train.replicate import Replicate
from wellfit.train.sites import find_sites
from wellfit.train.step import step

NORM_EVERY = 16
"""The gradient norm is measured at the first and then every 16th step of an epoch."""

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

    Yields
    ------
    Event
        ``PopulationStarted``, then for each epoch ``EpochEnded`` and a ``MemberFinished`` for each member that leaves
        after it, and at last ``PopulationEnded``. The epoch's checkpoint is written after its events: whoever listens
        has stored them by then.

    """
    began = time.perf_counter()
    device = device or default_device()
    ordered = sorted(members, key=feed_order)
    marks = {member.key: disk.mark(member, replicates[member.sees]) for member in ordered}
    saved = _saved(checkpoint, marks)
    modules = start_modules(ordered, replicates)
    first = replicates[ordered[0].sees]
    sites = find_sites(modules[0], first.shape)
    network = choose_network(modules[0], ordered, sites=sites, shape=first.shape, device=device)
    steps = -(-len(first.split.train) // ordered[0].recipe.batch_size)
    population = Population(ordered, modules, sites=sites, steps=steps, device=device)
    curves: Curves = {member.key: [] for member in ordered}
    if saved is not None:
        rows = list(saved.marks)
        population.load(saved.tensors, [rows.index(member.key) for member in ordered], saved.t)
        curves = {member.key: list(saved.curves[member.key]) for member in ordered}
    done = saved.epoch if saved else 0
    most = max(member.recipe.epochs for member in ordered)
    yield PopulationStarted(tuple(member.key for member in ordered), most, done, network.how)
    for epoch in range(done + 1, most + 1):
        yield from _epoch(population, network, replicates, curves, epoch, device, leave)
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
    population: Population,
    network: Network,
    replicates: Mapping[int, Replicate],
    curves: Curves,
    epoch: int,
    device: torch.device,
    leave: Leave,
) -> Iterator[Event]:
    """Train and measure one epoch; members that are done leave the population."""
    began = time.perf_counter()
    members = population.members
    with flushed():
        population.begin_epoch(epoch, [scores(member, curves[member.key]) for member in members])
        trained = _train(population, network, replicates, epoch, device)
        rows = _measure(population, network, replicates, epoch, trained, device)
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


@dataclass(frozen=True)
class _Trained:
    """What an epoch's steps came to: means over samples and steps (P,), float64."""

    losses: Tensor
    terms: Tensor
    norms: Tensor


def _train(
    population: Population, network: Network, replicates: Mapping[int, Replicate], epoch: int, device: torch.device
) -> _Trained:
    """Train one epoch."""
    recipe = population.members[0].recipe
    loss = make_loss(cast(LossSpec, recipe.loss), pixels=replicates[population.members[0].sees].pixels)
    rules = population.of_stage(TargetRule)
    feed = Feed(population.members, replicates, batch_size=recipe.batch_size, device=device, rules=rules)
    total = torch.zeros(len(population), dtype=torch.float64, device=device)
    extra, norms = torch.zeros_like(total), torch.zeros_like(total)
    for number, batch in enumerate(feed.epoch(epoch)):
        losses, terms, gradients = step(population, network, batch, loss)
        total += losses * batch.x.shape[1]
        extra += terms * batch.x.shape[1]
        if number % NORM_EVERY == 0:
            norms += gradient_norm(list(gradients.values()))
    return _Trained(total / feed.samples, extra / feed.samples, norms / -(-feed.steps // NORM_EVERY))


def _measure(
    population: Population,
    network: Network,
    replicates: Mapping[int, Replicate],
    epoch: int,
    trained: _Trained,
    device: torch.device,
) -> dict[Key, EpochRow]:
    """Return the members' rows of the epoch, without its time."""
    members = population.members
    loss = measure_of(members[0].recipe, pixels=replicates[members[0].sees].pixels)
    where = (network, *population.evaluated(), members, dict(replicates))
    hidden = population.hidden if population.hidden.evaluation else None
    train = evaluate(*where, lambda replicate: replicate.probe, loss=loss, device=device, hidden=hidden)
    validation = evaluate(*where, lambda replicate: replicate.split.validation, loss=loss, device=device, hidden=hidden)
    penalty = population.penalty() + trained.terms
    lr = population.rates(population.moment(population.t))
    # saturated units answer finitely whatever their weights: a row of infinite weights is not finite either
    finite = torch.stack([w.flatten(1).isfinite().all(1) for w in population.leaves.values()]).all(0)
    objective = torch.where(finite, trained.losses + penalty, math.nan)
    columns = [t.tolist() for t in (train.loss, validation.loss, objective, penalty, lr, trained.norms)]
    found = (train.accuracy, validation.accuracy, train.iou, validation.iou)
    shares = [[None] * len(members) if share is None else share.tolist() for share in found]
    rows = {}
    for i, member in enumerate(members):
        train_loss, val_loss, total, penalties, rate, length = (column[i] for column in columns)
        rows[member.key] = EpochRow(
            epoch=epoch,
            train_loss=train_loss,
            val_loss=val_loss,
            train_accuracy=shares[0][i],
            val_accuracy=shares[1][i],
            objective=total,
            penalty=penalties,
            lr=rate,
            grad_norm=length,
            seconds=0.0,
            train_iou=shares[2][i],
            val_iou=shares[3][i],
        )
    return rows


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
