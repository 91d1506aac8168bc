"""The report's tables as text: cells with the digits that their intervals carry."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from wellfit.views.contrasts import Contrast
from wellfit.views.forest import ForestRow
from wellfit.views.headline import needed_text
from wellfit.views.leaderboard import LeaderboardRow
from wellfit.views.metric_value import MetricValue
from wellfit.views.numbers import (
    MISSING,
    bounds_text,
    count_text,
    difference_text,
    digits_of,
    interval_text,
    is_fraction,
    p_text,
    plain,
    range_text,
    shown_decimals,
    value_text,
)
from wellfit.views.pairs import PairTable

BAR_WIDTH, BAR_MARGIN = 150.0, 7.0
"""Size of the small interval bars, in SVG units."""

VERDICT_SIGNS = {
    "well-fit": "\N{CHECK MARK}",
    "overfit": "\N{NORTH EAST ARROW}",
    "underfit": "\N{DOWNWARDS ARROW}",
    "diverged": "\N{MULTIPLICATION X}",
    "unconverged": "\N{HORIZONTAL ELLIPSIS}",
}
"""A sign beside the color, for those who do not see the color."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell says, and what it adds in small print."""

    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """A small interval bar: positions in 0..BAR_WIDTH; ``low`` = ``high`` where there is no interval."""

    zero: float
    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class Badge:
    """A verdict with its sign and what speaks for it."""

    verdict: str
    sign: str
    why: str


Column = Callable[[LeaderboardRow], MetricValue | None]


def badge(row: LeaderboardRow) -> Badge:
    """Return the badge of an arm."""
    return Badge(row.verdict, VERDICT_SIGNS.get(row.verdict, "?"), " ".join(row.findings))


def leaderboard_table(rows: Sequence[LeaderboardRow], *, metric: str) -> dict[str, Any]:
    """Return ``columns`` (title of each number) and ``rows``; a column that no arm has is left out."""
    columns: list[tuple[str, str, Column]] = [
        (metric, metric, lambda row: row.metric),
        ("val_accuracy", "val_accuracy", lambda row: row.accuracy),
        ("val_iou", "val_iou", lambda row: row.iou),
        ("test_loss", "test_loss", lambda row: row.test_loss),
        ("test_accuracy", "test_accuracy", lambda row: row.test_accuracy),
        ("test_iou", "test_iou", lambda row: row.test_iou),
        ("gap", "gap", lambda row: row.gap),
    ]
    columns = [column for column in columns if any(column[2](row) is not None for row in rows)]
    cells = [_column([get(row) for row in rows], name) for _, name, get in columns]
    contrasts = [row.contrast for row in rows if row.contrast is not None]
    places = shown_decimals(metric, [one.half_width for one in contrasts])
    ends = _ends(contrasts)
    return {
        "columns": [title for title, _, _ in columns],
        "width": BAR_WIDTH,
        "has_contrasts": bool(contrasts),
        "rows": [
            {
                "row": row,
                "claimed": row.contrast is not None and row.contrast.outcome == "better",
                "badge": badge(row),
                "cells": [column[index] for column in cells],
                "epochs": _epochs(row.epochs_run),
                "best_epoch": _epochs(row.best_epoch),
                "difference": _difference(row.contrast, metric, places),
                "bar": _bar(row.contrast, ends),
                "status": _status(row),
            }
            for index, row in enumerate(rows)
        ],
    }


def _column(values: Sequence[MetricValue | None], metric: str) -> list[Cell]:
    known = [value for value in values if value is not None]
    widths = [value.half_width for value in known if value.has_interval]
    places = shown_decimals(metric, widths) if widths else _places(known, metric)
    return [
        Cell(MISSING)
        if value is None
        else Cell(
            value_text(metric, value.mean, places=places),
            bounds_text(metric, value.low, value.high, places=places),
        )
        for value in values
    ]


def _places(values: Sequence[MetricValue], metric: str) -> int:
    """Return the decimals of a column without intervals: three digits of the middle value, one for percent."""
    if is_fraction(metric):
        return 1
    return digits_of(statistics.median(abs(value.mean) for value in values)) if values else 3


def _epochs(given: Sequence[int]) -> Cell:
    epochs = [epoch for epoch in given if epoch > 0]  # 0: the run has no finite evaluation
    if not epochs:
        return Cell(MISSING)
    spread = range_text(sorted(epochs)) if min(epochs) < max(epochs) else ""
    return Cell(str(statistics.median_low(epochs)), spread)


def _difference(one: Contrast | None, metric: str, places: int) -> Cell | None:
    if one is None or math.isnan(one.difference):
        return None
    return Cell(
        difference_text(metric, one.difference, places=places),
        interval_text(metric, one.low, one.high, places=places),
    )


def _ends(contrasts: Sequence[Contrast]) -> tuple[float, float]:
    """Return the ends of the scale that all bars of the table share; zero is on it."""
    ends = [value for one in contrasts for value in (one.difference, one.low, one.high) if math.isfinite(value)]
    return min([0.0, *ends]), max([0.0, *ends])


def _bar(one: Contrast | None, ends: tuple[float, float]) -> Bar | None:
    low, high = ends
    if one is None or math.isnan(one.difference) or high <= low:
        return None

    def place(value: float) -> float:
        return round(BAR_MARGIN + (BAR_WIDTH - 2 * BAR_MARGIN) * (value - low) / (high - low), 2)

    known = math.isfinite(one.low) and math.isfinite(one.high)
    left, right = (one.low, one.high) if known else (one.difference, one.difference)
    return Bar(place(0.0), place(left), place(one.difference), place(right))


def _status(row: LeaderboardRow) -> str:
    total = count_text(len(row.status), "run")
    found = [(row.diverged, "diverged"), (row.status.count("stopped"), "stopped early")]
    ends = ", ".join(f"{count} of {total} {what}" for count, what in found if count)
    return "; ".join(part for part in (row.left, ends) if part)


def contrast_table(rows: Sequence[ForestRow], *, metric: str) -> dict[str, Any]:
    """Return the numbers behind a forest plot: ``rows``, and ``aim``, the half-width that ``seeds`` are needed for."""
    places = shown_decimals(metric, [row.contrast.half_width for row in rows])
    aim = next((row.contrast.aim for row in rows if math.isfinite(row.contrast.aim)), math.nan)
    lines = [
        {
            "arm": row.contrast.arm + (f" (left after epoch {row.contrast.left})" if row.contrast.left else ""),
            "against": row.contrast.against,
            "outcome": row.contrast.outcome,
            "difference": difference_text(metric, row.contrast.difference, places=places),
            "interval": interval_text(metric, row.contrast.low, row.contrast.high, places=places) or MISSING,
            "p": p_text(row.contrast.p),
            "p_holm": p_text(row.contrast.p_holm),
            "dz": plain(row.contrast.dz, 2),
            "seeds": needed_text(row.contrast.seeds_needed) or MISSING,
        }
        for row in rows
    ]
    return {"rows": lines, "aim": difference_text(metric, aim, signed=False) if math.isfinite(aim) else ""}


def pair_table(table: PairTable) -> dict[str, Any]:
    """Return every seed's value and its difference to the control, as text."""
    spread = [abs(value) for row in table.rows for value in row.differences if value]
    places = shown_decimals(table.metric, spread)
    return {
        "seeds": table.seeds,
        "rows": [
            {
                "arm": row.arm,
                "cells": [
                    Cell(
                        value_text(table.metric, value, places=places),
                        difference_text(table.metric, difference, places=places)
                        if index and math.isfinite(difference)
                        else "",
                    )
                    for value, difference in zip(row.values, row.differences, strict=True)
                ],
            }
            for index, row in enumerate(table.rows)
        ],
    }
