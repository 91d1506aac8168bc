"""Draw bias^2, variance and their sum over complexity: the classic picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from wellfit.report.figure import Choice, Figure, Trace, axis, layout, padded
from wellfit.views.bias_variance import Axis, axis_of

LINES = (
    ("loss", "total: bias\N{SUPERSCRIPT TWO} + variance", "@ink", "solid", 3.0),
    ("bias2", "bias\N{SUPERSCRIPT TWO}", "@arm0", "solid", 2.2),
    ("variance", "variance", "@arm5", "solid", 2.2),
)
"""Term, what it is called, its color, dash and width."""
TRAIN = ("train", "train: on its own samples", "@train", "dash", 1.8)


def bias_variance_figure(result: Mapping[str, Any]) -> Figure:
    """Return the picture of a result; complexity grows to the right. A choice of ``loss`` where there are several."""
    shown = axis_of(result)
    traces: list[tuple[Choice, Trace]] = []
    variants: list[tuple[Choice, Mapping[str, Any]]] = []
    for loss in result["losses"]:
        choice = {"loss": loss} if len(result["losses"]) > 1 else {}
        rows = [row for row in result["values"] if row[loss] is not None]
        most = max((row[loss]["loss"]["ci95"][1] for row in rows), default=1.0)
        traces += [(choice, trace) for trace in _band(shown, rows, loss)]
        traces.append((choice, _lowest(shown, result, loss, most)))
        traces += [(choice, _line(shown, rows, loss, *line)) for line in (*LINES, TRAIN)]
        least = min(0.0, *(row[loss]["bias2"]["mean"] for row in rows)) if rows else 0.0
        variants.append((choice, {"yaxis": {"range": padded(least, most, share=0.03)}}))
    base = layout(x=_axis(shown), y=axis(), margin={"l": 52, "r": 12, "t": 10, "b": 46})
    base["hovermode"] = "x unified"
    legend = [(name, color, "dashed" if dash == "dash" else "solid") for _, name, color, dash, _ in (*LINES, TRAIN)]
    label = f"Bias, variance and their sum over {shown.title}"
    return Figure("bias-variance", label, traces, base, 420, legend, variants)


def _axis(shown: Axis) -> dict[str, Any]:
    places = [math.log10(place) if shown.logarithmic else place for place in shown.places]
    low, high = padded(min(places), max(places), share=0.03)
    return {
        **axis(f"{shown.title}: more complex to the right", grid=False),
        "type": "log" if shown.logarithmic else "linear",
        "range": [high, low] if shown.reversed else [low, high],
        "tickmode": "array",
        "tickvals": list(shown.places),
        "ticktext": list(shown.texts),
    }


def _line(
    shown: Axis, rows: Sequence[Mapping[str, Any]], loss: str, term: str, name: str, color: str, dash: str, width: float
) -> Trace:
    values = [row["train"][loss] if term == "train" else row[loss][term]["mean"] for row in rows]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [shown.place(row["value"]) for row in rows],
        "y": values,
        "name": name,
        "line": {"width": width, "color": color, "dash": dash},
        "marker": {"size": 5, "color": color},
        "hovertemplate": f"{name} %{{y:.4g}}<extra></extra>",
    }


def _band(shown: Axis, rows: Sequence[Mapping[str, Any]], loss: str) -> list[Trace]:
    """Return the interval of the total."""
    x = [shown.place(row["value"]) for row in rows]
    edge = {"type": "scatter", "mode": "lines", "x": x, "line": {"width": 0, "color": "@ink"}, "hoverinfo": "skip"}
    low, high = ([row[loss]["loss"]["ci95"][end] for row in rows] for end in (0, 1))
    return [{**edge, "y": low}, {**edge, "y": high, "fill": "tonexty", "fillcolor": "@ink/0.10"}]


def _lowest(shown: Axis, result: Mapping[str, Any], loss: str, most: float) -> Trace:
    turn = result["turn"].get(loss)
    x = [] if turn is None else [shown.place(turn["lowest"])] * 2
    line = {"width": 1.4, "color": "@better", "dash": "dot"}
    return {"type": "scatter", "mode": "lines", "x": x, "y": [0, most][: len(x)], "line": line, "hoverinfo": "skip"}
