"""Draw what the remedies of a fit brought: gains on the sealed test set with their intervals, round after round."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from wellfit.record import is_share
from wellfit.report.figure import OUTCOME_COLORS, Choice, Figure, Trace, axis, layout, names_axis
from wellfit.report.safe import as_text
from wellfit.views.fit_story import gain_text
from wellfit.views.outcome import Outcome as Tone
from wellfit.views.remedies import Attempt, Fit, Gain

SYMBOLS = {"CURED": "star", "BETTER": "square", "WORSE": "square", "NO GAIN": "circle", "INCONCLUSIVE": "diamond"}
FARTHEST = 4.0
"""How many times as far as the middle row the axis reaches at most: one arm that broke would flatten the others."""
ROW = 36
"""Pixels of a row."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the plot; a heading has no gain."""

    label: str
    gain: Gain | None = None
    tone: Tone = "unclear"
    symbol: str = "square"
    words: str = ""
    """What the pointer reads below the gain."""

    @property
    def ends(self) -> list[float]:
        """The finite numbers of the row."""
        gain = self.gain
        values = [] if gain is None else [gain.difference, gain.low, gain.high, *gain.per_seed]
        return [value for value in values if math.isfinite(value)]


def remedy_figure(fit: Fit) -> Figure | None:
    """Return the forest plot of all remedies, and of all winners together; ``None`` where nothing was measured."""
    rows = [row for each in fit.rounds for row in _round_rows(each.number, each.control, each.attempts)]
    if fit.gain is not None and fit.is_changed:
        words = "all that was kept, together"
        rows += [Row(f"In all, over {fit.baseline.arm}"), Row(fit.final.arm, fit.gain, fit.gain.tone, words=words)]
    if not any(row.gain for row in rows):
        return None
    scale = 100 if is_share(fit.metric) else 1
    low, high = _range(rows)
    unit = f"gain in {fit.metric}" + (", percentage points" if scale > 1 else "")
    x = {**axis(unit), "tickangle": 0, "zeroline": True, "zerolinecolor": "@ink", "zerolinewidth": 1.2, "nticks": 5}
    x |= {"range": [scale * low, scale * high]}
    y = names_axis([row.label for row in rows])
    texts = [f"<b>{text}</b>" if row.gain is None else text for row, text in zip(rows, y["ticktext"], strict=True)]
    base = layout(x=x, y={**y, "ticktext": texts}, margin={"l": 12, "r": 16, "t": 26, "b": 44})
    base["hovermode"] = "closest"
    base["annotations"] = _sides()
    none: Choice = {}
    traces = [(none, trace) for trace in (_dots(rows, scale), *_intervals(rows, fit.metric, scale, (low, high)))]
    title = f"Gain of each remedy in {fit.metric} on the sealed test set"
    return Figure("remedies", title, traces, base, 92 + ROW * len(rows))


def _round_rows(number: int, control: str, attempts: Sequence[Attempt]) -> list[Row]:
    measured = [
        Row(one.name, one.test, one.tone, SYMBOLS[one.outcome], one.outcome) for one in attempts if one.test is not None
    ]
    return [Row(f"Round {number}, over {control}"), *measured] if measured else []


def _range(rows: Sequence[Row]) -> tuple[float, float]:
    """Return the ends of the axis; zero is on it, and the middle row's interval is never lost."""
    extents = [max(map(abs, row.ends)) for row in rows if row.ends]
    most = FARTHEST * statistics.median(extents) or max(extents) or 1.0
    values = [min(max(value, -most), most) for row in rows for value in row.ends]
    low, high = min([0.0, *values]), max([0.0, *values])
    air = 0.06 * ((high - low) or 1.0)
    return low - air, high + air


def _sides() -> list[dict[str, object]]:
    """Return what lies on each side of zero, above the plot's ends."""
    common = {"xref": "paper", "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False}
    return [
        {**common, "x": 0, "xanchor": "left", "text": "\N{LEFTWARDS ARROW} worse", "font": {"color": "@worse"}},
        {**common, "x": 1, "xanchor": "right", "text": "better \N{RIGHTWARDS ARROW}", "font": {"color": "@better"}},
    ]


def _dots(rows: Sequence[Row], scale: float) -> Trace:
    """Return the single seeds, below the mean of their row."""
    points = [
        (place, row, index, value)
        for place, row in enumerate(rows)
        for index, value in enumerate(row.gain.per_seed if row.gain else (), start=1)
        if math.isfinite(value)
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "one seed",
        "x": [scale * value for *_, value in points],
        "y": [place + 0.26 for place, *_ in points],
        "customdata": [[as_text(row.label), index] for _, row, index, _ in points],
        "hovertemplate": "%{customdata[0]}<br>seed no. %{customdata[1]}: %{x:.4g}<extra></extra>",
        "marker": {"size": 6, "color": [f"{OUTCOME_COLORS[row.tone]}/0.45" for _, row, *_ in points]},
    }


def _intervals(rows: Sequence[Row], metric: str, scale: float, ends: tuple[float, float]) -> list[Trace]:
    def place_of(value: float) -> float:
        return scale * min(max(value, ends[0]), ends[1])

    traces = []
    for tone, color in OUTCOME_COLORS.items():
        shown = [(place, row, row.gain) for place, row in enumerate(rows) if row.gain is not None and row.tone == tone]
        if not shown:
            continue
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": tone,
                "x": [place_of(gain.difference) for *_, gain in shown],
                "y": [place for place, *_ in shown],
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [place_of(gain.high) - place_of(gain.difference) for *_, gain in shown],
                    "arrayminus": [place_of(gain.difference) - place_of(gain.low) for *_, gain in shown],
                    "color": color,
                    "thickness": 2.4,
                    "width": 0,
                },
                "marker": {
                    "size": [15 if row.symbol == "star" else 11 for _, row, _ in shown],
                    "color": color,
                    "symbol": [_symbol(row, gain, ends) for _, row, gain in shown],
                },
                "text": [_hover(row, gain, metric) for _, row, gain in shown],
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    return traces


def _symbol(row: Row, gain: Gain, ends: tuple[float, float]) -> str:
    """Return the mark of a row: an arrow at the edge where the gain lies beyond it."""
    if gain.difference < ends[0]:
        return "triangle-left"
    return "triangle-right" if gain.difference > ends[1] else row.symbol


def _hover(row: Row, gain: Gain, metric: str) -> str:
    return f"<b>{as_text(row.label)}</b><br>{gain_text(gain, metric)}<br>{as_text(row.words)}"
