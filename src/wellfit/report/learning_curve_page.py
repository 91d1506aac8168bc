"""A learning curve as a page: errors over data sizes on logarithmic axes, the law, its forecast."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from wellfit.record import is_share
from wellfit.report.examination_page import Page, render_examination
from wellfit.report.figure import Choice, Figure, Trace, axis, layout, log_range
from wellfit.views.learning_curve import cells, doubts, error_name, headline, sentences, setting, train_name

TICKS = (1, 2, 5)
ALWAYS: Choice = {}
CAPTION = "Dots: single seeds, and their means with 95 % intervals. Both axes are logarithmic"
SHADED = ": a power law without a floor is a straight line. Shaded: where the mean of these seeds is expected with 95 %"


def render_learning_curve(result: Mapping[str, Any]) -> str:
    """Return the page of what ``wellfit.learning_curve`` found."""
    metric = str(result["metric"])
    doubted = doubts(result)
    rows = cells(result)
    page = Page(
        data=str(result["data"]["name"]),
        title="Learning curve",
        tone="unclear" if result["no_forecast"] else "better",
        headline=headline(result),
        words=[line for line in sentences(result) if line not in doubted],
        doubts=doubted,
        setting=setting(result),
        caption=CAPTION + (SHADED if result["band"] else ""),
        columns=("train samples", "share", error_name(metric), "95 % interval", train_name(metric)),
        rows=[(row.samples, row.share, row.error, row.interval, row.train) for row in rows],
        faint=sum(row.is_forecast for row in rows),
        footnote=f"{'The last rows are forecasts. ' if result['band'] else ''}The sealed test set was not read.",
    )
    return render_examination(page, learning_curve_figure(result))


def learning_curve_figure(result: Mapping[str, Any]) -> Figure:
    """Return the picture of a result."""
    metric = str(result["metric"])
    scale = 100.0 if is_share(metric) else 1.0
    sizes, band = result["sizes"], result["band"]
    shown = [size for size in sizes if size["error"] is not None and size["error"]["mean"]]
    traces = [*_band(band, scale), *_seeds(sizes, scale), _train(shown, metric, scale), _means(shown, metric, scale)]
    known = [scale * value for size in shown for value in size["error"]["values"] if value and math.isfinite(value)]
    known += [scale * value for point in band for value in (*point["ci95"], point["error"]) if value > 0]
    trained = [value for size in shown if (value := _train_value(size, metric, scale)) > 0]
    low = min([*known, *(value for value in trained if known and value > min(known) / 30)], default=0.1)
    tops = [scale * size["error"]["ci95"][1] for size in shown if size["error"]["ci95"]]
    most = max([*known, *trained, *tops], default=1.0)
    last = band[-1]["samples"] if band else sizes[-1]["samples"]
    ends = (sizes[0]["samples"], last)
    x = {**axis("train samples"), "type": "log", "range": log_range(*ends), **_ticks(*ends)}
    y = {**axis(_title(metric)), "type": "log", "range": log_range(low, most), **_ticks(low, most)}
    base = layout(x=x, y=y, margin={"l": 58, "r": 14, "t": 10, "b": 46})
    base["hovermode"] = "closest"
    legend = [("validation", "@validation", "solid"), ("train", "@train", "solid")]
    legend += [("power law and its 95 % interval", "@ink", "dashed")] if band else []
    return Figure("learning-curve", "Errors over the number of train samples", traces, base, 420, legend)


def _title(metric: str) -> str:
    return f"{error_name(metric)} (%)" if is_share(metric) else metric


def _ticks(low: float, high: float) -> dict[str, Any]:
    """Return ticks at 1, 2 and 5 times powers of ten, or at powers alone where that are many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = TICKS if len(powers) <= 4 else (1,)
    values = [factor * 10.0**power for power in powers for factor in factors]
    return {"tickmode": "array", "tickvals": values, "ticktext": [f"{value:,.10g}" for value in values]}


def _band(band: Sequence[Mapping[str, Any]], scale: float) -> list[tuple[Choice, Trace]]:
    if not band:
        return []
    x = [point["samples"] for point in band]
    edge = {"type": "scatter", "mode": "lines", "x": x, "line": {"width": 0, "color": "@ink"}, "hoverinfo": "skip"}
    low, high = ([scale * point["ci95"][end] for point in band] for end in (0, 1))
    law: Trace = {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": [scale * point["error"] for point in band],
        "line": {"width": 1.8, "color": "@ink", "dash": "dash"},
        "hovertemplate": "%{x:,.0f} samples: about %{y:.3g}<extra></extra>",
    }
    return [
        (ALWAYS, {**edge, "y": low}),
        (ALWAYS, {**edge, "y": high, "fill": "tonexty", "fillcolor": "@ink/0.10"}),
        (ALWAYS, law),
    ]


def _seeds(sizes: Sequence[Mapping[str, Any]], scale: float) -> list[tuple[Choice, Trace]]:
    points = [
        (size["samples"], scale * value)
        for size in sizes
        for value in (size["error"] or {"values": ()})["values"]
        if value and math.isfinite(value)
    ]
    trace: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [x for x, _ in points],
        "y": [y for _, y in points],
        "marker": {"size": 6, "color": "@validation/0.35"},
        "hovertemplate": "%{x:,} samples, a seed: %{y:.3g}<extra></extra>",
    }
    return [(ALWAYS, trace)]


def _means(shown: Sequence[Mapping[str, Any]], metric: str, scale: float) -> tuple[Choice, Trace]:
    blocks = [size["error"] for size in shown]
    halves = [scale * (block["ci95"][1] - block["ci95"][0]) / 2 if block["ci95"] else 0.0 for block in blocks]
    trace: Trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [size["samples"] for size in shown],
        "y": [scale * block["mean"] for block in blocks],
        "line": {"width": 2.4, "color": "@validation"},
        "marker": {"size": 9, "color": "@validation"},
        "error_y": {"type": "data", "array": halves, "color": "@validation", "thickness": 2, "width": 0},
        "hovertemplate": f"%{{x:,}} samples: {error_name(metric)} %{{y:.3g}}<extra></extra>",
    }
    return ALWAYS, trace


def _train(shown: Sequence[Mapping[str, Any]], metric: str, scale: float) -> tuple[Choice, Trace]:
    trace: Trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [size["samples"] for size in shown],
        "y": [value if (value := _train_value(size, metric, scale)) > 0 else None for size in shown],
        "line": {"width": 2, "color": "@train"},
        "marker": {"size": 6, "color": "@train"},
        "hovertemplate": f"%{{x:,}} samples: {train_name(metric)} %{{y:.3g}}<extra></extra>",
    }
    return ALWAYS, trace


def _train_value(size: Mapping[str, Any], metric: str, scale: float) -> float:
    block = size[metric.replace("val_", "train_")]
    mean = math.nan if block is None or block["mean"] is None else float(block["mean"])
    return scale * (1 - mean if is_share(metric) else mean)
