"""The mean of a few seeds and how far it can be trusted: Student's t interval.

With 3 or 5 seeds the normal quantile 1.96 is far too small (t has 4.30 and 2.78), so it is never used here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from wellfit.stats.student import t_value

ROUNDING = 64 * float(np.finfo(np.float64).eps)
"""A spread below this share of the values' magnitude is rounding of the subtraction, and counts as zero."""


class Interval(NamedTuple):
    """A closed interval, in the units of its values."""

    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of the interval's length, the number that is written behind a plus-minus sign."""
        return (self.high - self.low) / 2

    def holds(self, value: float) -> bool:
        """Whether ``value`` lies inside, ends included; for differences, ``holds(0)`` means *not resolved*."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds with its 95 % interval."""

    mean: float | None
    """``None`` where no value was finite."""
    ci95: Interval | None
    """``None`` for fewer than two values: one seed says nothing about the spread between seeds."""
    sd: float | None
    """Sample standard deviation (divisor n - 1); ``None`` for fewer than two values."""
    n: int
    """Finite values that were used."""
    dropped: int
    """Values left out because they were not finite (diverged runs)."""

    @property
    def half_width(self) -> float | None:
        """Half-width of the interval; ``None`` where there is none."""
        return None if self.ci95 is None else self.ci95.half_width


def t_quantile(n: int) -> float:
    """Return t_{0.975, n-1}, the two-sided 95 % quantile for ``n >= 2`` values."""
    return float(t_value(n - 1, 0.975))


def t_half_width(sd: float, n: int) -> float:
    """Return the half-width t_{0.975, n-1} * sd / sqrt(n) of a 95 % interval, ``n >= 2``, in the units of ``sd``."""
    return t_quantile(n) * sd / math.sqrt(n)


def t_interval(mean: float, sd: float, n: int) -> Interval | None:
    """Return mean +/- t_{0.975, n-1} * sd / sqrt(n), or ``None`` for ``n < 2``."""
    if n < 2:
        return None
    half = t_half_width(sd, n)
    return Interval(mean - half, mean + half)


def sample_sd(values: np.ndarray, *, magnitude: float) -> float | None:
    """Return the sample standard deviation (n - 1); exactly 0 below rounding, ``None`` for fewer than two values.

    ``magnitude`` is the size of the numbers that ``values`` were computed from: differences of equal pairs such as
    0.3 - 0.1 and 0.4 - 0.2 differ in their last bit, which must not become an infinite effect size.
    """
    if values.size < 2:
        return None
    sd = float(np.std(values, ddof=1))
    return 0.0 if sd <= ROUNDING * magnitude else sd


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean of ``values`` (one per seed) with its 95 % interval mean +/- t_{0.975, n-1} * sd / sqrt(n).

    It assumes independent, roughly normal values; it does not see what all seeds share (one fixed test set, one data
    set). Values that are not finite are left out and counted: a mean over the runs that survived is better than the
    arm is. Source: Student, "The probable error of a mean", Biometrika 6 (1908).
    """
    given = np.asarray(values, dtype=np.float64).reshape(-1)
    kept = given[np.isfinite(given)]
    n = int(kept.size)
    if n == 0:
        return Estimate(mean=None, ci95=None, sd=None, n=0, dropped=int(given.size))
    mean = float(kept.mean())
    sd = sample_sd(kept, magnitude=float(np.abs(kept).max()))
    ci95 = None if sd is None else t_interval(mean, sd, n)
    return Estimate(mean=mean, ci95=ci95, sd=sd, n=n, dropped=int(given.size) - n)
