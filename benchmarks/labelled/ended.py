"""A training cut off where its labelled curve ends: at a constant learning rate that is the shorter training itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from benchmarks.labelled.cases import Arm, Family, Net
from benchmarks.labelled.truth import Oracle, end_of, smoothed


@dataclass(frozen=True, eq=False)
class Training:
    """One training of a family with all that was measured of it."""

    family: Family
    net: Net
    arm: Arm
    seed: int
    half: int
    chance: float
    """The loss of answering the train frequencies, or the mean of train, on the oracle."""
    guess: float
    """The same as a user knows it: on the train samples."""
    lr: float
    epochs: Sequence[int]
    series: Mapping[str, Sequence[float]]

    @classmethod
    def of(cls, family: Family, net: Net, found: Mapping[str, Any]) -> Training:
        """Read what ``training.train`` returned."""
        arm = next(arm for arm in net.arms if arm.name == found["arm"])
        kept = {name: found[name] for name in ("seed", "half", "chance", "guess", "lr", "epochs", "series")}
        return cls(family, net, arm, **kept)

    @cached_property
    def broken(self) -> int | None:
        """The position of the first measurement that is not finite."""
        losses = np.array([self.series["train_loss"], self.series["held_loss"]])
        bad = np.flatnonzero(~(np.abs(losses) < 1e30).all(0))
        return int(bad[0]) if bad.size else None

    @cached_property
    def held(self) -> np.ndarray:
        """The smoothed held-out loss, as far as it is finite."""
        return smoothed(self.series["held_loss"][: self.broken])

    @property
    def best(self) -> float:
        """The lowest held-out loss, at any epoch."""
        return float(self.held.min()) if self.held.size else float("inf")

    @property
    def is_plain(self) -> bool:
        """Whether nothing but its learning rate is its own."""
        return not self.arm.methods and self.arm.gain == 1.0 and self.arm.bias == 0.0


@dataclass(frozen=True, eq=False)
class Ended:
    """A training up to the epoch ``end``, seen through one of its validation sets."""

    training: Training
    end: int
    view: str
    cause: str
    reachable: float
    calm_best: float

    @property
    def broke(self) -> bool:
        """Whether a loss was not finite before its end."""
        return self.training.broken is not None and self.training.broken < self.end

    def upto(self, name: str) -> np.ndarray:
        """Return a series up to the end, or up to where the run broke."""
        stop = min(self.end, self.end if self.training.broken is None else self.training.broken)
        return np.asarray(self.training.series[name][:stop], dtype=float)

    @property
    def shown_train(self) -> str:
        """The series that is shown as train loss."""
        return "in_training" if self.training.arm.in_train_mode else "train_loss"

    @cached_property
    def held(self) -> np.ndarray:
        """The smoothed held-out loss up to the end."""
        return smoothed(self.upto("held_loss"))

    @property
    def shift(self) -> float:
        """By how much the validation set that is shown lies off the held-out loss at the end, as a share of D."""
        if self.broke:
            return 0.0
        known = self.oracle
        return (end_of(self.upto(f"{self.view}_loss")) - known.heldout_end) / known.winnable

    @cached_property
    def oracle(self) -> Oracle:
        """What is known of the run from outside."""
        one = self.training
        if self.broke or not self.held.size:
            return Oracle.broken(one.chance, self.reachable)
        train = self.upto("train_loss")
        last = int(np.searchsorted(one.epochs, 3 * self.end, side="right"))
        stop = last if one.broken is None else min(last, one.broken)
        later, later_train = one.held[self.end : stop], one.series["train_loss"][self.end : stop]
        end, best = end_of(self.upto("held_loss")), float(self.held.min())
        return Oracle(
            chance=one.chance,
            reachable=self.reachable,
            heldout_end=end,
            heldout_best=min(best, end),
            longer_best=min([*later, end]),
            calm_best=min(self.calm_best, best),
            train_end=end_of(train),
            train_best=float(smoothed(train).min()),
            train_longer=min([*later_train, end_of(train)]),
            train_peak=float(max(train.max(), self.upto("in_training").max())),
        )
