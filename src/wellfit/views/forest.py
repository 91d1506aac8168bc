"""Forest plot: each arm's paired difference to the control, with its interval and the seeds behind it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wellfit.record import RunRecord
from wellfit.views.contrasts import Contrast, read_contrasts
from wellfit.views.curves import by_arm


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One contrast and the raw differences of its seeds."""

    contrast: Contrast
    differences: tuple[tuple[int, float], ...]
    """(seed, difference) of the seeds that both arms have with finite values."""


def forest(result: Mapping[str, Any], runs: Sequence[RunRecord], *, metric: str) -> tuple[ForestRow, ...]:
    """Return the rows of a metric's forest plot, best gain first."""
    values = seed_values(runs, metric=metric)
    return tuple(
        ForestRow(one, paired(values.get(one.arm, {}), values.get(one.against, {})))
        for one in read_contrasts(result, metric=metric)
    )


def seed_values(runs: Sequence[RunRecord], *, metric: str) -> dict[str, dict[int, float]]:
    """Return arm -> seed -> value of the handed-over weights; NaN for a run that never had a finite one."""
    return {arm: {run.seed: run.value(metric) for run in found} for arm, found in by_arm(runs).items()}


def paired(values: Mapping[int, float], against: Mapping[int, float]) -> tuple[tuple[int, float], ...]:
    """Return (seed, ``values - against``) for the seeds that both have with finite values."""
    both = sorted(set(values) & set(against))
    differences = [(seed, values[seed] - against[seed]) for seed in both]
    return tuple((seed, difference) for seed, difference in differences if math.isfinite(difference))
