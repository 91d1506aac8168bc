"""Generalization gap of each arm: at the weights handed over, and at the last epoch."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from wellfit.record import RunRecord
from wellfit.views.curves import by_arm
from wellfit.views.metric_value import MetricValue, value_over_seeds


@dataclass(frozen=True, slots=True)
class GapRow:
    """Gaps ``val_loss - train_loss`` of one arm, per seed in ascending order; NaN where a loss is not finite."""

    arm: str
    seeds: tuple[int, ...]
    best: MetricValue
    """At the epoch whose weights are handed over."""
    last: MetricValue
    """At the last epoch: what would be left without restoring the best weights."""


def gaps(runs: Iterable[RunRecord]) -> tuple[GapRow, ...]:
    """Return the gap of every arm."""
    return tuple(
        GapRow(
            arm,
            tuple(run.seed for run in found),
            value_over_seeds([run.value("gap") for run in found]),
            value_over_seeds([run.curves[-1].gap if run.curves else math.nan for run in found]),
        )
        for arm, found in by_arm(runs).items()
    )
