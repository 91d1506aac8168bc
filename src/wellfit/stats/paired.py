"""Two arms compared seed by seed: the paired t-test, its effect size, and how many seeds would settle it.

Arms share split, init, batch order and noise of a seed, so what a seed does to both cancels in the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wellfit.errors import InputError
from wellfit.stats.intervals import Interval, sample_sd, t_half_width, t_interval
from wellfit.stats.student import t_below

MAX_SEEDS = 10_000
"""``seeds_needed`` answers no more than this: the value itself then reads "this many or more"."""


@dataclass(frozen=True, slots=True)
class Paired:
    """The paired difference a - b over seeds. Every number is finite or ``None``, so it can go into JSON."""

    difference: float | None
    """Mean of a - b; ``None`` where no pair was finite."""
    ci95: Interval | None
    """Student-t interval of the difference; ``None`` for fewer than two pairs, and where ``p`` is."""
    p: float | None
    """Two-sided p of the paired t-test; ``None`` for fewer than two pairs. Without any spread between the pairs: 1
    where all differences are zero, else ``None`` (equal differences come from coarse values, such as accuracies on few
    samples; t would be infinite and claim a certainty that nobody has)."""
    dz: float | None
    """Effect size d_z = mean / sd of the differences (Cohen 1988), without small-sample correction. ``None`` for
    fewer than two pairs, and where the sd is zero but the difference is not (it would be infinite)."""
    sd: float | None
    """Sample standard deviation (n - 1) of the differences; ``None`` for fewer than two pairs."""
    n: int
    """Pairs that were used."""
    dropped: int
    """Pairs left out because one of the two was not finite (a diverged run)."""
    seeds_needed: int | None
    """Seeds in all (not: more) for the half-width that was asked for; ``None`` where none was, or for fewer than two
    pairs."""


def paired_difference(a: Sequence[float], b: Sequence[float], *, half_width: float | None = None) -> Paired:
    """Compare two arms by the paired t-test on the differences d = a - b, one per seed and in the same order.

    t = mean(d) / (sd(d) / sqrt(n)) with n - 1 degrees of freedom; the interval is mean(d) +/- t_{0.975, n-1} sd(d) /
    sqrt(n). Pairs of which one is not finite are left out and counted. ``half_width``, in the units of the values,
    asks for ``seeds_needed``. Source: Student (1908); d_z: Cohen, "Statistical power analysis" (1988), section 2.3.5.

    Raises
    ------
    InputError
        If the two do not have as many values, or ``half_width`` is not above 0.

    """
    first, second = (np.asarray(values, dtype=np.float64).reshape(-1) for values in (a, b))
    if first.size != second.size:
        raise InputError("paired difference", f"{first.size} and {second.size} values", "one value per seed in both")
    kept = np.isfinite(first) & np.isfinite(second)
    first, second = first[kept], second[kept]
    magnitude = float(max(np.abs(first).max(), np.abs(second).max())) if first.size else 0.0
    dropped = int(kept.size - first.size)
    return against_zero(first - second, magnitude=magnitude, dropped=dropped, half_width=half_width)


def against_zero(
    differences: np.ndarray, *, magnitude: float, dropped: int = 0, half_width: float | None = None
) -> Paired:
    """Test finite per-seed contrasts, float64 ``(seeds,)``, against zero by the one-sample t-test.

    ``magnitude`` is the size of the values that the contrasts were computed from; a spread below its rounding is zero.
    """
    n = int(differences.size)
    if n == 0:
        return Paired(None, None, None, None, None, 0, dropped, None)
    mean = float(differences.mean())
    if abs(mean) <= 4 * np.finfo(np.float64).eps * magnitude:
        mean = 0.0  # what is left of equal arms after summation
    sd = sample_sd(differences, magnitude=magnitude)
    if sd is None:
        return Paired(mean, None, None, None, None, n, dropped, None)
    if sd == 0 and mean != 0:
        return Paired(mean, None, None, None, sd, n, dropped, None)
    dz = mean / sd if sd > 0 else 0.0
    return Paired(
        difference=mean,
        ci95=t_interval(mean, sd, n),
        p=two_sided_p(mean, sd, n),
        dz=dz,
        sd=sd,
        n=n,
        dropped=dropped,
        seeds_needed=None if half_width is None else seeds_needed(sd, half_width),
    )


def two_sided_p(mean: float, sd: float, n: int) -> float:
    """Return P(|T_{n-1}| >= |mean| sqrt(n) / sd), in [0, 1]; 1 where both ``mean`` and ``sd`` are 0."""
    return 1.0 if sd == 0 else float(2 * t_below(n - 1, -abs(mean) * np.sqrt(n) / sd))


def seeds_needed(sd: float, half_width: float) -> int:
    """Return the smallest n >= 2 with t_{0.975, n-1} * sd / sqrt(n) <= half_width, at most ``MAX_SEEDS``.

    Exact in n (t itself depends on it: the normal approximation asks for too few seeds), but ``sd`` is taken as known:
    from three seeds it may be off by a factor of two. ``MAX_SEEDS`` reads "this many or more".

    Raises
    ------
    InputError
        If ``sd`` is negative or ``half_width`` is not above 0, or one of them is not finite.

    """
    if not (np.isfinite(sd) and sd >= 0):
        raise InputError("sd", f"received {sd!r}", "a finite number, 0 or more")
    if not (np.isfinite(half_width) and half_width > 0):
        raise InputError("half_width", f"received {half_width!r}", "a finite number above 0")
    if t_half_width(sd, MAX_SEEDS) > half_width:
        return MAX_SEEDS
    low, high = 1, MAX_SEEDS  # the half-width falls in n; high always suffices, low never does
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if t_half_width(sd, middle) <= half_width else (middle, high)
    return high
