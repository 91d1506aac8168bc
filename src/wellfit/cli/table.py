"""The leaderboard as a table for the terminal; it fits 80 columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from wellfit.views.contrasts import Contrast
from wellfit.views.leaderboard import LeaderboardRow
from wellfit.views.metric_value import MetricValue
from wellfit.views.numbers import MISSING, difference_text, is_fraction, plain, shown_decimals, value_text

STYLES = {"better": "green", "worse": "red", "unclear": "dim"}
GAP = 2
"""Characters between two columns."""
FEWEST = 8
"""Characters that a name has at least."""
LONGEST_CONTROL = 16
"""Characters after which the control's name breaks."""
VERDICTS = {"well-fit": "green", "overfit": "red", "underfit": "yellow", "diverged": "bold red"}


@dataclass(frozen=True)
class Column:
    """A column: what stands over it (lines), its cells, and whether they are numbers."""

    header: str
    cells: Sequence[Text]
    is_number: bool = True

    @property
    def width(self) -> int:
        """Characters of the longest line."""
        return max(
            len(line) for text in (self.header, *(cell.plain for cell in self.cells)) for line in text.split("\n")
        )


def leaderboard_table(rows: Sequence[LeaderboardRow], *, metric: str, control: str, width: int = 80) -> Table:
    """Return the table: rank, arm, verdict, the metric, the sealed test set, and the paired difference to the control.

    ``±`` is half the width of a 95 % interval. Long names of arms break after a ``+``, so that the table has ``width``.
    """
    columns = [
        Column("verdict", [Text(row.verdict, style=VERDICTS.get(row.verdict, "")) for row in rows], is_number=False),
        Column(metric, [Text(text) for text in _values([row.metric for row in rows], metric)]),
    ]
    if tested := _test_metric(rows):
        tests = [_tested(row, tested) for row in rows]
        texts = [MISSING if test is None else value_text(tested, test.mean) for test in tests]
        columns.append(Column(tested.replace("_", "_\n"), [Text(text) for text in texts]))
    if any(row.contrast is not None for row in rows):
        columns += _compared(rows, metric, control)
    ranks = Column("", [Text(str(row.rank) if row.rank else MISSING, style="dim") for row in rows])
    room = max(FEWEST, width - sum(GAP + column.width for column in (ranks, *columns)))
    names = [Text(broken(row.arm, room), style="bold" if row.is_best else "") for row in rows]
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)
    columns = [ranks, Column("arm", names, is_number=False), *columns]
    for column in columns:
        table.add_column(column.header, justify="right" if column.is_number else "left", overflow="fold")
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    return table


def broken(name: str, room: int) -> str:
    r"""Return the name in lines of at most ``room`` characters, broken after ``+`` where it has one there.

    >>> broken("dropout+l2+augmentation", 18)
    'dropout+l2+\naugmentation'
    """
    lines = [""]
    for part in re.findall(r"[^+]*\+|[^+]+$", name):
        if lines[-1] and len(lines[-1]) + len(part) > room:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def _compared(rows: Sequence[LeaderboardRow], metric: str, control: str) -> list[Column]:
    """Return the difference to the control and what it shows."""
    numbers, outcomes = [], []
    for row, difference in zip(rows, _differences([row.contrast for row in rows], metric), strict=True):
        outcome = "" if row.is_control or row.contrast is None else row.contrast.outcome
        numbers.append(Text("control", style="dim") if row.is_control else Text(difference if outcome else ""))
        outcomes.append(Text("left", style="dim") if row.left else Text(outcome, style=STYLES.get(outcome, "")))
    return [Column(f"against\n{broken(control, LONGEST_CONTROL)}", numbers), Column("", outcomes, is_number=False)]


def _test_metric(rows: Sequence[LeaderboardRow]) -> str:
    """Return the test metric to show; empty while the test set is sealed."""
    for name in ("test_iou", "test_accuracy", "test_loss"):
        if any(_tested(row, name) is not None for row in rows):
            return name
    return ""


def _tested(row: LeaderboardRow, metric: str) -> MetricValue | None:
    found: MetricValue | None = getattr(row, metric)
    return found


def _values(values: Sequence[MetricValue | None], metric: str) -> list[str]:
    """Return a column: the same decimals in all its rows."""
    known = [value for value in values if value is not None]
    widths = [value.half_width for value in known if value.has_interval]
    places = shown_decimals(metric, widths) if widths else None
    return [MISSING if value is None else _value(value, metric, places) for value in values]


def _value(value: MetricValue, metric: str, places: int | None) -> str:
    if places is None:
        return value_text(metric, value.mean)
    half = _half(value.half_width, metric, places)
    unit = " %" if is_fraction(metric) else ""
    mean = value_text(metric, value.mean, places=places).removesuffix(unit)
    return f"{mean}{half}{unit}"


def _differences(contrasts: Sequence[Contrast | None], metric: str) -> list[str]:
    known = [one.half_width for one in contrasts if one is not None]
    places = shown_decimals(metric, known)
    return [
        MISSING
        if one is None
        else difference_text(metric, one.difference, places=places) + _half(one.half_width, metric, places)
        for one in contrasts
    ]


def _half(half_width: float, metric: str, places: int) -> str:
    text = plain(half_width * (100 if is_fraction(metric) else 1), places)
    return "" if text == MISSING else f"\N{PLUS-MINUS SIGN}{text}"
