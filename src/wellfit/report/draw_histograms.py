"""Draw the weights of each layer: the control as bars, the chosen arm as an outline over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wellfit.report.figure import Choice, Figure, Trace, axis, layout
from wellfit.report.safe import as_text
from wellfit.views.histograms import ArmHistogram, LayerHistogram

ARROW = "\N{RIGHTWARDS ARROW}"


def histogram_figures(layers: Sequence[LayerHistogram], *, control: str) -> list[Figure]:
    """Return one panel per layer; percent of weights on a logarithmic axis, since tails are what penalties change."""
    figures = []
    for index, layer in enumerate(layers):
        centers = [(low + high) / 2 for low, high in zip(layer.edges, layer.edges[1:], strict=False)]
        by_name = {found.arm: found for found in layer.arms}
        base_arm = by_name.get(control)
        traces: list[tuple[Choice, Trace]] = []
        if base_arm is not None:
            traces.append(({}, _bars(base_arm, centers)))
        traces += [({"arm": name}, _outline(found, centers)) for name, found in by_name.items() if name != control]
        variants = [({"arm": name}, _note(found, base_arm)) for name, found in by_name.items() if name != control] or [
            ({}, _note(found, None)) for found in layer.arms
        ]
        y = {**axis(), "type": "log", "tickformat": "~g", "dtick": 1, "ticksuffix": " %"}
        base = layout(x=axis(grid=False), y=y, margin={"l": 44, "r": 8, "t": 22, "b": 28})
        base |= {"bargap": 0, "hovermode": "x"}
        label = f"Histogram of the weights of {layer.parameter}"
        figures.append(Figure(f"weights-{index}", label, traces, base, 220, variants=variants, compact=True))
    return figures


def _shares(found: ArmHistogram) -> list[float | None]:
    return [share or None for share in found.share]  # a logarithmic axis has no place for an empty bin


def _bars(found: ArmHistogram, centers: Sequence[float]) -> Trace:
    return {
        "type": "bar",
        "x": list(centers),
        "y": _shares(found),
        "name": as_text(found.arm),
        "marker": {"color": "@faint/0.55", "line": {"width": 0}},
        "hovertemplate": "%{y:.2g}<extra>%{fullData.name}</extra>",
    }


def _outline(found: ArmHistogram, centers: Sequence[float]) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(centers),
        "y": _shares(found),
        "name": as_text(found.arm),
        "line": {"shape": "hvh", "width": 1.8, "color": "@validation"},
        "hovertemplate": "%{y:.2g}<extra>%{fullData.name}</extra>",
    }


def _note(found: ArmHistogram, base: ArmHistogram | None) -> Mapping[str, Any]:
    """Return what changes in numbers: spread and share near zero, the control's first."""
    pair = (found,) if base is None else (base, found)
    spread = f" {ARROW} ".join(f"{one.std:.2g}" for one in pair)
    zero = f" {ARROW} ".join(f"{100 * one.near_zero:.2g}" for one in pair)
    note = {"xref": "paper", "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False, "font": {"size": 11}}
    left = {**note, "x": 0, "xanchor": "left", "text": f"sd {spread}"}
    right = {**note, "x": 1, "xanchor": "right", "text": f"near 0: {zero} %"}
    return {"annotations": [left, right]}
