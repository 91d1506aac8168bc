"""What two curves do: levels, noise, turning point, and the fall that is to be expected."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from wellfit.diagnosis.smoothing import curve_noise, trend

LEAST_DESCENT = 0.01
"""A descent below this share of the starting loss is taken as this share, so that noise is not divided by nothing."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What train and validation loss do, with the starting loss as unit; the names are those of ``Features``."""

    turn: int
    val_best: float
    val_end: float
    train_end: float
    noise: float
    descent: float
    train_descent: float
    rise: float
    train_change: float
    train_rise: float
    recent_fall: float
    expected_fall: float
    train_noise: float
    train_recent_fall: float
    train_expected_fall: float


def shape_of(train: np.ndarray, val: np.ndarray, *, start: float) -> Shape:
    """Measure the curves (epochs,), both as multiples of the starting loss."""
    noise, train_noise = curve_noise(val), curve_noise(train)
    val_trend, train_trend = trend(val, noise), trend(train, train_noise)
    last = max(1, val.size // 10)
    turn = int(np.argmin(val_trend))
    val_best, val_end = float(val_trend[turn]), float(val_trend[-last:].mean())
    train_end, train_best = float(train_trend[-last:].mean()), float(train_trend.min())
    recent_fall, expected_fall = _falls(val_trend)
    train_recent_fall, train_expected_fall = _falls(train_trend)
    # A turning point inside the last window is no turn: the window's mean lies above it because the curve still falls.
    rise = max(val_end - val_best, 0.0) if turn < val.size - last else 0.0
    return Shape(
        turn=turn,
        val_best=val_best,
        val_end=val_end,
        train_end=train_end,
        noise=noise,
        descent=max(start - val_best, LEAST_DESCENT),
        train_descent=max(start - train_best, LEAST_DESCENT),
        rise=rise,
        train_change=train_end - float(train_trend[turn]),
        train_rise=train_end - train_best,
        recent_fall=recent_fall,
        expected_fall=expected_fall,
        train_noise=train_noise,
        train_recent_fall=train_recent_fall,
        train_expected_fall=train_expected_fall,
    )


def _falls(values: np.ndarray) -> tuple[float, float]:
    """Return the fall over the last quarter of the epochs, and the fall to be expected from as many epochs again.

    A fall that takes back a rise is none: it counts from the lowest value before.
    """
    last = values.size - 1
    middle, third, end = (float(np.interp(part * last, np.arange(values.size), values)) for part in (0.5, 0.75, 1.0))
    before, recent = middle - third, min(third, float(values[: math.ceil(0.75 * last)].min(initial=third))) - end
    if recent <= 0:
        return recent, 0.0
    first, second = float(values[0]) - middle, middle - end
    # A quarter that fell less than the next is no measure: take the halves, of which the ratio is the square.
    ratio = recent / before if before >= recent else math.sqrt(max(second, 0.0) / first) if first > second else 1.0
    return recent, recent * sum(ratio**quarter for quarter in (1, 2, 3, 4))
