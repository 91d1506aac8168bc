"""The budget of a fit: wall time over all sessions, as text and as a clock."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from wellfit.errors import InputError

DEFAULT = 600.0
"""Seconds of a fit that is given no budget."""
LEAST, MOST = 1.0, 3.2e7
"""Seconds: from one to a year."""

_PARTS = re.compile(r"(?:(\d{1,9}(?:\.\d{1,6})?)h)?(?:(\d{1,9}(?:\.\d{1,6})?)m)?(?:(\d{1,9}(?:\.\d{1,6})?)s)?")
_SECONDS = (3600.0, 60.0, 1.0)


def parse_budget(text: str, *, where: str = "--budget") -> float:
    """Return the seconds that a text names: hours, minutes and seconds, in this order, each optional.

    >>> parse_budget("10m"), parse_budget("1h30m"), parse_budget("0.5h")
    (600.0, 5400.0, 1800.0)

    Raises
    ------
    InputError
        No such text, or not from a second to a year.

    """
    found = _PARTS.fullmatch("".join(text.split()).lower())
    seconds = (
        sum(float(part) * unit for part, unit in zip(found.groups(), _SECONDS, strict=True) if part) if found else 0
    )
    return check_budget(seconds, where=where, given=text)


def check_budget(seconds: float, *, where: str = "budget", given: object = None) -> float:
    """Return the seconds of a budget.

    Raises
    ------
    InputError
        Not from a second to a year.

    """
    if not LEAST <= seconds <= MOST:
        shown = str(seconds if given is None else given)[:40]
        raise InputError(where, f"received '{shown}'", "a time such as 90s, 10m or 1h30m, at least 1s")
    return float(seconds)


class Clock:
    """The time that a fit has used, in seconds, this session and those before it."""

    def __init__(self, budget: float, *, before: float = 0.0, now: Callable[[], float] = time.perf_counter) -> None:
        self.budget, self._before, self._now = budget, before, now
        self._began = now()

    @property
    def spent(self) -> float:
        """Seconds used so far."""
        return self._before + self._now() - self._began

    @property
    def left(self) -> float:
        """Seconds until the budget ends; negative after."""
        return self.budget - self.spent
