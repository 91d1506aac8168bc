"""A run as its log has it: numbers under the log's own keys, before they are matched and brought on one axis."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field

from wellfit.diagnosis.readers.log_run import Format, Remark

MISSING = frozenset({"", "na", "n/a", "null", "none", "<na>", "#n/a", "-", "--"})
"""Texts, in lower case, of a value that was not logged; ``nan`` may be one that was."""
LONGEST = 400
"""Characters of a number; longer ones are none."""
ABSENT = math.nan
"""Stands for an unknown step or epoch."""


@dataclass
class Track:
    """The points of one key in the order of the log; the arrays are of one length."""

    at: array[float] = field(default_factory=lambda: array("d"))
    """Where: the step, else the epoch, else the row, as ``RawRun.axis`` says."""
    epoch: array[float] = field(default_factory=lambda: array("d"))
    """The epoch that was logged with it; NaN if none."""
    values: array[float] = field(default_factory=lambda: array("d"))
    step: array[float] = field(default_factory=lambda: array("d"))
    """The step that was logged with it, NaN if none; of a table, until its axis is known."""

    def add(self, at: float, epoch: float, value: float) -> None:
        """Append a point."""
        self.at.append(at)
        self.epoch.append(epoch)
        self.values.append(value)

    def __len__(self) -> int:
        return len(self.values)


@dataclass
class RawRun:
    """One run of a log."""

    source: str
    format: Format
    axis: str = "row"
    """What ``Track.at`` counts: ``step``, ``epoch`` or ``row``."""
    axis_keys: dict[str, str] = field(default_factory=dict)
    """Their key -> ``epoch`` or ``step``."""
    tracks: dict[str, Track] = field(default_factory=dict)
    unused: set[str] = field(default_factory=set)
    """Keys that name nothing of ours; their values were not kept."""
    remarks: list[Remark] = field(default_factory=list)
    comparable: bool = False
    """The log says that train and validation were measured alike, as ``wellfit.Watch`` does."""

    def track(self, key: str) -> Track:
        """Return the track of a key, a new one if it has none."""
        found = self.tracks.get(key)
        if found is None:
            found = self.tracks[key] = Track()
        return found


def number(value: object, *, comma: bool = False) -> float | None:
    """Return what a log's field says: a number (NaN and infinities too), or ``None`` where nothing was logged.

    ``comma``: the decimal sign is a comma. A percent sign is left out.

    Raises
    ------
    ValueError
        It is text that is no number.

    """
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    if not isinstance(value, str):
        raise ValueError
    if len(value) > LONGEST:
        raise ValueError
    try:
        return float(value)
    except ValueError:
        text = value.strip()
    if text.lower() in MISSING:
        return None
    text = text.removesuffix("%")
    return float(text.replace(",", ".") if comma else text)
