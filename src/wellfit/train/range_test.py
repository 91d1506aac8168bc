"""Learning-rate range test: one start, trained briefly with learning rates on a logarithmic grid, all in lockstep."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from wellfit.errors import RecipeError
from wellfit.random import generator
from wellfit.recipe.schedule import ConstantSpec
from wellfit.record import RunRecord
from wellfit.regularize.stages import Stopping
from wellfit.train.events import Event, MemberFinished
from wellfit.train.fit import fit
from wellfit.train.member import Member
from wellfit.train.replicate import Replicate

Outcome = Literal["too small", "usable", "too large", "diverged"]

LOWEST, HIGHEST, POINTS, STEPS = 1e-5, 10.0, 25, 300
FEWEST_EPOCHS = 4
"""Epochs of a test at least: a large train set is cut to as many samples, so that the later ones can be told apart."""
STILL = 1e-12
"""The learning rate of the member that shows the loss where nothing is learned."""
SHARE = 0.5
"""The part of the deepest fall of the loss that a usable learning rate reaches."""
LEAST_FALL = 1e-3
"""The part of the first loss by which some learning rate must lower it."""
MARGIN = 3.0
"""How far below the best of a short test the suggestion is: long trainings need smaller steps at their end."""
MOST_MEASURED = 512
"""Samples on which the curves of a test are measured; its loss is that of the training steps."""


@dataclass(frozen=True)
class Trial:
    """One learning rate of the test."""

    lr: float
    loss: float
    """What was optimized, as a mean over the batches of the later half of the steps; infinite where it diverged."""
    outcome: Outcome


@dataclass(frozen=True)
class RangeTest:
    """What a range test found; ``best``, ``suggestion`` and ``usable`` are ``None`` where no learning rate learns."""

    trials: tuple[Trial, ...]
    start_loss: float
    """The same loss where nothing is learned."""
    best: float | None
    """The learning rate with the lowest loss."""
    suggestion: float | None
    usable: tuple[float, float] | None
    """The smallest and the largest learning rate around the best with at least half of its fall of the loss."""
    optimizer: str
    steps: int
    seed: int

    @property
    def at_edge(self) -> bool:
        """Whether the best is an end of the grid, so that a wider one may have a better."""
        return self.best in (self.trials[0].lr, self.trials[-1].lr)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "at_edge": self.at_edge}


def learning_rates(lowest: float, highest: float, points: int) -> tuple[float, ...]:
    """Return a logarithmic grid, each rounded to the two digits that a recipe would have.

    >>> learning_rates(0.001, 0.1, 5)
    (0.001, 0.0032, 0.01, 0.032, 0.1)
    """
    if not 0 < lowest < highest < math.inf or points < 3:
        raise RecipeError(
            "find_lr", f"received {points} points from {lowest:g} to {highest:g}", "3 or more, 0 < lowest < highest"
        )
    ratio = math.log(highest / lowest) / (points - 1)
    exact = [lowest * math.exp(i * ratio) for i in range(points)]
    rounded = tuple(dict.fromkeys(float(f"{lr:.2g}") for lr in exact))
    return rounded if len(rounded) == points else tuple(exact)


def judge(rates: Sequence[float], losses: Sequence[float], start: float) -> tuple[list[Outcome], float | None]:
    """Return the outcome of each learning rate (they ascend) and the suggestion.

    Best is the lowest loss. Usable are the learning rates around it, without a gap, whose loss fell at least half as
    far from ``start``. Suggested is the largest usable one of at most a third of the best, or the smallest usable. What
    is above the usable ones diverged if its loss is not below ``start``, else it is too large.
    """
    found = [loss if math.isfinite(loss) else math.inf for loss in losses]
    best = min(range(len(found)), key=found.__getitem__)
    if not start - found[best] > LEAST_FALL * abs(start):
        return ["diverged" if math.isinf(loss) else "too small" for loss in found], None
    bound = start - SHARE * (start - found[best])
    low = high = best
    while low > 0 and found[low - 1] <= bound:
        low -= 1
    while high + 1 < len(found) and found[high + 1] <= bound:
        high += 1
    usable = rates[low : high + 1]
    suggestion = max((lr for lr in usable if lr <= rates[best] / MARGIN), default=usable[0])

    def outcome(i: int) -> Outcome:
        if i < low:
            return "too small"
        if i <= high:
            return "usable"
        return "too large" if found[i] < start else "diverged"

    return [outcome(i) for i in range(len(found))], suggestion


def range_test(
    member: Member,
    replicate: Replicate,
    *,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    points: int = POINTS,
    steps: int = STEPS,
    device: torch.device | None = None,
    listen: Callable[[Event], None] = lambda event: None,
) -> RangeTest:
    """Train ``member`` for about ``steps`` steps with each learning rate, from the same start and on the same batches.

    The learning rate is constant and nothing stops early; all other regularizers act as they would. Apart from Smith
    2017 ("Cyclical learning rates for training neural networks", section 3.3), where one run goes through rising
    learning rates, none sees the damage that another has done.

    Raises
    ------
    RecipeError
        A grid that is none.

    """
    rates = learning_rates(lowest, highest, points)
    if steps < FEWEST_EPOCHS:
        raise RecipeError("find_lr", f"received {steps} steps", f"at least {FEWEST_EPOCHS}")
    batch = member.recipe.batch_size
    short = _shortened(replicate, batch * math.ceil(steps / FEWEST_EPOCHS))
    of_epoch = math.ceil(len(short.split.train) / batch)
    epochs = math.ceil(steps / of_epoch)
    losses: dict[str, float] = {}
    for event in fit(_members(member, (STILL, *rates), epochs), {member.seed: short}, device=device):
        listen(event)
        if isinstance(event, MemberFinished):
            losses[event.record.arm] = _late_loss(event.record, epochs)
    start, *each = [losses[_arm(lr)] for lr in (STILL, *rates)]
    outcomes, suggestion = judge(rates, each, start)
    trials = tuple(Trial(*row) for row in zip(rates, each, outcomes, strict=True))
    usable = [trial for trial in trials if trial.outcome == "usable"]
    return RangeTest(
        trials=trials,
        start_loss=start,
        best=min(usable, key=lambda trial: trial.loss).lr if usable else None,
        suggestion=suggestion,
        usable=(usable[0].lr, usable[-1].lr) if usable else None,
        optimizer=member.recipe.optimizer.kind,
        steps=epochs * of_epoch,
        seed=member.seed,
    )


def _arm(lr: float) -> str:
    return f"lr {lr:g}"


def _members(member: Member, rates: Sequence[float], epochs: int) -> list[Member]:
    recipe = member.recipe
    stopping = {name for name, method in member.methods.items() if isinstance(method, Stopping)}
    common: dict[str, Any] = {
        "schedule": ConstantSpec(),
        "epochs": epochs,
        "restore": "last",
        "regularizers": {name: given for name, given in recipe.regularizers.items() if name not in stopping},
    }
    optimizers = [recipe.optimizer.model_copy(update={"lr": lr}) for lr in rates]
    return [
        Member(_arm(lr), member.seed, recipe.model_copy(update=common | {"optimizer": optimizer}))
        for lr, optimizer in zip(rates, optimizers, strict=True)
    ]


def _shortened(replicate: Replicate, samples: int) -> Replicate:
    """Return the replicate with at most ``samples`` to train on, drawn by its seed; scaling stays as it is."""
    parts = replicate.split
    draw = generator(replicate.seed, "range test")
    chosen = torch.randperm(len(parts.train), generator=draw)[:samples].sort().values
    measured = replace(parts, train=parts.train[chosen], validation=_thinned(parts.validation))
    return replace(replicate, split=measured, probe=_thinned(replicate.probe))


def _thinned(rows: Tensor) -> Tensor:
    return rows[:: math.ceil(len(rows) / MOST_MEASURED)]


def _late_loss(record: RunRecord, epochs: int) -> float:
    """Return the mean objective of the later half of the epochs."""
    if record.status == "diverged":
        return math.inf
    late = record.series("objective")[epochs // 2 :]
    return sum(late) / len(late)
