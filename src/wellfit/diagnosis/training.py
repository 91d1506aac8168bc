"""Findings about how training moves: plateau, learning rate too high, learning rate too low."""

from __future__ import annotations

import numpy as np

from wellfit.diagnosis.finding import Finding
from wellfit.diagnosis.thresholds import STANDARD, Limits
from wellfit.diagnosis.track import Line, Track

FEWEST = 8
"""Points below which nothing is said here."""
PLATEAU_POINTS = 12
LEAST = 0.05
"""A descent below this share of the starting loss is taken as this: what was never won cannot jump by a share of it."""
RESOLVED = 2.0
"""A fall counts where it is this many times the noise."""


def plateau(track: Track, limits: Limits = STANDARD) -> Finding | None:
    """The loss stood still for a fifth of the run and then moved on; or it stands still at the end, far from what is
    known to be reachable. A run that has arrived stands still too: that is none.
    """
    line = track.train or track.val
    if line is None or line.values.size < PLATEAU_POINTS:
        return None
    return _stood(track, line, limits) or _stands(track, line, limits)


def _stood(track: Track, line: Line, limits: Limits) -> Finding | None:
    lowest = np.minimum.accumulate(line.trend)
    n, total = lowest.size, float(lowest[0] - lowest[-1])
    if total <= 0 or total < RESOLVED * line.noise:
        return None
    # The last point at which less than the limit was won since each point; ``lowest`` only falls.
    ends = np.searchsorted(-lowest, -(lowest - limits.standing * total), side="right") - 1
    moved = (lowest[ends] - lowest[-1]) / total
    lengths = np.where(moved > limits.moved_later, ends - np.arange(n), -1)
    first = int(np.argmax(lengths))
    if lengths[first] < max(5, n / 5) or float(moved[first]) * total < 3 * line.noise:
        return None
    begin, end = (track.at[line.index[i]] for i in (first, int(ends[first])))
    evidence = {"from_epoch": float(begin), "to_epoch": float(end), "won_later": float(moved[first])}
    words = (
        f"The loss stood still from epoch {begin} to epoch {end} and then fell by another {moved[first]:.0%} of its "
        "descent: a start or a learning rate that holds it up; stopping early there would have missed it."
    )
    return Finding("plateau", begin, evidence, words)


def _stands(track: Track, line: Line, limits: Limits) -> Finding | None:
    features, n = track.features, line.values.size
    if features.above_reference is not None and not track.reference_is_own:
        far, left = features.above_reference > limits.far, features.above_reference
    elif features.learned_share is not None:
        far, left = features.learned_share < 0.5 and features.gap_share < 0.1, 1 - features.learned_share
    else:
        return None
    recent = float(line.trend[-1 - n // 4] - line.trend[-1])
    least = limits.standing * max(line.descent, LEAST)
    if not far or abs(recent) > max(least, 0.5 * line.noise):
        return None
    still = np.flatnonzero(np.abs(line.trend - line.trend[-1]) > max(least, line.noise))
    begin = track.at[line.index[int(still[-1]) + 1 if still.size else 0]]
    words = (
        f"The loss stands still since epoch {begin}, with {left:.0%} of what could be won still above what is known "
        "to be reachable: more of the same training will not get there."
    )
    return Finding("plateau", begin, {"from_epoch": float(begin), "left_share": float(left)}, words)


def lr_too_high(track: Track, limits: Limits = STANDARD) -> Finding | None:
    """The train loss jumps up and down, or shoots up and comes back."""
    line = track.train
    if line is None or line.values.size < FEWEST:
        return None
    spikes = _spikes(line, limits)
    jumps = line.noise / line.descent
    large = [height for _, height in spikes if height > 3 * limits.spike]
    learned = track.features.learned_share
    # Noise of a loss that hardly fell is large in shares of its descent, so there it counts as a share of the start.
    fell = line.descent > LEAST and (learned is None or learned > 0.1)
    restless = jumps > limits.jumps if fell else line.noise > limits.jumps / 2
    if len(spikes) < 2 and not large and not restless:
        return None
    evidence = {"train_noise_share": jumps, "spikes": float(len(spikes))}
    if spikes:
        first, height = track.at[line.index[spikes[0][0]]], max(height for _, height in spikes)
        evidence["largest_spike_share"] = height
        words = (
            f"The train loss shot up {len(spikes)} time{'s' * (len(spikes) != 1)}, first at epoch {first}, by up to "
            f"{height:.0%} of its descent, and came back: the steps are too large."
        )
        return Finding("lr_too_high", first, evidence, words)
    words = (
        f"The train loss jumps by {jumps:.0%} of its descent from point to point where it should settle: the steps are "
        "too large for these batches."
    )
    return Finding("lr_too_high", track.last, evidence, words)


def _spikes(line: Line, limits: Limits) -> list[tuple[int, float]]:
    """Return (position, height as a share of the descent) of every climb above the five points before, once each."""
    values, found, until = line.values, [], -1
    descent = max(line.descent, LEAST)
    for i in range(3, values.size):
        before = values[max(0, i - 5) : i]
        climb = float(values[i] - np.median(before))
        enough = climb > limits.spike * descent and climb > limits.spike_in_noise * line.noise
        if enough and float(values[i]) > float(before.max()) and i > until:
            found.append((i, climb / descent))
            until = i + 2  # the same spike
    return found


def lr_too_low(track: Track, limits: Limits = STANDARD) -> Finding | None:
    """The train loss falls smoothly and nearly in a straight line to the end: under 1.4 of its time constants.

    For a loss that falls as e^(-kt) over n epochs, the second half brings e^(-kn/2) of what the first half does.
    """
    line, features = track.train, track.features
    if line is None or line.values.size < FEWEST:
        return None
    if features.learned_share is not None and features.learned_share > 0.8:
        return None
    n = line.trend.size
    first, second = (float(line.trend[a] - line.trend[b]) for a, b in ((0, n // 2), (n // 2, n - 1)))
    total = first + second
    if first <= 0 or second / first < limits.straight or line.noise > limits.smooth * max(total, line.descent):
        return None
    if total < 10 * line.noise or total < 1e-4 or float(np.diff(line.trend).max()) > 0.05 * total:
        return None
    evidence = {"half_ratio": second / first, "train_noise_share": line.noise / line.descent}
    words = (
        f"The train loss falls smoothly and nearly straight: its second half brought {second / first:.0%} of what the "
        "first did. The steps are small; larger ones should get there sooner."
    )
    if track.lr is not None and np.isfinite(track.lr).any():
        known = track.lr[np.isfinite(track.lr)]
        if known[-1] > 1.5 * np.median(known):
            return None  # still warming up
        if known[-1] < 0.05 * known.max():
            words += " The schedule has lowered the rate already: begin higher, or lower it later."
    return Finding("lr_too_low", track.last, evidence, words)
