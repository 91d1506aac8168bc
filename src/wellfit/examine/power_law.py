"""The power law of learning curves, fitted to errors over seeds and sizes, and what it says of more data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wellfit.stats.intervals import Interval
from wellfit.stats.student import t_value

Array = npt.NDArray[np.float64]

EXPONENTS = np.geomspace(0.02, 2.5, 60)
"""Values of b that are tried. Measured learning curves have 0.05 to 1 (Hestness et al. 2017, Rosenfeld et al. 2020)."""

FINER = 3
"""How often the grid is refined around the best b."""

HUBER = 1.5
"""Robust deviations from the middle from which a seed's value weighs less."""

DRAWS = 2000
"""Resamples of the seeds."""

PRIOR_SEEDS = 4
"""How many seeds the pooled spread of all sizes counts, beside the seeds of a size itself."""

LAW_ERROR = 0.03
"""How far a doubling of the data departs from the law itself, as a share: real curves only nearly follow it."""


@dataclass(frozen=True)
class PowerLaw:
    """err(n) = a (n / scale)^-b + c, with a, b, c >= 0; ``scale`` is the largest size that was seen."""

    a: float
    b: float
    c: float
    scale: float

    def at(self, n: float) -> float:
        """Return the error at ``n`` samples."""
        return float(self.a * (n / self.scale) ** -self.b + self.c)

    def times_for(self, error: float) -> float:
        """Return how many times ``scale`` samples it takes to reach an error; infinite where it never gets there."""
        if error >= self.at(self.scale):
            return 1.0
        if error <= self.c or self.a <= 0:
            return np.inf
        return float((self.a / (error - self.c)) ** (1 / self.b))


@dataclass(frozen=True)
class Fit:
    """The law fitted to what was seen, and as many others as resamples of the seeds gave."""

    law: PowerLaw
    draws: tuple[PowerLaw, ...]
    noise: Array
    """For each draw a standard normal number and one of Student's t: new noise, and the law's own error."""
    spread: float
    """Standard error of a mean over seeds at the largest size, as a share of it, without what all sizes share."""

    def forecast(self, times: float, *, level: float = 0.95) -> tuple[float, Interval]:
        """Return the law's error at ``times`` the largest size, and an interval for the mean of these seeds."""
        n = times * self.law.scale
        middle = self.law.at(n)
        own = np.array([law.at(n) for law in self.draws])
        wide = np.hypot(self.spread, LAW_ERROR * np.log2(max(times, 1.0)))
        low, high = np.quantile(own * np.exp(wide * self.noise), [(1 - level) / 2, (1 + level) / 2])
        return middle, Interval(min(float(low), middle), max(float(high), middle))

    def times_for(self, error: float, *, level: float = 0.95) -> tuple[float, Interval]:
        """Return how many times the data it takes to reach an error; ends may be infinite."""
        own = np.sort([law.times_for(error) for law in self.draws])
        last = len(own) - 1
        low, high = own[int((1 - level) / 2 * last)], own[int(np.ceil((1 + level) / 2 * last))]
        middle = self.law.times_for(error)
        return middle, Interval(min(float(low), middle), max(float(high), middle))


def fit_power_law(sizes: Sequence[float], errors: npt.ArrayLike, *, seed: int = 0, draws: int = DRAWS) -> Fit:
    """Fit the law to errors of seeds at sizes.

    What all sizes of a seed share, as an easy validation set, is a factor of its own: it is taken out, so that the law
    is that of these seeds on average, and its intervals hold for them. Each size counts by its robust mean over seeds
    (Huber), weighted by 1 / SE^2, whose spread is shrunk toward that of all sizes. b is searched on a grid; a and c
    follow by least squares, with 0 <= c <= the smallest mean seen. Draws resample whole seeds; their deviations are
    widened by sqrt(S / (S - 1)) and sqrt(K / (K - 1)), which the means and the factors took, and by Student's t with
    (S - 1) (K - 1) degrees of freedom, as the spread is known from these values alone.

    Parameters
    ----------
    sizes
        K >= 3 different numbers of samples.
    errors
        float (S, K), S >= 2: lower is better, at each size most are positive.
    seed, draws
        Of the resamples.

    """
    n = np.asarray(sizes, dtype=np.float64)
    values = _alike(np.asarray(errors, dtype=np.float64))
    count, kinds = values.shape
    middle = _robust_mean(values[None])[0]
    weights = 1 / _spreads(values, middle) ** 2
    generator = np.random.default_rng(seed)
    rows = generator.integers(count, size=(draws, count))
    free = (count - 1) * (kinds - 1)
    wider = np.sqrt(count / (count - 1) * kinds / (kinds - 1)) * t_value(free, 0.975) / t_value(np.inf, 0.975)
    sampled = middle + wider * (_robust_mean(values[rows]) - middle)
    means = np.vstack([middle, np.maximum(sampled, middle * 1e-3)])
    scale = float(n.max())
    found = [PowerLaw(a, b, c, scale) for a, b, c in _solve(n / scale, means, weights).tolist()]
    residual = values / middle
    own = residual - residual.mean(1, keepdims=True)
    spread = float(np.sqrt((own**2).sum() / free / count))
    return Fit(found[0], tuple(found[1:]), generator.standard_t(free, size=draws), spread)


def _alike(values: Array) -> Array:
    """Return the errors (S, K) without the factor that all sizes of a seed share; on average they stay as they are."""
    shares = values / np.maximum(_robust_mean(values[None]), np.finfo(np.float64).tiny)
    level = np.median(shares, axis=1, keepdims=True)
    level = np.where(level > 0, level, 1.0)
    result: Array = values / level * level.mean()
    return result


def _robust_mean(values: Array) -> Array:
    """Return the Huber means over the middle axis of (B, S, K)."""
    middle = np.median(values, axis=1, keepdims=True)
    scale = 1.4826 * np.median(np.abs(values - middle), axis=1, keepdims=True)
    scale = np.maximum(scale, 1e-12 + 0.3 * values.std(axis=1, keepdims=True))
    for _ in range(8):
        far = np.abs(values - middle) / (HUBER * scale)
        weights = 1 / np.maximum(far, 1.0)
        middle = (weights * values).sum(1, keepdims=True) / weights.sum(1, keepdims=True)
    result: Array = middle[:, 0]
    return result


def _spreads(values: Array, middle: Array) -> Array:
    """Return the standard deviation of each size (K,), shrunk toward the share of the error that all have in common."""
    count = len(values)
    shares = ((values / middle - 1) ** 2).sum(0) / (count - 1)
    pooled = shares.mean()
    mixed = (PRIOR_SEEDS * pooled + (count - 1) * shares) / (PRIOR_SEEDS + count - 1)
    result: Array = middle * np.sqrt(np.maximum(mixed, 1e-8))
    return result


def _solve(r: Array, means: Array, weights: Array) -> Array:
    """Return a, b, c (B, 3) of the best laws for means (B, K) at relative sizes r (K,).

    The grid of b is searched once as it stands, then ever more finely around what was best.
    """
    rows = np.arange(len(means))
    b = np.broadcast_to(EXPONENTS, (len(means), len(EXPONENTS)))
    step = float(np.log(EXPONENTS[1] / EXPONENTS[0]))
    for _ in range(FINER + 1):
        a, c, loss = _linear(r[None, None, :] ** -b[:, :, None], means, weights)
        best = loss.argmin(1)
        middle = b[rows, best]
        found = np.stack([a[rows, best], middle, c[rows, best]], axis=1)
        b = middle[:, None] * np.exp(step * np.linspace(-1, 1, 9))
        step /= 4
    return found


def _linear(powers: Array, means: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Return a, c and the weighted squares (B, G) of the best laws whose r^-b are ``powers`` (B, G, K)."""
    y = means[:, None, :]
    s1, sp, spp = weights.sum(), powers @ weights, powers**2 @ weights
    sy, spy = y @ weights, (y * powers) @ weights
    c = (spp * sy - sp * spy) / np.maximum(s1 * spp - sp**2, 1e-300)
    c = np.clip(c, 0.0, means.min(1)[:, None])
    a = np.maximum((spy - c * sp) / spp, 0.0)
    residual = y - a[..., None] * powers - c[..., None]
    return a, c, residual**2 @ weights
