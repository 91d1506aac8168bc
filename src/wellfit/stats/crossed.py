"""A gain measured on seeds and test samples at once: an interval that holds for new seeds *and* new samples.

The t interval over seeds (``paired``) takes the test set as given: with 300 test samples and five seeds it may exclude
zero because of these 300. Here both are drawn at random, and crossed: every seed is judged on the same samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from wellfit.errors import InputError
from wellfit.stats.intervals import ROUNDING, Interval
from wellfit.stats.student import t_below, t_value


@dataclass(frozen=True, slots=True)
class Crossed:
    """A mean gain over seeds and test samples. Numbers are finite or ``None``."""

    difference: float
    """Mean gain, in the units of the gain."""
    ci95: Interval | None
    """95 % interval (wider where it is one of several ``simultaneous`` ones); ``None`` for a single value, and where
    all gains are the same but not 0: coarse values that agree are no certainty. [0, 0] where all are 0."""
    p: float | None
    """Two-sided p against zero, by the same variance and degrees of freedom; 1 where all gains are 0; ``None`` where
    there is no interval. Not corrected for ``simultaneous``."""
    df: float | None
    """Satterthwaite's degrees of freedom; ``None`` where the gains have no spread."""
    seeds: int
    """Seeds that were used."""
    samples: int
    per_seed: tuple[float, ...]
    """Mean gain of each seed that was used."""
    dropped: int
    """Seeds left out because one of their gains was not finite (a diverged run)."""

    @property
    def seeds_in_it(self) -> bool:
        """Whether the interval holds for new seeds as well: with one seed it is about test samples alone."""
        return self.seeds > 1


def crossed_difference(gain: np.ndarray, *, simultaneous: int = 1) -> Crossed | None:
    """Return the mean gain of an arm over its control, with an interval for new seeds and new test samples.

    mean +/- t_{df, 1 - 0.025/m} sqrt(v), m: ``simultaneous``; v and df as :func:`mean_variance` gives them.
    S = 3, N = 10,000 gives about 2 degrees of freedom where the seeds differ and thousands where they do not. By
    simulation it covers 93 to 99 % from three seeds on, for normal gains and for differences of 0/1 correctness
    (``benchmarks/crossed.py``); with two seeds, whose spread nobody knows, down to 89 %. Where seeds do not differ at
    all it is up to half as wide again as needed. One seed: the t interval over its samples, which says nothing about
    other seeds (``Crossed.seeds_in_it``).

    Parameters
    ----------
    gain
        float ``(seeds, samples)``: the per-sample gain of the arm over its control, on the same samples in every seed;
        positive: the arm is better. For a loss: control - arm; for correctness: arm - control, in {-1, 0, 1}. A seed
        with a value that is not finite is left out whole.
    simultaneous
        How many such intervals are to hold together (Bonferroni: each at 1 - 0.05/m), 1 or more.

    Returns
    -------
    Crossed | None
        ``None`` where no seed is whole, or there is no sample.

    Raises
    ------
    InputError
        If ``gain`` has not two axes, or ``simultaneous`` is below 1.

    """
    given = np.asarray(gain, dtype=np.float64)
    if given.ndim != 2:
        raise InputError("gain", f"received {given.ndim} axes", "two: (seeds, samples)")
    if simultaneous < 1:
        raise InputError("simultaneous", f"received {simultaneous!r}", "1 or more")
    kept = given[np.isfinite(given).all(axis=1)]
    seeds, samples = kept.shape
    if seeds == 0 or samples == 0:
        return None
    mean = float(kept.mean())
    variance, df = mean_variance(kept)
    ci95, p = (None, None) if kept.any() else (Interval(0.0, 0.0), 1.0)
    if variance > (ROUNDING * float(np.abs(kept).max())) ** 2:
        half = float(t_value(df, 1 - 0.025 / simultaneous)) * math.sqrt(variance)
        ci95, p = Interval(mean - half, mean + half), float(2 * t_below(df, -abs(mean) / math.sqrt(variance)))
    return Crossed(
        difference=mean,
        ci95=ci95,
        p=p,
        df=df if variance > 0 else None,
        seeds=seeds,
        samples=samples,
        per_seed=tuple(kept.mean(axis=1).tolist()),
        dropped=given.shape[0] - seeds,
    )


def mean_variance(gain: np.ndarray) -> tuple[float, float]:
    """Return the variance of the mean of finite gains ``(seeds, samples)`` and its degrees of freedom.

    Two-way random effects with one value per cell: g_sn = mu + a_s + b_n + e_sn. With the mean squares of seeds, of
    samples and of what is left, MS_a, MS_b, MS_e:

        v = max(MS_a + MS_b - MS_e, MS_a, MS_b) / (S N)        (= var(a)/S + var(b)/N + var(e)/(S N) without the max)
        df = (v S N)^2 / (MS_a^2 / (S-1) + MS_b^2 / (N-1) + MS_e^2 / ((S-1) (N-1)))

    One seed, or one sample: s^2 / n of the t interval over the other. One value: 0.
    Sources: Searle, Casella & McCulloch 1992, "Variance components", chapter 4; Satterthwaite 1946.
    """
    seeds, samples = gain.shape
    mean = gain.mean()
    by_seed, by_sample = gain.mean(axis=1), gain.mean(axis=0)
    if seeds == 1 or samples == 1:
        values = gain.reshape(-1)
        return (float(values.var(ddof=1)) / values.size, values.size - 1.0) if values.size > 1 else (0.0, 1.0)
    rest = gain - by_seed[:, None] - by_sample + mean
    ms_seed = samples * float(((by_seed - mean) ** 2).sum()) / (seeds - 1)
    ms_sample = seeds * float(((by_sample - mean) ** 2).sum()) / (samples - 1)
    ms_rest = float((rest**2).sum()) / ((seeds - 1) * (samples - 1))
    total = max(ms_seed + ms_sample - ms_rest, ms_seed, ms_sample)
    spread = ms_seed**2 / (seeds - 1) + ms_sample**2 / (samples - 1) + ms_rest**2 / ((seeds - 1) * (samples - 1))
    return total / (seeds * samples), total**2 / spread if spread > 0 else 1.0
