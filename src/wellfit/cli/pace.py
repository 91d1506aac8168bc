"""Where a population stands: its best value so far, its pace, the time that it still needs."""

from __future__ import annotations

import math

from wellfit.recipe.plan import crew_words
from wellfit.record import better_sign
from wellfit.train.events import EpochEnded, PopulationStarted
from wellfit.views.numbers import count_text, duration_text, is_fraction, value_text

RECENT = 5
"""Epochs whose mean time stands for those to come: members that left have made the later ones faster."""


class State:
    """Where a population stands: its best value so far, and the time that it still needs."""

    def __init__(self, *, metric: str, epochs: int) -> None:
        self.metric, self.epochs = metric, epochs
        self.best, self.arm = math.nan, ""
        self._times: list[float] = []

    def update(self, event: EpochEnded) -> None:
        """Take in an epoch."""
        self._times.append(event.seconds)
        sign = better_sign(self.metric)
        for (arm, _), row in event.rows.items():
            value = row.value(self.metric)
            if math.isfinite(value) and not sign * value <= sign * self.best:
                self.best, self.arm = value, arm

    @property
    def seconds(self) -> float:
        """Mean seconds of the last epochs."""
        recent = self._times[-RECENT:]
        return sum(recent) / len(recent) if recent else math.nan

    def left(self, epoch: int) -> float:
        """Return the seconds that the epochs after ``epoch`` will take, if none of their members leaves."""
        return self.seconds * (self.epochs - epoch)

    @property
    def best_text(self) -> str:
        """The best value of any run so far, and its arm; empty before there is one."""
        if math.isnan(self.best):
            return ""
        return f"{self.best_short} ({self.arm})"

    @property
    def best_short(self) -> str:
        """The best value alone."""
        if math.isnan(self.best):
            return ""
        places = 1 if is_fraction(self.metric) else 4
        return f"best {self.metric} {value_text(self.metric, self.best, places=places)}"


def start_text(event: PopulationStarted) -> str:
    """Return who is trained, and how."""
    goes_on = f", going on after epoch {event.epochs_done}" if event.epochs_done else ""
    plan = event.plan
    crew = "" if plan.workers == 1 else f", {crew_words(plan.workers, processes=plan.processes)}"
    half = "" if plan.precision == "fp32" else f", {plan.precision}"
    return f"training {count_text(len(event.members), 'member')} ({event.how}{crew}{half}){goes_on}"


def pace_text(seconds: float) -> str:
    """Return ``4.1 s`` or ``350 ms``."""
    return f"{1000 * seconds:.0f} ms" if seconds < 0.9995 else duration_text(seconds)


def clock(seconds: float) -> str:
    """Return ``1:51`` or ``2:03:10``; at least a second, since it is not over yet."""
    whole = max(1, round(seconds)) if math.isfinite(seconds) else 0
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
