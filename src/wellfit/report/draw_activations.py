"""Draw how much of the input is left in each hidden layer: the signal of every arm, from layer to layer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from wellfit.report.figure import ArmStyle, Choice, Figure, Trace, axis, layout, log_range
from wellfit.report.safe import as_text
from wellfit.views.activations import ArmActivations, Layer
from wellfit.views.numbers import plain

MOST_TICKS = 12
"""Layers that are numbered on the axis."""
MOST_DECADES = 6
"""Powers of ten on the other axis, beside the first."""


def signal_figures(arms: Sequence[ArmActivations], *, styles: Mapping[str, ArmStyle]) -> dict[str, Figure]:
    """Return ``start`` and, where an arm has one, ``end``, on common axes; nothing for networks of one hidden layer.

    A signal of 0 has no place on a logarithmic axis: an arm without any other has no line.
    """
    known = [layer.signal for arm in arms for layer in (*arm.start, *arm.end) if layer.signal > 0]
    depth = max((len(arm.start) for arm in arms), default=0)
    if depth < 2 or not known:
        return {}
    found = {}
    for moment in ("start", "end"):
        lines = {arm.arm: arm.start if moment == "start" else arm.end for arm in arms}
        traces: list[tuple[Choice, Trace]] = [
            ({}, _line(name, layers, styles[name]))
            for name, layers in lines.items()
            if any(layer.signal > 0 for layer in layers)
        ]
        if not traces:
            continue
        x = {**axis("hidden layer", grid=False), "range": [0.7, depth + 0.3], "tickformat": "d"}
        x |= {"tick0": 1, "dtick": math.ceil(depth / MOST_TICKS)}
        y = {**axis(), "type": "log", "range": log_range(min(known), max(known)), **_decades(min(known), max(known))}
        base = layout(x=x, y=y, margin={"l": 44, "r": 10, "t": 8, "b": 40})
        base["hovermode"] = "closest"
        label = f"Signal of each hidden layer at the {moment}, all arms"
        found[moment] = Figure(f"signal-{moment}", label, traces, base, 300)
    return found


def _decades(low: float, high: float) -> dict[str, Any]:
    """Return the ticks of a logarithmic axis: powers of ten, thinned where it spans many."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    if last - first <= MOST_DECADES:
        return {"tickformat": "~g", "nticks": MOST_DECADES + 2}
    step = math.ceil((last - first) / MOST_DECADES)
    powers = [power for power in range(first, last + 1) if power % step == 0]
    text = [f"10<sup>{plain(power, 0)}</sup>" if power else "1" for power in powers]
    return {"tickmode": "array", "tickvals": [10.0**power for power in powers], "ticktext": text}


def _line(name: str, layers: Sequence[Layer], style: ArmStyle) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [layer.index for layer in layers],
        "y": [layer.signal if layer.signal > 0 else math.nan for layer in layers],
        "line": {"width": 1.8, "color": style.color, "dash": style.dash},
        "marker": {"size": 5, "color": style.color},
        "text": as_text(name),
        "customdata": [as_text(layer.kind) for layer in layers],
        "hovertemplate": "<b>%{text}</b><br>layer %{x} (%{customdata}): %{y:.3g}<extra></extra>",
    }
