"""Racing: arms that are surely not the best leave early, so that seeds and epochs go to those that may be.

What is kept in check is the chance that the truly best arm leaves; when the others do costs only time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from wellfit.errors import InputError
from wellfit.stats.intervals import ROUNDING
from wellfit.stats.student import t_below

HUGE = 1e100
"""Values that large count as diverged: their squares would overflow."""

FEWEST = 3
"""Pairs of seeds below which no arm leaves by comparison."""

FEWEST_ARMS = 6
"""Arms below which each pair has its own variance alone: by simulation that saves as much there."""

CAUTION = 0.5
"""Part of its level that a test by the noise of all arms gets: noise does not quite add up where arms come in two
families that share theirs (two sorts of networks). By simulation the best arm is then lost in up to 6 % of races with
the whole level, and with half of it in 5 %, 5.5 % where an arm's own noise is a tenth of what its family shares."""

WILD = 25.0
"""An arm whose differences vary this many times as much as the middle arm's (five times in standard deviations) says
nothing about the noise of the others, and they nothing about its own."""


def eliminate(values: Mapping[str, Sequence[float]], *, looks: int, arms: int, alpha: float = 0.05) -> tuple[str, ...]:
    """Return the arms that leave now: another arm is better beyond doubt, or most of their runs diverged; never all.

    Arm i leaves if for some arm j still racing P(T_df > mean(d) sqrt(n) / sqrt(v)) < alpha / (looks (arms - 1)), where
    d = x_j - x_i over the n seeds on which both are finite. The variance v is the pair's own or that of the two arms'
    noise as all pairs together tell it, whichever is larger (:func:`difference_variance`): the own one alone has two
    degrees of freedom with three seeds, and hardly anybody would ever leave.

    Validity: the truly best arm has ``arms - 1`` rivals at ``looks`` looks, each a test that it fails with probability
    alpha / (looks (arms - 1)) at most, so the chance that it ever leaves is at most alpha by the union bound, however
    looks and rivals depend on each other. Taken for granted: the differences are roughly normal; the noise of arms
    adds up (seeds may shift all arms alike); "best" means best at the look, by the metric of that moment. Checked by
    simulation (``benchmarks/racing.py``): the bound holds for 2 to 16 arms, 1 to 4 looks, t-distributed noise with
    4 degrees of freedom, arms ten times as noisy as others, and two families of arms that share most of their noise
    (for which tests by all arms' noise have ``CAUTION`` times their level). Among equally good arms any is the best
    one. Below ``FEWEST`` seeds nobody leaves (with two, noise of unequal arms was seen to cost the best one in 6 % of
    races), nor by differences without any spread, as accuracies on few samples give.
    Sources: Maron & Moore 1994, Hoeffding races; Satterthwaite 1946 for df; Grubbs 1948 for the noise of each arm.

    Parameters
    ----------
    values
        Arm -> metric per seed, higher is better; the same seeds in the same order for all arms still racing. What is
        not finite is a diverged run: the seed is left out of the arm's pairs.
    looks
        How many looks there will be in all, 1 or more.
    arms
        How many arms began, those that have left included.
    alpha
        Chance of losing the best arm that is accepted, in (0, 1).

    Raises
    ------
    InputError
        If arms differ in their number of seeds, or a number is out of its range.

    """
    table = _table(values, looks=looks, arms=arms, alpha=alpha)
    if table.shape[0] < 2:
        return ()
    leaving = leave(table, level=alpha / (looks * (arms - 1)))
    return tuple(name for name, leaves in zip(values, leaving, strict=True) if leaves)


def race(looks: Sequence[np.ndarray], *, alpha: float = 0.05) -> np.ndarray:
    """Return at which look each arm left, int ``(..., arms)``: 1 for the first, 0 for arms that stayed to the end.

    The whole race on values that are known already, for simulating it and for planning: ``looks`` holds what is seen
    at each look, float64 ``(..., arms, seeds)``, higher is better (more seeds from look to look, or the same seeds
    after more epochs). Leading axes are independent races.
    """
    left = np.zeros(looks[0].shape[:-1], dtype=np.int64)
    level = alpha / (len(looks) * max(looks[0].shape[-2] - 1, 1))
    for index, values in enumerate(looks, start=1):
        racing = left == 0
        seen = np.where(racing[..., None], values, np.nan)
        left[leave(seen, level=level) & racing] = index
    return left


def leave(values: np.ndarray, *, level: float) -> np.ndarray:
    """Return which arms leave, bool ``(..., arms)``, at one look at ``values``, float64 ``(..., arms, seeds)``.

    Arms without any finite value leave as well, unless no arm has one: one arm always stays, the one with most finite
    values and, among such, the highest mean.
    """
    finite = np.abs(values) < HUGE  # false for NaN
    kept = np.where(finite, values, np.nan)
    gain, n, variance, df = paired_noise(kept)
    pair = (n >= FEWEST) & ~np.eye(values.shape[-2], dtype=bool)
    mean = np.where(np.isfinite(gain), gain, 0.0).sum(axis=-1) / np.maximum(n, 1)
    judged = pair & (variance > 0)
    t = mean * np.sqrt(n / np.where(judged, variance, 1.0))
    allowed = np.where(df > n - 1, CAUTION, 1.0) * level
    beaten = (judged & (mean > 0) & (t_below(df, -np.abs(t)) < allowed)).any(axis=-1)
    leaving: np.ndarray = beaten | (2 * finite.sum(axis=-1) < values.shape[-1])
    return leaving & ~(leaving.all(axis=-1, keepdims=True) & _first(values, finite))


def paired_noise(kept: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return of values ``(..., arms, seeds)``, NaN where there is none, by how much each arm j is above each arm i.

    Four arrays: the differences ``(..., i, j, seeds)``; of each pair the seeds behind it, and the variance and degrees
    of freedom of its differences over seeds (:func:`difference_variance`).
    """
    gain = kept[..., None, :, :] - kept[..., :, None, :]
    known = np.isfinite(gain)
    n = known.sum(axis=-1)
    own = sample_variance(gain)
    size = np.where(known, np.abs(kept)[..., :, None, :], 0.0).max(axis=-1, initial=0.0)
    own[own <= (ROUNDING * size) ** 2] = 0.0
    pair = (n >= FEWEST) & ~np.eye(kept.shape[-2], dtype=bool)
    return gain, n, *difference_variance(own, n, pair)


def sample_variance(values: np.ndarray) -> np.ndarray:
    """Return the variance of the finite values along the last axis, with n - 1; 0 for fewer than two."""
    known = np.isfinite(values)
    n = known.sum(axis=-1)
    mean = np.where(known, values, 0.0).sum(axis=-1) / np.maximum(n, 1)
    square = np.where(known, values - mean[..., None], 0.0) ** 2
    return np.asarray(square.sum(axis=-1) / np.maximum(n - 1, 1))


def difference_variance(own: np.ndarray, n: np.ndarray, pair: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return variance and degrees of freedom of each pair's differences over seeds, both float64 ``(..., arms, arms)``.

    If noise adds up, var(x_i - x_j) = s_i^2 + s_j^2. The mean over all pairs gives the common s^2 with (n - 1)(k - 1)
    degrees of freedom for k arms; the mean over the pairs of arm i, p_i = s_i^2 + mean_{j != i} s_j^2, gives its own
    s_i^2 = ((k - 1) p_i - k s^2) / (k - 2). An arm counts as no quieter than the common s^2, and as much noisier as it
    looks: v = 2 s^2 + e_i + e_j with e_i = max(0, s_i^2 - s^2), and at least the pair's ``own``. The degrees of
    freedom are Satterthwaite's, with n - 1 for what an arm has of its own. Arms that are ``WILD`` stay out of this and
    are judged by the variance of their own pairs; so are all below ``FEWEST_ARMS``.

    Parameters
    ----------
    own
        Sample variance of the differences of each pair, float64 ``(..., arms, arms)``, symmetric.
    n
        Seeds behind it, int, of the same shape.
    pair
        Which pairs there are, bool, of the same shape.

    """
    pooled = pair & ~_wild(own, pair)
    rivals = pooled.sum(axis=-1)  # (..., arms)
    k = np.maximum((rivals > 0).sum(axis=-1), FEWEST_ARMS)[..., None].astype(np.float64)
    pooled &= ((rivals > 0).sum(axis=-1) >= FEWEST_ARMS)[..., None, None]
    total = np.where(pooled, own, 0.0).sum(axis=-1)  # (..., arms)
    common = (total.sum(axis=-1) / np.maximum(rivals.sum(axis=-1), 1) / 2)[..., None]
    noise = ((k - 1) * total / np.maximum(rivals, 1) - k * common) / (k - 2)
    noise = np.maximum(noise, common)
    excess = noise - common
    v = 2 * common[..., None] + excess[..., :, None] + excess[..., None, :]
    part = noise**2 - common**2
    spread = (2 * common[..., None]) ** 2 / (k - 1)[..., None] + part[..., :, None] + part[..., None, :]
    each = np.maximum(n - 1, 1).astype(np.float64)
    df = np.where(pooled & (spread > 0), each * v**2 / np.where(spread > 0, spread, 1.0), each)
    return np.where(pooled, np.maximum(v, own), own), df


def _wild(own: np.ndarray, pair: np.ndarray) -> np.ndarray:
    """Return the pairs, bool ``(..., arms, arms)``, that have an arm far noisier than the middle one.

    An arm's noise is read from the lower median over its pairs, which one wild rival does not move.
    """
    rivals = pair.sum(axis=-1)
    typical = _lower_median(np.where(pair, own, np.inf), rivals)
    middle = _lower_median(np.where(rivals > 0, typical, np.inf), (rivals > 0).sum(axis=-1))
    wild = (rivals > 0) & (typical > WILD * middle[..., None])
    return np.asarray(wild[..., :, None] | wild[..., None, :])


def _lower_median(values: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Return the lower median of the ``count`` smallest along the last axis."""
    place = np.maximum(count - 1, 0) // 2
    return np.asarray(np.take_along_axis(np.sort(values, axis=-1), place[..., None], axis=-1)[..., 0])


def _first(values: np.ndarray, finite: np.ndarray) -> np.ndarray:
    """Return, as bool ``(..., arms)``, the arm with most finite values and, among such, the highest mean."""
    count = finite.sum(axis=-1)
    mean = np.where(finite, values, 0.0).sum(axis=-1) / np.maximum(count, 1)
    mean = np.where(count == count.max(axis=-1, keepdims=True), mean, -np.inf)
    return np.asarray(np.arange(values.shape[-2]) == mean.argmax(axis=-1)[..., None])


def _table(values: Mapping[str, Sequence[float]], *, looks: int, arms: int, alpha: float) -> np.ndarray:
    """Return the values as float64 ``(arms, seeds)``, checked."""
    if looks < 1:
        raise InputError("looks", f"received {looks!r}", "1 or more")
    if arms < len(values):
        raise InputError("arms", f"received {arms!r}, but {len(values)} still race", "how many arms began")
    if not 0 < alpha < 1:
        raise InputError("alpha", f"received {alpha!r}", "a number between 0 and 1")
    rows = [np.asarray(row, dtype=np.float64).reshape(-1) for row in values.values()]
    sizes = {row.size for row in rows}
    if len(sizes) > 1:
        raise InputError(
            "racing", f"arms with {sorted(sizes)} values", "one value per seed, the same seeds in all arms"
        )
    return np.stack(rows) if rows else np.empty((0, 0))
