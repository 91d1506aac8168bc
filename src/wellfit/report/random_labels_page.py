"""The random-label test as a page: how fast random and true labels are learned by heart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from wellfit.report.examination_page import Page, render_examination
from wellfit.report.figure import Choice, Figure, Trace, axis, layout
from wellfit.views.random_labels import cells, headline, measure_name, sentences, setting

COLORS = {"random": "@arm5", "true": "@arm0"}
TONES = {"memorizes": "worse", "cannot": "better", "unclear": "unclear"}
ALWAYS: Choice = {}


def render_random_labels(result: Mapping[str, Any]) -> str:
    """Return the page of what ``wellfit.random_labels`` found."""
    name = measure_name(result)
    page = Page(
        data=str(result["data"]["name"]),
        title="Random-label test: can this network memorize?",
        tone=TONES[str(result["verdict"])],
        headline=headline(result),
        words=sentences(result),
        doubts=(),
        setting=setting(result),
        caption=f"A line for each seed; dotted: the {name} that counts as known by heart. Both kinds of labels share "
        "split, start and order of the samples",
        columns=("labels", f"train {name}", "epochs needed", f"validation {name}"),
        rows=[(row.labels, row.train, row.epochs, row.validation) for row in cells(result)],
        faint=0,
        footnote="Validation labels are the true ones. After Zhang, Bengio, Hardt, Recht & Vinyals 2017. The sealed "
        "test set was not read.",
    )
    return render_examination(page, random_labels_figure(result))


def random_labels_figure(result: Mapping[str, Any]) -> Figure:
    """Return the share that is known by heart over the epochs."""
    percent = result["measure"] == "train_accuracy"
    scale = 100.0 if percent else 1.0
    name = measure_name(result)
    traces: list[tuple[Choice, Trace]] = []
    for label, color in COLORS.items():
        for seed, shares in zip(result["seeds"], result["labels"][label]["curves"]["share"], strict=True):
            traces.append((ALWAYS, _line(label, seed, shares, scale, color)))
    enough = scale * float(result["enough"])
    ends = [1, int(result["epochs_run"])]
    dotted = {"width": 1.4, "color": "@faint", "dash": "dot"}
    line: Trace = {"type": "scatter", "mode": "lines", "x": ends, "y": [enough] * 2, "line": dotted}
    traces.append((ALWAYS, {**line, "hoverinfo": "skip"}))
    title = f"train {name}{' (%)' if percent else ''}"
    base = layout(
        x=axis("epoch"),
        y={**axis(title), "range": [-0.03 * scale, 1.03 * scale]},
        margin={"l": 52, "r": 12, "t": 10, "b": 46},
    )
    base["hovermode"] = "closest"
    targets = "labels" if percent else "targets"
    legend = [(f"{label} {targets}", color, "solid") for label, color in COLORS.items()]
    return Figure("random-labels", f"Train {name} on random and true {targets}", traces, base, 380, legend)


def _line(label: str, seed: int, shares: list[float | None], scale: float, color: str) -> Trace:
    values = [scale * share if share is not None and math.isfinite(share) else None for share in shares]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(range(1, len(values) + 1)),
        "y": values,
        "line": {"width": 2, "color": color},
        "hovertemplate": f"{label}, seed {seed}, epoch %{{x}}: %{{y:.3g}}<extra></extra>",
    }
