"""The trend of a curve and the noise around it, without a smoothing parameter to choose."""

from __future__ import annotations

import numpy as np

STRENGTHS = tuple(10.0**exponent for exponent in np.arange(-1.0, 8.0, 0.25))
"""Smoothing strengths that are tried, from nearly none to nearly a straight line."""
SPIKE = 4.0
"""Second differences above this many times their median are spikes (normal noise: 0.7 % of them)."""
RESIDUAL = 0.8
"""The trend may miss the despiked values by this many times the noise; a median of three lets about 0.7 of it
through."""


def curve_noise(values: np.ndarray) -> float:
    """Return the standard deviation of ``values`` (epochs,) around their trend, in their units; 0 for fewer than 4.

    sqrt(pi / 2) mean |v_{i-1} - 2 v_i + v_{i+1}| / sqrt(6), each term at most ``SPIKE`` times the median term: second
    differences remove any straight trend and have six times the variance of independent noise; the bound keeps spikes
    out. The first third is not used where 9 or more values are left, for the steep start is bent. It is the noise from
    epoch to epoch: it does not see the error that all epochs share because one finite validation set measured them.
    Source: Gasser, Sroka & Jennen-Steinmetz, Biometrika 73 (1986).
    """
    if values.size < 4:
        return 0.0
    tail = values[values.size // 3 :]
    second = np.abs(np.diff(tail if tail.size >= 9 else values, n=2))
    bounded = np.minimum(second, SPIKE * np.median(second))
    return float(np.sqrt(np.pi / 12) * bounded.mean())


def trend(values: np.ndarray, noise: float) -> np.ndarray:
    """Return the smoothest curve (epochs,) that stays within the noise of ``values``.

    Spikes go first (running median of three); then z minimizes sum (v - z)^2 + s sum (second difference of z)^2 with
    the largest strength s whose root mean square residual is at most 0.8 ``noise``: a noisy curve is smoothed much, a
    clean one not at all. Fewer than 5 values are returned as they are.
    Source: Whittaker (1923) for the smoother, Morozov (1966) for the choice of s (discrepancy principle).
    """
    if values.size < 5:
        return values.copy()
    despiked = _median_of_three(values)
    best = despiked
    for strength in STRENGTHS:
        candidate = whittaker(despiked, strength)
        if np.sqrt(np.mean((despiked - candidate) ** 2)) > RESIDUAL * noise:
            break  # the residual grows with the strength
        best = candidate
    # Next to an explosion the smoothest curve swings below all values.
    bounded: np.ndarray = np.clip(best, values.min(), values.max())
    return bounded


def whittaker(values: np.ndarray, strength: float) -> np.ndarray:
    """Solve (I + strength D'D) z = values, with D the second differences; (epochs,), at least 3, in O(epochs)."""
    from scipy.linalg import solveh_banded  # late: every study imports the diagnosis, long before it has curves

    n = values.size
    bands = np.zeros((3, n))  # the upper diagonals of I + strength D'D, the main one last
    bands[2] = 1.0
    for offset, weight in enumerate((1.0, -2.0, 1.0)):
        bands[2, offset : n - 2 + offset] += strength * weight**2
    bands[1, 1 : n - 1] += strength * -2.0
    bands[1, 2:n] += strength * -2.0
    bands[0, 2:n] += strength
    solved: np.ndarray = solveh_banded(bands, values)
    return solved


def _median_of_three(values: np.ndarray) -> np.ndarray:
    """Return the running median of three; the ends stay."""
    middle = np.median(np.stack([values[:-2], values[1:-1], values[2:]]), axis=0)
    return np.concatenate([values[:1], middle, values[-1:]])
