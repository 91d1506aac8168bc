"""One epoch of a population: its steps, and what it comes to afterwards."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from wellfit.recipe.loss import LossSpec
from wellfit.record import EpochRow
from wellfit.regularize.gradient.clip_norm import gradient_norm
from wellfit.regularize.stages import TargetRule
from wellfit.train.affine import AffineUpdates, is_affine
from wellfit.train.denormals import flushed
from wellfit.train.evaluate import evaluate, measure_of
from wellfit.train.events import Key
from wellfit.train.feed import Feed
from wellfit.train.losses import make_loss
from wellfit.train.network import Network
from wellfit.train.population import Population
from wellfit.train.replicate import Replicate
from wellfit.train.step import step

NORM_EVERY = 16
"""The gradient norm is measured at the first and then every 16th step of an epoch."""


def run_epoch(
    population: Population,
    network: Network,
    replicates: Mapping[int, Replicate],
    epoch: int,
    scores: Mapping[Key, Sequence[float]],
    check: Callable[[], None],
) -> dict[Key, EpochRow]:
    """Train and measure one epoch; return the members' rows, without their time.

    ``scores`` are the monitored values so far, for the schedules; ``check`` is called before each step and may raise.
    """
    with flushed():
        population.begin_epoch(epoch, [scores[member.key] for member in population.members])
        trained = _train(population, network, replicates, epoch, check)
        return _measure(population, network, replicates, epoch, trained, population.device)


@dataclass(frozen=True)
class _Trained:
    """What an epoch's steps came to: means over samples and steps (P,), float64."""

    losses: Tensor
    terms: Tensor
    norms: Tensor


@dataclass(frozen=True)
class Step:
    """What a step came to: the batch's size, each member's loss and what was added to it (P,), now and then the norm of
    its gradient.
    """

    samples: int
    losses: Tensor
    terms: Tensor
    norms: Tensor | None


def training_steps(
    population: Population, network: Network, replicates: Mapping[int, Replicate], epoch: int
) -> Iterator[Step]:
    """Take the steps of an epoch, of which ``Population.begin_epoch`` knows; what a step gives holds until the next."""
    recipe, device = population.members[0].recipe, population.device
    loss = make_loss(cast(LossSpec, recipe.loss), pixels=replicates[population.members[0].sees].pixels)
    rules = population.of_stage(TargetRule)
    feed = Feed(population.members, replicates, batch_size=recipe.batch_size, device=device, rules=rules)
    merges = network.merges and all(is_affine(member) for member in population.members)
    updates = AffineUpdates(population) if merges else None
    for number, batch in enumerate(feed.epoch(epoch)):
        measured = number % NORM_EVERY == 0
        losses, terms, gradients = step(population, network, batch, loss, None if measured else updates)
        norms = gradient_norm(list(gradients.values())) if measured else None
        yield Step(batch.x.shape[1], losses, terms, norms)


def _train(
    population: Population,
    network: Network,
    replicates: Mapping[int, Replicate],
    epoch: int,
    check: Callable[[], None],
) -> _Trained:
    total = torch.zeros(len(population), dtype=torch.float64, device=population.device)
    extra, norms = torch.zeros_like(total), torch.zeros_like(total)
    samples = measured = 0
    for done in training_steps(population, network, replicates, epoch):
        check()
        total += done.losses * done.samples
        extra += done.terms * done.samples
        samples += done.samples
        if done.norms is not None:
            norms += done.norms
            measured += 1
    return _Trained(total / samples, extra / samples, norms / measured)


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
