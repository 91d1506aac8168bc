"""Draw the curves: one small panel per arm on common axes, and all arms in one plot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from wellfit.report.figure import ArmStyle, Choice, Figure, Trace, arm_legend, axis, layout, log_range, padded
from wellfit.report.safe import as_text
from wellfit.views.curves import ArmCurves, Band, common_range

Curves = Mapping[str, Sequence[ArmCurves]]
"""``loss``, ``accuracy`` and ``iou`` -> the arms that have it."""

MOST_POINTS = 400
"""Points of a curve; longer ones are thinned evenly: a panel has fewer pixels than that."""
MOST_SEED_POINTS = 150_000
"""Points of all single seeds together; larger studies are drawn without them, or the page would grow by megabytes."""


def shows_seeds(curves: Curves) -> bool:
    """Return whether single seeds are drawn: there are several, and not too many points in all."""
    runs = [run for arms in curves.values() for arm in arms for run in arm.runs]
    points = sum(2 * min(len(run.validation), MOST_POINTS) for run in runs)
    return points <= MOST_SEED_POINTS and shows_spread(curves)


def shows_spread(curves: Curves) -> bool:
    """Return whether any arm has more than one seed."""
    return any(len(arm.runs) > 1 for arms in curves.values() for arm in arms)


def curve_panels(curves: Curves, *, order: Sequence[str], control: str) -> dict[str, Figure]:
    """Return arm -> its panel: train and validation with their spread, and the control's validation as a reference."""
    ranges = {quantity: common_range(arms) for quantity, arms in curves.items()}
    epochs = max((len(arm.validation.epochs) for arms in curves.values() for arm in arms), default=1)
    seeds = shows_seeds(curves)
    panels = {}
    for index, name in enumerate(order):
        traces: list[tuple[Choice, Trace]] = []
        for quantity, arms in curves.items():
            by_name = {arm.arm: arm for arm in arms}
            if name not in by_name:
                continue
            if name != control and control in by_name:
                traces.append(({"quantity": quantity}, _reference(by_name[control].validation, control)))
            traces += _panel_traces(by_name[name], quantity, seeds=seeds)
        base = layout(x=_epochs_axis(epochs), y=axis(), margin={"l": 36, "r": 8, "t": 6, "b": 34})
        base["hovermode"] = "x unified"
        label = f"Train and validation curves of {name}"
        panels[name] = Figure(f"curve-{index}", label, traces, base, 220, variants=_axes(ranges), compact=True)
    return panels


def _epochs_axis(epochs: int) -> dict[str, Any]:
    made = {**axis("epoch", grid=False), "range": padded(1, max(epochs, 2), share=0.02), "hoverformat": "d"}
    return {**made, "tickformat": "d", "nticks": 6, "unifiedhovertitle": {"text": "epoch %{x}"}}


def _axes(ranges: Mapping[str, tuple[float, float] | None]) -> list[tuple[Choice, Mapping[str, Any]]]:
    """Return the y axis for each choice of quantity and scale; the same in all panels, so that arms can be compared."""
    variants: list[tuple[Choice, Mapping[str, Any]]] = []
    for quantity, found in ranges.items():
        if found is None:
            continue
        low, high = found
        linear = {"type": "linear", "range": padded(low, high), "tickformat": "" if quantity == "loss" else ".0%"}
        variants.append(({"quantity": quantity}, {"yaxis": linear}))
        if quantity == "loss":
            logarithmic = {"type": "log", "range": log_range(low, high), "tickformat": ""}
            variants.append(({"quantity": quantity, "scale": "log"}, {"yaxis": logarithmic}))
    return variants


def _panel_traces(arm: ArmCurves, quantity: str, *, seeds: bool) -> list[tuple[Choice, Trace]]:
    traces: list[tuple[Choice, Trace]] = []
    sides = (("train", arm.train, "@train"), ("validation", arm.validation, "@validation"))
    if len(arm.runs) > 1:
        for _, found, color in sides:
            traces += _filled({"quantity": quantity, "spread": "range"}, found, found.least, found.most, color)
            traces += _filled({"quantity": quantity, "spread": "interval"}, found, found.low, found.high, color)
        for run in arm.runs if seeds else ():
            for values, color in ((run.train, "@train/0.35"), (run.validation, "@validation/0.35")):
                thin = {"width": 1, "color": color}
                line = _line(range(1, len(values) + 1), values, thin)
                traces.append(({"quantity": quantity, "spread": "seeds"}, line))
    for side, found, color in sides:
        traces += [({"quantity": quantity}, trace) for trace in _means(side, found, color, len(arm.runs), quantity)]
    traces.append(({"quantity": quantity}, _handed_over(arm)))
    return traces


def _line(x: Sequence[int], y: Sequence[float], style: Mapping[str, Any]) -> Trace:
    """Return a line over epochs, thinned; epochs in even steps are written as their first and their step."""
    at, values = _thinned(x), _thinned(y)
    step = at[1] - at[0] if len(at) > 1 else 1
    even = bool(at) and at[-1] - at[0] == step * (len(at) - 1)
    place = {"x0": at[0], "dx": step} if even else {"x": at}
    return {"type": "scatter", "mode": "lines", **place, "y": values, "line": dict(style), "hoverinfo": "skip"}


def _thinned(values: Sequence[Any]) -> list[Any]:
    return list(values[:: math.ceil(len(values) / MOST_POINTS) or 1])


def _filled(
    choice: Choice, found: Band, low: Sequence[float], high: Sequence[float], color: str
) -> list[tuple[Choice, Trace]]:
    """Return the two edges of a band; only epochs that have both, since a fill cannot have holes."""
    both = [
        (epoch, below, above)
        for epoch, below, above in zip(found.epochs, low, high, strict=True)
        if math.isfinite(below) and math.isfinite(above)
    ]
    if not both:
        return []
    epochs, below, above = (list(side) for side in zip(*both, strict=True))
    edge = {"width": 0, "color": color}
    upper = {**_line(epochs, above, edge), "fill": "tonexty", "fillcolor": f"{color}/0.18"}
    return [(choice, _line(epochs, below, edge)), (choice, upper)]


def _means(side: str, found: Band, color: str, seeds: int, quantity: str) -> list[Trace]:
    """Return the mean: solid while all seeds run, dotted once some have stopped."""
    full = found.full(seeds)
    percent = ".4g" if quantity == "loss" else ".1%"
    extra = f" <span>(%{{customdata[0]:{percent}}} to %{{customdata[1]:{percent}}}, n = %{{customdata[2]}})</span>"
    solid = {
        **_line(found.epochs, found.mean, {"width": 2.2, "color": color}),
        "name": side,
        "customdata": _thinned(list(zip(found.least, found.most, found.count, strict=True))),
        "hovertemplate": f"{side} %{{y:{percent}}}{extra if seeds > 1 else ''}<extra></extra>",
    }
    del solid["hoverinfo"]
    if full in (0, len(found.epochs)):
        return [solid]
    # one trace answers the mouse over all epochs, but only its full part is drawn solid
    solid["line"] = {"width": 2.2, "color": color, "dash": "1px,3px"}
    return [solid, _line(found.epochs[:full], found.mean[:full], {"width": 2.2, "color": color})]


def _reference(found: Band, control: str) -> Trace:
    line = _line(found.epochs, found.mean, {"width": 1.4, "color": "@ink/0.55", "dash": "dot"})
    return {**line, "name": as_text(f"{control} validation")}


def _handed_over(arm: ArmCurves) -> Trace:
    runs = [run for run in arm.runs if math.isfinite(run.best_value)]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [run.best_epoch for run in runs],
        "y": [run.best_value for run in runs],
        "marker": {"size": 6, "color": "@validation", "line": {"width": 1.2, "color": "@surface"}},
        "hoverinfo": "skip",
    }


def curve_overview(curves: Curves, *, styles: Mapping[str, ArmStyle], best: str | None) -> Figure:
    """Return the validation curves of the arms that have a style, in that order; the best arm heavy."""
    ranges = {quantity: common_range([_validation_only(arm) for arm in arms]) for quantity, arms in curves.items()}
    epochs = max((len(arm.validation.epochs) for arms in curves.values() for arm in arms), default=1)
    traces: list[tuple[Choice, Trace]] = []
    for quantity, arms in curves.items():
        by_name = {arm.arm: arm for arm in arms}
        for name in (name for name in styles if name in by_name):
            style = {"width": 3 if name == best else 1.8, "color": styles[name].color, "dash": styles[name].dash}
            traces.append(({"quantity": quantity}, _arm_line(by_name[name].validation, name, style)))
    base = layout(x=_epochs_axis(epochs), y=axis(), margin={"l": 44, "r": 10, "t": 8, "b": 40})
    base["hovermode"] = "closest"
    label = "Validation curves of all arms"
    return Figure("curve-all", label, traces, base, 340, arm_legend(styles), _axes(ranges))


def _validation_only(arm: ArmCurves) -> ArmCurves:
    return replace(arm, runs=tuple(replace(run, train=()) for run in arm.runs))


def _arm_line(found: Band, name: str, style: Mapping[str, Any]) -> Trace:
    line = _line(found.epochs, found.mean, style)
    del line["hoverinfo"]
    hovertemplate = "<b>%{text}</b><br>epoch %{x}: %{y:.4g}<extra></extra>"
    return {**line, "text": as_text(name), "hovertemplate": hovertemplate}
