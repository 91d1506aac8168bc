"""What ``fit`` says while it trains. Progress bars, the store and trackers listen; the engine knows none of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from wellfit.record import EpochRow, RunRecord
from wellfit.train.plan import Plan

Key = tuple[str, int]
"""A run: (arm, seed)."""


@dataclass(frozen=True)
class PopulationStarted:
    """A population begins, or goes on after ``epochs_done`` epochs."""

    members: tuple[Key, ...]
    epochs: int
    """The most epochs that a member will run."""
    epochs_done: int
    how: str
    """How the members are computed: ``stacked``, ``vmap`` or ``one by one``, with the reason where it is the last."""
    plan: Plan = field(default_factory=Plan)
    """The plan that it is computed by."""


@dataclass(frozen=True)
class EpochEnded:
    """All active members ended an epoch; its rows are final."""

    epoch: int
    rows: Mapping[Key, EpochRow]
    members_left: int
    """Members that go on to the next epoch."""
    seconds: float
    """Wall time of the epoch, evaluation included."""


@dataclass(frozen=True)
class MemberFinished:
    """A member left the population: all epochs done, stopped early, or diverged. ``record.test`` is still ``None``."""

    record: RunRecord
    weights: Mapping[str, Tensor]
    """The handed-over weights and buffers by their names in the plain network (CPU)."""


@dataclass(frozen=True)
class PopulationEnded:
    """Every member has left."""

    seconds: float


Event = PopulationStarted | EpochEnded | MemberFinished | PopulationEnded
