"""MetricValue: a metric's mean over seeds with its interval, as ``result.json`` holds it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wellfit.stats.intervals import estimate


@dataclass(frozen=True, slots=True)
class MetricValue:
    """Mean of a metric over seeds; ``low`` and ``high`` bound its 95 % interval, NaN where there is none (one seed)."""

    mean: float
    low: float
    high: float
    values: tuple[float, ...]
    """One per seed, in the order of the study's seeds; NaN where the run has no finite value."""

    @property
    def count(self) -> int:
        """Number of finite values."""
        return sum(math.isfinite(value) for value in self.values)

    @property
    def has_interval(self) -> bool:
        """Whether both bounds are finite."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def half_width(self) -> float:
        """Half the width of the interval; NaN without one."""
        return (self.high - self.low) / 2


def number(value: Any) -> float:
    """Return a JSON value as a float: NaN for ``None``, infinities and what is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating | np.integer):
        return math.nan
    return float(value) if math.isfinite(value) else math.nan


def bounds(interval: Any) -> tuple[float, float]:
    """Return ``[low, high]`` of a JSON interval in order; NaN, NaN for ``None``."""
    if not isinstance(interval, Sequence) or isinstance(interval, str) or len(interval) != 2:
        return math.nan, math.nan
    low, high = number(interval[0]), number(interval[1])
    return (high, low) if low > high else (low, high)


def read_value(block: Any) -> MetricValue | None:
    """Return the value in a metric block of ``result.json``; ``None`` where the block is null or has no finite mean."""
    if not isinstance(block, Mapping):
        return None
    mean = number(block.get("mean"))
    if math.isnan(mean):
        return None
    low, high = bounds(block.get("ci95"))
    return MetricValue(mean, low, high, tuple(number(value) for value in block.get("values") or ()))


def value_over_seeds(values: Sequence[float]) -> MetricValue:
    """Return mean and 95 % t-interval of the finite values (:func:`wellfit.stats.intervals.estimate`).

    NaN bounds for fewer than two finite values; NaN mean for none.
    """
    found = estimate(values)
    low, high = found.ci95 if found.ci95 is not None else (math.nan, math.nan)
    return MetricValue(math.nan if found.mean is None else found.mean, low, high, tuple(values))
