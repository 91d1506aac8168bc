"""How long training takes here: seconds an epoch of a member, measured, or guessed from what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import median

from wellfit.train.member import Member

RECENT = 5
"""Epochs whose median stands for those to come."""


class Pace:
    """Seconds that members take; ``size`` is what a member's work grows with (its network's parameters)."""

    def __init__(self, size: Callable[[Member], float]) -> None:
        self._size = size
        self._seconds: dict[str, list[float]] = {}
        self._sizes: dict[str, float] = {}

    def note(self, member: Member, seconds: float) -> None:
        """Take in what an epoch of such a member took."""
        self._sizes.setdefault(member.structure, self._size(member))
        self._seconds.setdefault(member.structure, []).append(seconds)

    def epoch(self, member: Member) -> float:
        """Return the seconds of an epoch; 0 where nothing was measured yet.

        Of another structure: those of the measured one whose size is nearest, times the ratio of sizes if that is above
        1, as a smaller network is not surely faster.
        """
        known = self._seconds.get(member.structure)
        if known:
            return median(known[-RECENT:])
        if not self._sizes:
            return 0.0
        size = self._size(member)
        near = min(self._sizes, key=lambda structure: abs(self._sizes[structure] - size))
        return median(self._seconds[near][-RECENT:]) * max(1.0, size / max(self._sizes[near], 1.0))

    def run(self, member: Member, *, done: int = 0, extra: float = 0.0) -> float:
        """Return the seconds that a run still takes after ``done`` epochs, and ``extra`` more, in epochs."""
        return self.epoch(member) * (max(member.recipe.epochs - done, 0) + extra)

    def runs(self, members: Iterable[Member], *, extra: float = 0.0) -> float:
        """Return the seconds of whole runs."""
        return sum(self.run(member, extra=extra) for member in members)
