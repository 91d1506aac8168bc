"""Draw the generalization gap of each arm: where it is handed over, and where it would end."""

from __future__ import annotations

import math
from collections.abc import Sequence

from wellfit.report.figure import Choice, Figure, Trace, axis, layout, names_axis
from wellfit.report.safe import as_text
from wellfit.views.gap import GapRow
from wellfit.views.metric_value import MetricValue


def gap_figure(rows: Sequence[GapRow]) -> Figure:
    """Return a dot plot: filled at the weights handed over, hollow at the last epoch, small dots for single seeds."""
    ends = [(row.last.mean, row.best.mean) for row in rows]
    link_x = [value for last, best in ends for value in (last, best, math.nan)]
    link_y = [place for index in range(len(rows)) for place in (index, index, math.nan)]
    link: Trace = {
        "type": "scatter",
        "mode": "lines",
        "x": link_x,
        "y": link_y,
        "line": {"width": 2, "color": "@line"},
        "hoverinfo": "skip",
    }
    none: Choice = {}
    traces = [(none, link), (none, _seeds(rows)), (none, _means(rows, last=True)), (none, _means(rows, last=False))]
    x = {**axis("val_loss \N{MINUS SIGN} train_loss"), "zeroline": True, "zerolinecolor": "@ink", "zerolinewidth": 1.2}
    x |= {"tickangle": 0, "rangemode": "tozero"}
    base = layout(x=x, y=names_axis([row.arm for row in rows]), margin={"l": 12, "r": 16, "t": 6, "b": 44})
    base["hovermode"] = "closest"
    return Figure("gap", "Generalization gap of each arm", traces, base, 72 + 40 * len(rows))


def _seeds(rows: Sequence[GapRow]) -> Trace:
    points = [
        (index, row.arm, seed, value)
        for index, row in enumerate(rows)
        for seed, value in zip(row.seeds, row.best.values, strict=True)
        if math.isfinite(value)
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [value for *_, value in points],
        "y": [index + 0.24 for index, *_ in points],
        "customdata": [[as_text(arm), seed] for _, arm, seed, _ in points],
        "hovertemplate": "%{customdata[0]}<br>seed %{customdata[1]}: %{x:.4g}<extra></extra>",
        "marker": {"size": 6, "color": "@validation/0.45"},
    }


def _means(rows: Sequence[GapRow], *, last: bool) -> Trace:
    found: list[tuple[int, str, MetricValue]] = [
        (index, row.arm, row.last if last else row.best) for index, row in enumerate(rows)
    ]
    found = [(index, arm, value) for index, arm, value in found if math.isfinite(value.mean)]
    where = "at the last epoch" if last else "at the weights handed over"
    trace: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [value.mean for *_, value in found],
        "y": [index for index, *_ in found],
        "customdata": [[as_text(arm)] for _, arm, _ in found],
        "hovertemplate": f"<b>%{{customdata[0]}}</b><br>%{{x:.4g}} {where}<extra></extra>",
        "marker": {"size": 10, "color": "@validation", "line": {"width": 0}},
    }
    if last:
        trace["marker"] = {"size": 10, "color": "@surface", "line": {"width": 2, "color": "@faint"}}
        return trace
    trace["error_x"] = {
        "type": "data",
        "array": [value.half_width for *_, value in found],
        "color": "@validation",
        "thickness": 2.4,
        "width": 0,
    }
    return trace
