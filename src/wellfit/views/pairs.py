"""The raw values: every seed of every arm, and its difference to the control."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from wellfit.record import RunRecord
from wellfit.views.forest import seed_values


@dataclass(frozen=True, slots=True)
class PairRow:
    """One arm; ``values`` and ``differences`` have one entry per seed of the table, NaN where there is none."""

    arm: str
    values: tuple[float, ...]
    differences: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PairTable:
    """Arms x seeds of one metric."""

    metric: str
    seeds: tuple[int, ...]
    rows: tuple[PairRow, ...]


def pairs(runs: Sequence[RunRecord], *, metric: str, control: str) -> PairTable:
    """Return the table, the control first, the other arms in the order of their first run."""
    values = seed_values(runs, metric=metric)
    seeds = tuple(sorted({run.seed for run in runs}))
    against = values.get(control, {})
    rows = [
        PairRow(
            arm,
            tuple(_finite(found.get(seed)) for seed in seeds),
            tuple(_finite(found.get(seed)) - _finite(against.get(seed)) for seed in seeds),
        )
        for arm, found in sorted(values.items(), key=lambda item: item[0] != control)
    ]
    return PairTable(metric, seeds, tuple(rows))


def _finite(value: float | None) -> float:
    return math.nan if value is None or not math.isfinite(value) else value
