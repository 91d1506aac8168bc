"""Figure: a Plotly figure as plain values, drawn by ``page.js``.

Figures are built by hand as dictionaries: importing ``plotly.graph_objects`` takes a second and checks what the browser
tests check anyway. Colors are tokens such as ``@validation/0.2`` (name of a CSS variable, opacity), which the page
resolves, so that one figure serves the light theme, the dark theme and paper.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wellfit.report.safe import as_text

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

ARM_COLORS = tuple(f"@arm{index}" for index in range(8))
"""Colors of arms that share one plot: Okabe and Ito's, which color-blind readers can tell apart."""

ARM_DASHES = {"solid": "solid", "dot": "dotted"}
"""How lines of arms are drawn, by Plotly and in a legend: all colors in the first way, then all in the second."""

OUTCOME_COLORS = {"better": "@better", "worse": "@worse", "unclear": "@unclear"}

Trace = dict[str, Any]
Choice = Mapping[str, str]
"""What must be chosen in the page for a trace or a layout to show: ``{"quantity": "loss", "spread": "range"}``."""


@dataclass(frozen=True, slots=True)
class ArmStyle:
    """How an arm's line is drawn where arms share one plot."""

    color: str
    dash: str
    border: str
    """The dash as CSS names it."""


def arm_styles(order: Sequence[str], *, control: str) -> dict[str, ArmStyle]:
    """Return arm -> its style, the same in all plots of the page: the control dashed, what has no style left faint."""
    kinds = [ArmStyle(color, dash, border) for dash, border in ARM_DASHES.items() for color in ARM_COLORS]
    others = [name for name in order if name != control]
    faint = ArmStyle("@faint", "solid", "solid")
    styles = {name: kinds[rank] if rank < len(kinds) else faint for rank, name in enumerate(others)}
    return {name: ArmStyle("@ink", "dash", "dashed") if name == control else styles[name] for name in order}


def arm_legend(styles: Mapping[str, ArmStyle]) -> list[tuple[str, str, str]]:
    """Return what :attr:`Figure.legend` wants."""
    return [(name, style.color, style.border) for name, style in styles.items()]


@dataclass(frozen=True)
class Figure:
    """What to draw in the element ``id``, and which parts of it depend on what the reader chooses."""

    id: str
    label: str
    """What the figure shows, for people who do not see it."""
    traces: Sequence[tuple[Choice, Trace]]
    layout: Mapping[str, Any]
    height: int
    """In CSS pixels."""
    legend: Sequence[tuple[str, str, str]] = field(default=())
    """(name, color token, CSS border style), written below the figure: it wraps, which Plotly's own does not."""
    variants: Sequence[tuple[Choice, Mapping[str, Any]]] = field(default=())
    """Changes of the layout under a choice."""
    compact: bool = False
    """A small panel: no tool bar."""

    def to_dict(self) -> dict[str, Any]:
        """Return what ``page.js`` reads."""
        return {
            "id": self.id,
            "data": [trace for _, trace in self.traces],
            "when": [dict(choice) for choice, _ in self.traces],
            "layout": {**self.layout, "height": self.height},
            "variants": [{"when": dict(choice), "layout": layout} for choice, layout in self.variants],
            "compact": self.compact,
        }


def layout(*, x: Mapping[str, Any], y: Mapping[str, Any], margin: Mapping[str, int]) -> dict[str, Any]:
    """Return the layout that all figures share: no background, quiet grid, the page's font, no legend (see there)."""
    return {
        "font": {"family": FONT, "size": 12, "color": "@muted"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"pad": 2, **margin},
        "showlegend": False,
        "hoverlabel": {
            "bgcolor": "@surface",
            "bordercolor": "@line",
            "font": {"family": FONT, "size": 12, "color": "@ink"},
            "align": "left",
            "namelength": -1,
        },
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "@faint", "activecolor": "@ink"},
        "dragmode": False,
        "xaxis": x,
        "yaxis": y,
    }


def axis(title: str = "", *, grid: bool = True) -> dict[str, Any]:
    """Return an axis with a quiet grid and without a zero line."""
    made: dict[str, Any] = {
        "showgrid": grid,
        "gridcolor": "@line",
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "automargin": True,
        "fixedrange": True,
    }
    if title:
        made["title"] = {"text": as_text(title), "standoff": 8, "font": {"size": 12, "color": "@muted"}}
    return made


def names_axis(names: Sequence[str]) -> dict[str, Any]:
    """Return a y axis that lists names from top to bottom, at 0, 1, 2, ...: names are text there, never categories."""
    return {
        **axis(grid=False),
        "tickmode": "array",
        "tickvals": list(range(len(names))),
        "ticktext": [wrapped(name) for name in names],
        "tickfont": {"size": 12, "color": "@ink"},
        "range": [len(names) - 0.4, -0.6],
    }


def wrapped(name: str, *, width: int = 20, most: int = 2) -> str:
    """Return a label in at most ``most`` lines of ``width``, broken at spaces and before ``+``; the rest is left out.

    A plot of 300 pixels keeps room for what it shows; the pointer reads the whole name.
    """
    lines = [""]
    for piece in re.findall(r"[+ ]?[^+ ]*", name):
        if lines[-1] and len(lines[-1]) + len(piece) > width:
            lines.append("")
        lines[-1] += shortened(piece if lines[-1] else piece.lstrip(" "), width)
    if len(lines) > most:
        lines = [*lines[: most - 1], shortened("".join(lines[most - 1 :]), width)]
    return "<br>".join(as_text(line) for line in lines)


def shortened(text: str, most: int) -> str:
    """Return ``text``, its middle left out where it is longer than ``most``."""
    if len(text) <= most:
        return text
    head = (most - 1) // 2
    return f"{text[:head]}\N{HORIZONTAL ELLIPSIS}{text[-(most - 1 - head) :]}"


def padded(low: float, high: float, *, share: float = 0.06) -> list[float]:
    """Return an axis range with some air; a range of no width gets one."""
    width = (high - low) or abs(high) or 1.0
    return [low - share * width, high + share * width]


def log_range(low: float, high: float) -> list[float]:
    """Return a range for a logarithmic axis (Plotly takes exponents); values at or below zero have no place on it."""
    bottom = low if low > 0 else high / 1e4
    return padded(math.log10(bottom), math.log10(high)) if high > 0 else [-1.0, 0.0]
