"""What a fit says beside the events of training."""

from __future__ import annotations

from dataclasses import dataclass

from wellfit.train.events import Event


@dataclass(frozen=True)
class Step:
    """What is done next, and why, in words."""

    words: str
    spent: float
    """Seconds of the budget that are used."""
    budget: float


FitEvent = Event | Step
