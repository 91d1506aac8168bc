"""Dates as they stand in tables, to days: ISO 8601 and the common forms, never by a guess for each value."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

_TIME = r"(?:[T ]\s*(?P<t>\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?))?"

FORMS = {
    "year-month-day": re.compile(r"(?P<y>\d{4})-(?P<m>\d{2})(?:-(?P<d>\d{2}))?" + _TIME),
    "year/month/day": re.compile(r"(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})" + _TIME),
    "day.month.year": re.compile(r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})" + _TIME),
    "month/day/year": re.compile(r"(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4})" + _TIME),
    "day/month/year": re.compile(r"(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<y>\d{4})" + _TIME),
}
"""Forms by name, each with an optional time of day and, after that, a time zone; without one it is UTC."""

ISO = "year-month-day"
ORIGIN = pd.Timestamp("2000-01-01", tz="UTC")
FIRST = 100
"""Values by which forms that do not occur are ruled out before the whole column is read."""


def days(column: pd.Series[Any], form: str) -> npt.NDArray[np.float64]:
    """Return dates as days since 2000-01-01 00:00 UTC, ``(N,)``; NaN for what is no date of this form.

    ``column`` holds dates of pandas or of Python, or text in ``form`` (one of ``FORMS``).
    """
    if types.is_datetime64_any_dtype(column.dtype):
        times = pd.to_datetime(column, utc=True)
    else:
        text = column.map(_as_text).astype(object)
        found = text.map(lambda value: _as_iso(value, FORMS[form]) if isinstance(value, str) else None)
        times = pd.to_datetime(found.astype(object), format="ISO8601", utc=True, errors="coerce")
    return np.asarray((times - ORIGIN) / pd.Timedelta(days=1), dtype=np.float64)


def forms_of(column: pd.Series[Any]) -> list[str]:
    """Return the forms in which most values of a column without missing ones are dates: those that read most of them,
    so more than one where it cannot be told which was meant.
    """
    if types.is_datetime64_any_dtype(column.dtype):
        return [ISO]
    start = [_as_text(value) for value in column.iloc[:FIRST]]
    read: dict[str, npt.NDArray[np.float64]] = {}
    for form, pattern in FORMS.items():
        if any(isinstance(value, str) and pattern.fullmatch(value) for value in start):
            read[form] = days(column, form)
    counts = {form: int(np.isfinite(values).sum()) for form, values in read.items()}
    most = max(counts.values(), default=0)
    if 2 * most <= len(column):
        return []
    best = [form for form, count in counts.items() if count == most]
    same = all(np.array_equal(read[form], read[best[0]], equal_nan=True) for form in best)
    return best[:1] if same else best


def _as_text(value: object) -> object:
    if isinstance(value, dt.date):  # a datetime is one too
        return value.isoformat()
    return value.strip() if isinstance(value, str) else None


def _as_iso(text: str, pattern: re.Pattern[str]) -> str | None:
    found = pattern.fullmatch(text)
    if found is None:
        return None
    year, month, day, time = found["y"], found["m"].zfill(2), (found["d"] or "1").zfill(2), found["t"]
    if time is not None and time[1] == ":":
        time = f"0{time}"
    return f"{year}-{month}-{day}" if time is None else f"{year}-{month}-{day}T{time}"
