"""Is it worth going on?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wellfit.diagnosis import diagnose
from wellfit.diagnosis.features import HUGE

Row = Mapping[str, float | None]
CLIMB = 3.0
"""An exploded train loss is this many times the descent, or the size of the first loss, above the first ..."""
TWICE = 2
"""... in so many rows, one after the other: what recovers from a spike goes on."""


def broken_loss(row: Row) -> str:
    """Return the name of the first loss of a row that is not finite, or beyond all sense; empty if none is."""
    for name in ("train_loss", "val_loss"):
        value = row.get(name)
        if value is not None and not abs(value) < HUGE:
            return name
    return ""


def why_stop(rows: Sequence[Row], unit: str = "epoch", at: Sequence[int] = ()) -> str:
    """Return why a run has diverged, by its last row; empty if it has not.

    A loss is not finite; or the train loss exploded, ``loss > first + 3 max(first - best, |first|)`` in the last two
    rows, and ``diagnose`` calls the run diverged. Multiplying all losses by the same number changes nothing.
    """
    if not rows:
        return ""
    place = at[-1] if at else len(rows)
    broken = broken_loss(rows[-1])
    if broken:
        return f"the {broken.replace('_', ' ')} is {rows[-1][broken]:.3g} at {unit} {place}"
    last = rows[-1].get("train_loss")
    first = next((value for row in rows if (value := row.get("train_loss")) is not None), None)
    if last is None or first is None or last <= first + CLIMB * abs(first):
        return ""  # most of the time, without a look at all rows
    train = [value for row in rows if (value := row.get("train_loss")) is not None]
    bound = first + CLIMB * max(first - min(train), abs(first))
    if len(train) <= TWICE or min(train[-TWICE:]) <= bound:
        return ""
    columns = {name: [row.get(name) for row in rows] for name in ("train_loss", "val_loss")}
    if diagnose(columns).verdict != "diverged":
        return ""
    return f"the train loss exploded: {last:.3g} at {unit} {place}, after {min(train):.3g}"
