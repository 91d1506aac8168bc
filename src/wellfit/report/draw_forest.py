"""Draw forest plots: differences with their intervals beside a zero line, and the seeds behind them as dots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wellfit.record import better_sign
from wellfit.report.figure import OUTCOME_COLORS, Choice, Figure, Trace, axis, layout, names_axis, padded
from wellfit.report.safe import as_text
from wellfit.views.forest import ForestRow
from wellfit.views.interactions import Effect
from wellfit.views.numbers import difference_text, interval_text, is_fraction, p_text, shown_decimals
from wellfit.views.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a forest plot, whatever it compares; NaN where there is no number."""

    label: str
    difference: float
    low: float
    high: float
    p_holm: float
    outcome: Outcome
    dots: tuple[tuple[int, float], ...] = ()
    """(seed, difference)."""


def contrast_lines(rows: Sequence[ForestRow]) -> list[Line]:
    """Return the lines of a study's contrasts."""
    return [
        Line(
            row.contrast.arm,
            row.contrast.difference,
            row.contrast.low,
            row.contrast.high,
            row.contrast.p_holm,
            row.contrast.outcome,
            row.differences,
        )
        for row in rows
    ]


def effect_lines(found: Sequence[Effect]) -> list[Line]:
    """Return the lines of main effects or interactions."""
    return [Line(one.label, one.difference, one.low, one.high, one.p_holm, one.outcome) for one in found]


def forest_figure(lines: Sequence[Line], *, metric: str, figure_id: str, title: str) -> Figure:
    """Return a forest plot; colored where the Holm-corrected difference excludes zero, gray elsewhere."""
    scale = 100 if is_fraction(metric) else 1
    unit = "difference, percentage points" if is_fraction(metric) else f"difference in {metric}"
    shown = [value for line in lines for value in _extent(line)]
    low, high = min([0.0, *shown]), max([0.0, *shown])
    x = {**axis(unit), "tickangle": 0, "zeroline": True, "zerolinecolor": "@ink", "zerolinewidth": 1.2}
    x |= {"range": padded(scale * low, scale * high), "nticks": 5}
    base = layout(x=x, y=names_axis([line.label for line in lines]), margin={"l": 12, "r": 16, "t": 26, "b": 44})
    base["hovermode"] = "closest"
    base["annotations"] = _sides(metric)
    none: Choice = {}
    traces = [(none, trace) for trace in (_dots(lines, scale), *_intervals(lines, metric, scale))]
    return Figure(figure_id, title, traces, base, 92 + 44 * len(lines))


def _extent(line: Line) -> list[float]:
    values = [line.difference, line.low, line.high, *(value for _, value in line.dots)]
    return [value for value in values if math.isfinite(value)]


def _sides(metric: str) -> list[dict[str, Any]]:
    """Return which side of zero is better, written above the plot's two ends."""
    left, right = ("worse", "better") if better_sign(metric) > 0 else ("better", "worse")
    common = {"xref": "paper", "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False}
    return [
        {**common, "x": 0, "xanchor": "left", "text": f"\N{LEFTWARDS ARROW} {left}", "font": {"color": f"@{left}"}},
        {**common, "x": 1, "xanchor": "right", "text": f"{right} \N{RIGHTWARDS ARROW}", "font": {"color": f"@{right}"}},
    ]


def _dots(lines: Sequence[Line], scale: float) -> Trace:
    points = [(row, line, seed, value) for row, line in enumerate(lines) for seed, value in line.dots]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "one seed",
        "x": [scale * value for *_, value in points],
        "y": [row + 0.24 for row, *_ in points],
        "customdata": [[as_text(line.label), seed] for _, line, seed, _ in points],
        "hovertemplate": "%{customdata[0]}<br>seed %{customdata[1]}: %{x:.4g}<extra></extra>",
        "marker": {"size": 6, "color": [f"{OUTCOME_COLORS[line.outcome]}/0.45" for _, line, *_ in points]},
    }


def _intervals(lines: Sequence[Line], metric: str, scale: float) -> list[Trace]:
    traces = []
    for outcome, color in OUTCOME_COLORS.items():
        rows = [(row, line) for row, line in enumerate(lines) if line.outcome == outcome]
        rows = [(row, line) for row, line in rows if math.isfinite(line.difference)]
        if not rows:
            continue
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": outcome,
                "x": [scale * line.difference for _, line in rows],
                "y": [row for row, _ in rows],
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [scale * (line.high - line.difference) for _, line in rows],
                    "arrayminus": [scale * (line.difference - line.low) for _, line in rows],
                    "color": color,
                    "thickness": 2.4,
                    "width": 0,
                },
                "marker": {"size": 11, "color": color, "symbol": "diamond" if outcome == "unclear" else "square"},
                "text": [hover(line, metric) for _, line in rows],
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    return traces


def hover(line: Line, metric: str) -> str:
    """Return what a pointer on the row reads."""
    places = shown_decimals(metric, [(line.high - line.low) / 2])
    interval = interval_text(metric, line.low, line.high, places=places)
    size = difference_text(metric, line.difference, places=places)
    return f"<b>{as_text(line.label)}</b><br>{size} {interval}<br>Holm p {p_text(line.p_holm)}"
