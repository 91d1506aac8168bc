"""What the further findings are read from: a run's series beside their trends, free of the units of the loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from wellfit.diagnosis.curves import Curves, Measured, Series
from wellfit.diagnosis.features import DIGITS, LEAST_UNIT, Features
from wellfit.diagnosis.shape import LEAST_DESCENT
from wellfit.diagnosis.smoothing import curve_noise, trend


@dataclass(frozen=True)
class Line:
    """A loss in units of the starting loss, at those points where it was measured."""

    index: np.ndarray
    """Positions on the run's axis."""
    values: np.ndarray
    trend: np.ndarray
    noise: float
    descent: float
    """From the start to the lowest of the trend, at least 0.01."""


@dataclass(frozen=True)
class Track:
    """All that a rule may look at. ``None``: was not given."""

    at: tuple[int, ...]
    unit: str
    train: Line | None
    val: Line | None
    train_accuracy: np.ndarray | None
    val_accuracy: np.ndarray | None
    lr: np.ndarray | None
    penalty: np.ndarray | None
    """In units of the starting loss."""
    grad_norm: np.ndarray | None
    layers: Mapping[str, Series]
    measured: Measured | None
    restored: int | None
    features: Features
    reference_is_own: bool
    """Whether the reference is what this run itself reached, so that nothing else stands behind it."""

    @property
    def last(self) -> int:
        """Epoch of the last point; 0 without points."""
        return self.at[-1] if self.at else 0


def track(curves: Curves, features: Features) -> Track:
    """Return the track of a run whose losses were measured to ``features``."""
    largest = max((float(np.nanmax(np.abs(v))) for k, v in curves.series.items() if _is_loss(k, v)), default=0.0)
    start = features.start if features.evaluations else largest
    unit = max(abs(start), LEAST_UNIT * largest) or 1.0
    series = curves.series
    penalty = series.get("penalty")
    return Track(
        at=curves.at,
        unit=curves.unit,
        train=_line(series.get("train_loss"), unit=unit, start=start),
        val=_line(series.get("val_loss"), unit=unit, start=start),
        train_accuracy=series.get("train_accuracy"),
        val_accuracy=series.get("val_accuracy"),
        lr=series.get("lr"),
        penalty=None if penalty is None else penalty / unit,
        grad_norm=series.get("grad_norm"),
        layers=curves.layers,
        measured=curves.measured,
        restored=curves.restored,
        features=features,
        reference_is_own=features.is_reference,
    )


def _is_loss(name: str, values: np.ndarray) -> bool:
    return name.endswith("_loss") and bool(np.isfinite(values).any())


def _line(values: np.ndarray | None, *, unit: float, start: float) -> Line | None:
    if values is None:
        return None
    index = np.flatnonzero(np.isfinite(values))
    if not index.size:
        return None
    scaled = (values[index] / unit).round(DIGITS)
    noise = curve_noise(scaled)
    smooth = trend(scaled, noise)
    descent = max(round(start / unit, DIGITS), float(smooth[0])) - float(smooth.min())
    return Line(index, scaled, smooth, noise, max(descent, LEAST_DESCENT))
