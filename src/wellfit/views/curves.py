"""Curves of an arm over its seeds: mean, spread and interval per epoch, for train and validation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from wellfit.record import RunRecord
from wellfit.views.metric_value import value_over_seeds

Quantity = Literal["loss", "accuracy", "iou"]

SPIKE = 4.0
"""Values further than this many widths of the middle 90 % from it are cut off a shared axis."""


@dataclass(frozen=True, slots=True)
class Band:
    """One curve over seeds. All tuples have one entry per epoch; NaN where no seed has a finite value."""

    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    least: tuple[float, ...]
    most: tuple[float, ...]
    low: tuple[float, ...]
    """Lower bound of the 95 % t-interval of the mean; NaN where fewer than two seeds are left."""
    high: tuple[float, ...]
    count: tuple[int, ...]
    """Seeds behind each epoch: seeds that stopped earlier or diverged no longer count, so the mean may jump there."""

    def full(self, seeds: int) -> int:
        """Return the number of epochs, from the first on, that all of so many seeds stand behind."""
        return next((index for index, count in enumerate(self.count) if count < seeds), len(self.count))


@dataclass(frozen=True, slots=True)
class RunCurve:
    """One seed's curves."""

    seed: int
    status: str
    train: tuple[float, ...]
    validation: tuple[float, ...]
    best_epoch: int
    """Epoch of the weights that are handed over; 0 if there are none."""
    best_value: float
    """Validation value at that epoch."""


@dataclass(frozen=True, slots=True)
class ArmCurves:
    """The curves of one arm."""

    arm: str
    train: Band
    validation: Band
    runs: tuple[RunCurve, ...]


def band(series: Sequence[Sequence[float]]) -> Band:
    """Return the band over curves of possibly different lengths; values that are not finite do not count."""
    length = max((len(one) for one in series), default=0)
    values = np.full((len(series), length), math.nan)
    for row, one in zip(values, series, strict=True):
        row[: len(one)] = [value if math.isfinite(value) else math.nan for value in one]
    points = [value_over_seeds(column.tolist()) for column in values.T]
    finite = [[value for value in column if math.isfinite(value)] for column in values.T.tolist()]
    return Band(
        epochs=tuple(range(1, length + 1)),
        mean=tuple(point.mean for point in points),
        least=tuple(min(column, default=math.nan) for column in finite),
        most=tuple(max(column, default=math.nan) for column in finite),
        low=tuple(point.low for point in points),
        high=tuple(point.high for point in points),
        count=tuple(len(column) for column in finite),
    )


def by_arm(runs: Iterable[RunRecord]) -> dict[str, list[RunRecord]]:
    """Return the runs of each arm, arms in the order of their first run, seeds ascending."""
    arms: dict[str, list[RunRecord]] = {}
    for run in runs:
        arms.setdefault(run.arm, []).append(run)
    return {arm: sorted(found, key=lambda run: run.seed) for arm, found in arms.items()}


def curves(runs: Iterable[RunRecord], *, quantity: Quantity) -> tuple[ArmCurves, ...]:
    """Return the curves of every arm that has a finite value of ``quantity``; none for the accuracy of a regression."""
    found = []
    for arm, records in by_arm(runs).items():
        made = tuple(_run_curve(run, quantity) for run in records)
        if any(math.isfinite(value) for run in made for value in (*run.train, *run.validation)):
            train, validation = band([run.train for run in made]), band([run.validation for run in made])
            found.append(ArmCurves(arm, train, validation, made))
    return tuple(found)


def _run_curve(run: RunRecord, quantity: Quantity) -> RunCurve:
    validation = run.series(f"val_{quantity}")
    best = validation[run.best_epoch - 1] if 0 < run.best_epoch <= len(validation) else math.nan
    train = tuple(run.series(f"train_{quantity}"))
    return RunCurve(run.seed, run.status, train, tuple(validation), run.best_epoch, best)


def common_range(arms: Sequence[ArmCurves]) -> tuple[float, float] | None:
    """Return the (lowest, highest) value that a y axis shared by all arms should show; ``None`` without finite values.

    The first tenth of each run is left out: the steep fall from chance would press together what arms differ in. So are
    runs that diverged, as long as others exist; and a rare spike is cut off at four times the width of the middle 90 %.
    """
    kept = _values(arms, diverged=False) or _values(arms, diverged=True)
    if not kept:
        return None
    bottom, top = min(kept), max(kept)
    low, high = (float(bound) for bound in np.percentile(kept, [5, 95]))
    width = SPIKE * (high - low)
    return (max(bottom, low - width), min(top, high + width)) if width > 0 else (bottom, top)


def _values(arms: Sequence[ArmCurves], *, diverged: bool) -> list[float]:
    runs = [run for arm in arms for run in arm.runs if diverged or run.status != "diverged"]
    settled = [side[settling(len(side)) :] for run in runs for side in (run.train, run.validation)]
    return [value for side in settled for value in side if math.isfinite(value)]


def settling(epochs: int) -> int:
    """Return how many first epochs of a run do not count for a shared axis: a tenth, none of fewer than five."""
    return math.ceil(epochs / 10) if epochs >= 5 else 0
