"""Draw the interactions of factors as a heat map: main effects on the diagonal, pairs below it."""

from __future__ import annotations

from typing import Any

from wellfit.report.draw_forest import Line, hover
from wellfit.report.figure import Figure, axis, layout, wrapped
from wellfit.views.interactions import Effect, Effects, largest
from wellfit.views.numbers import difference_text, shown_decimals


def interaction_figure(found: Effects, *, height: int) -> Figure:
    """Return the heat map; the color says better or worse whatever the metric's sign, bold where zero is excluded."""
    places = shown_decimals(
        found.metric, [(cell.high - cell.low) / 2 for row in found.cells for cell in row if cell is not None]
    )
    end = largest(found) or 1.0
    count = len(found.labels)
    trace: dict[str, Any] = {
        "type": "heatmap",
        "x": list(range(count)),
        "y": list(range(count)),
        "z": [[None if cell is None else cell.gain for cell in row] for row in found.cells],
        "text": [[_text(cell, found.metric, places) for cell in row] for row in found.cells],
        "texttemplate": "%{text}",
        "textfont": {"size": 13, "color": "@ink"},
        "customdata": [[_hover(cell, found.metric) for cell in row] for row in found.cells],
        "hovertemplate": "%{customdata}<extra></extra>",
        "hoverongaps": False,
        "colorscale": [[0, "@heat-worse"], [0.5, "@heat-none"], [1, "@heat-better"]],
        "zmin": -end,
        "zmax": end,
        "showscale": False,
        "xgap": 4,
        "ygap": 4,
    }
    names = {
        "tickmode": "array",
        "tickvals": list(range(count)),
        "ticktext": [wrapped(label, width=14) for label in found.labels],
        "tickfont": {"size": 12, "color": "@ink"},
    }
    x = {**axis(grid=False), **names, "range": [-0.5, count - 0.5], "tickangle": 0 if count <= 4 else -35}
    y = {**axis(grid=False), **names, "range": [count - 0.5, -0.5]}
    base = layout(x=x, y=y, margin={"l": 12, "r": 12, "t": 6, "b": 28})
    label = f"Main effects and interactions in {found.metric}"
    return Figure("interactions", label, [({}, trace)], base, min(640, max(height, 70 + 76 * count)))


def _text(cell: Effect | None, metric: str, places: int) -> str:
    if cell is None:
        return ""
    text = difference_text(metric, cell.difference, places=places)
    return f"<b>{text}</b>" if cell.outcome != "unclear" else text


def _hover(cell: Effect | None, metric: str) -> str:
    if cell is None:
        return ""
    return hover(Line(cell.label, cell.difference, cell.low, cell.high, cell.p_holm, cell.outcome), metric)
