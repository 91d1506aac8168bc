"""Racing over epochs: an arm leaves when even what it may still win does not bring it to what a rival has already."""

from __future__ import annotations

import numpy as np

from wellfit.stats.racing import CAUTION, FEWEST, leave, paired_noise, sample_variance
from wellfit.stats.student import t_below

ALPHA = 0.05
"""Chance of losing the best arm that is accepted."""
EARLIEST = 4
"""Epochs before the first look: the fall from the first to the second epoch, and from there, must be known."""
MOST_GROWTH = 2.0
"""By how much the fall of an error may grow from one doubling of the epochs to the next: twice is what a fall in
proportion to the epochs does, as while weights still move at a constant pace. Without it arms that start late were lost
in up to 7 % of simulated races; with 1.5 in 3 %."""
TINY = 1e-6
HALF_OCTAVES = 8
"""Looks stand at E / 2^(i / 2) for i from here to 1: from a sixteenth of the epochs to seven tenths of them."""


def looks_over(epochs: int) -> tuple[int, ...]:
    """Return the epochs after which the arms are looked at, in a study whose longest arm has so many.

    >>> looks_over(64)
    (4, 6, 8, 11, 16, 23, 32, 45)
    >>> looks_over(4)
    ()
    """
    found = {round(epochs * 2 ** (-i / 2)) for i in range(1, HALF_OCTAVES + 1)}
    return tuple(sorted(epoch for epoch in found if EARLIEST <= epoch < epochs))


def level_of(looks: int, arms: int, *, alpha: float = ALPHA) -> float:
    """Return the level of one comparison: the best arm has ``arms - 1`` rivals at each look."""
    return alpha / (max(looks, 1) * max(arms - 1, 1))


def hoped(best: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return the error that each run may reach by its end at best, float64 ``(..., seeds)``: no more than it has now.

    The fall of the error, as a ratio, over the last doubling of the epochs is taken to come again in each doubling that
    is left; and where an arm's falls grow from doubling to doubling, to grow on, up to ``MOST_GROWTH`` times:

    s = ln(b(h) / b(e)) / log2(e / h), r = mean of s / mean of s' over the seeds, within [1, MOST_GROWTH],
    K = log2(E / e), hoped = b(e) exp(-s (r + r^2 + ... + r^K)) = b(e) exp(-s r (r^K - 1) / (r - 1)),

    with b the best error so far, h = floor(e / 2), and s' the fall from floor(h / 2) to h. Power laws (r = 1) and
    exponentials (r = 2) end there exactly if they fall to 0, and above it if they have a floor. Where b(h) is not known
    anything may be reached: 0.

    Parameters
    ----------
    best
        The best error so far after each epoch up to now, float64 ``(..., seeds, e)``, 0 or more, ``e`` at least
        ``EARLIEST``; NaN where there is none yet. An error is better when lower: a loss, or 1 - a share. A run that
        has ended keeps its best.
    ends
        Epochs that each run will have had at its end, ``(..., seeds)``; a run that has ended: at most ``e``.

    """
    e = best.shape[-1]
    h = e // 2
    now, half, quarter = (best[..., at - 1] for at in (e, h, h // 2))
    doublings = np.log2(np.maximum(ends, e) / e)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        fall = np.log(half / now) / np.log2(e / h)
        before = np.log(quarter / half) / np.log2(h / (h // 2))
    r = np.clip(_mean(fall) / np.maximum(_mean(before), TINY), 1 + TINY, MOST_GROWTH)
    with np.errstate(invalid="ignore", over="ignore"):
        reach = now * np.exp(-fall * r * (r**doublings - 1) / (r - 1))
    reach = np.where(np.isfinite(fall), reach, 0.0)
    return np.where(np.isnan(now), np.nan, np.where((doublings > 0) & (now > 0), reach, now))


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean of the finite values over the seeds ``(..., 1)``; 0 without any."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=-1, keepdims=True)
    return np.asarray(total / np.maximum(known.sum(axis=-1, keepdims=True), 1))


def beaten(now: np.ndarray, hope: np.ndarray, *, level: float) -> np.ndarray:
    """Return whether arm j has already what arm i will not reach, bool ``(arms i, arms j)``.

    With d = hope_i - now_j over the seeds that both have, P(T_df > mean(d) sqrt(n) / sqrt(v)) < ``level``. The variance
    v is the largest of three: that of the pair's differences now and that of their hopes, as all arms' noise tells them
    (``stats.racing``), and the sample variance of d.

    Parameters
    ----------
    now, hope
        Errors as they are, and as they may be at the end (:func:`hoped`), float64 ``(arms, seeds)``, NaN where there
        is none; lower is better.
    level
        Of one comparison (:func:`level_of`).

    """
    _, n, of_now, df_now = paired_noise(-now)
    _, _, of_hope, df_hope = paired_noise(-hope)
    behind = hope[:, None, :] - now[None, :, :]  # (i, j, seeds)
    mean = np.where(np.isfinite(behind), behind, 0.0).sum(axis=-1) / np.maximum(n, 1)
    df = np.where(of_hope > of_now, df_hope, df_now)
    v = np.maximum(np.maximum(of_now, of_hope), sample_variance(behind))
    judged = (n >= FEWEST) & ~np.eye(len(now), dtype=bool) & (v > 0) & (mean > 0)
    t = mean * np.sqrt(n / np.where(judged, v, 1.0))
    return np.asarray(judged & (t_below(df, -t) < np.where(df > n - 1, CAUTION, 1.0) * level))


def leaving(
    best: np.ndarray, ends: np.ndarray, *, may_leave: np.ndarray, level: float
) -> dict[int, tuple[int, np.ndarray]]:
    """Return the arms that leave at a look: arm -> the rival that beats it, and what it hoped for, ``(seeds,)``.

    Looks again without them until nobody leaves: a noisy arm that is gone hides nobody any more. Of several rivals the
    best is named. One that leaves is no rival.

    Parameters
    ----------
    best, ends
        As for :func:`hoped`, ``(arms, seeds, e)`` and ``(arms, seeds)``, of all arms that are compared: those that race
        and those that have finished.
    may_leave
        Arms that can leave, bool ``(arms,)``.
    level
        Of one comparison (:func:`level_of`).

    """
    now, hope = best[..., -1], hoped(best, ends)
    racing = np.ones(len(best), dtype=bool)
    gone: dict[int, tuple[int, np.ndarray]] = {}
    mean = np.array([row[np.isfinite(row)].mean() if np.isfinite(row).any() else np.inf for row in now])
    while True:
        at = np.flatnonzero(racing)
        by = beaten(now[at], hope[at], level=level)
        losers = [i for i in range(len(at)) if by[i].any() and may_leave[at[i]]]
        if not losers:
            return gone
        for i in losers:
            rival = min(np.flatnonzero(by[i]), key=lambda j: mean[at[j]])
            gone[int(at[i])] = int(at[rival]), hope[at[i]]
        racing[at[losers]] = False


def race_over(curves: np.ndarray, *, control: int | None = None, alpha: float = ALPHA) -> np.ndarray:
    """Return after which epoch each arm left, int ``(arms,)``: the number of epochs for arms that stayed.

    The whole race on errors that are known already, float64 ``(arms, seeds, epochs)``, for simulating it and for
    checking it on complete studies. ``control`` never leaves.
    """
    arms, seeds, epochs = curves.shape
    best = np.fmin.accumulate(curves, axis=-1)
    left = np.full(arms, epochs)
    looks = looks_over(epochs)
    level = level_of(len(looks), arms, alpha=alpha)
    for epoch in looks:
        at = np.flatnonzero(left == epochs)
        ends = np.full((len(at), seeds), epochs)
        gone = leaving(best[at][..., :epoch], ends, may_leave=at != control, level=level)
        left[at[list(gone)]] = epoch
    return left


def winners(values: np.ndarray, *, alpha: float = ALPHA) -> np.ndarray:
    """Return the winner set, bool ``(arms,)``: the arms that no other surely beats by what they handed over.

    Arms that are beaten (``stats.racing.leave`` at ``alpha / (arms - 1)``) are taken away, and the rest is compared
    again, by its own noise, until nobody is beaten. So the set hardly depends on arms that are far behind: on whether
    they ran to their end, or left a race with what they had.

    Parameters
    ----------
    values
        What each arm handed over with each seed, float64 ``(arms, seeds)``, higher is better; NaN where nothing.
    alpha
        Chance of leaving out the truly best arm, in (0, 1).

    """
    stays = np.ones(len(values), dtype=bool)
    while stays.sum() > 1:
        at = np.flatnonzero(stays)
        gone = leave(values[at], level=level_of(1, len(values), alpha=alpha))
        if not gone.any():
            break
        stays[at[gone]] = False
    return stays
