"""Columns of a table to numbers, by what is known of each; bad values are named, missing ones may be let through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from wellfit.data.column import Column
from wellfit.data.column_kind import absent, level, number
from wellfit.data.columns import Table
from wellfit.data.date_text import ISO, days
from wellfit.data.memory import check_memory
from wellfit.data.naming import shown


def coded(table: Table, columns: Sequence[Column], *, missing: bool) -> tuple[npt.NDArray[np.float32], dict[int, str]]:
    """Return columns as float32 ``(N, D)``, and for each bad row what its first bad column is.

    What the numbers mean: ``Column``. A bad value is a text where a number or a date is expected, a truth value but 0
    and 1, an infinite one, one too large for float32; and one that is missing, unless ``missing`` lets it through as
    NaN. A level that is not listed is no bad value, but -1.

    Raises
    ------
    DataError
        More than memory holds.

    """
    check_memory(table.where, 4 * len(table.frame) * len(columns), expected="a smaller table")
    values = np.empty((len(table.frame), len(columns)), dtype=np.float32)
    bad: dict[int, str] = {}
    for position, column in enumerate(columns):
        raw = table.frame[column.name]
        found = _values(raw, column)
        with np.errstate(over="ignore"):
            values[:, position] = found
        wrong = ~np.isfinite(values[:, position])
        if missing and wrong.any():
            gone = absent(raw).to_numpy(dtype=np.bool_)
            wrong &= ~gone
        for row in np.flatnonzero(wrong).tolist():
            bad.setdefault(row, _what(raw.iloc[row], found[row], column))
    return values, bad


def _values(raw: pd.Series[Any], column: Column) -> npt.NDArray[np.float64]:
    """Return a column as float64, with NaN for what is missing or of another kind."""
    if column.kind == "category":
        return _codes(raw, column.levels)
    if column.kind == "date":
        return days(raw, column.form or ISO)
    if types.is_complex_dtype(raw.dtype) or types.is_datetime64_any_dtype(raw.dtype):
        found = np.full(len(raw), np.nan)
    elif types.is_bool_dtype(raw.dtype) or types.is_numeric_dtype(raw.dtype):
        found = raw.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        found = np.array([number(value) for value in raw.astype(object)], dtype=np.float64)
    if column.kind == "truth":
        found = np.where(np.isin(found, (0, 1)), found, np.nan)
    return found


def _codes(raw: pd.Series[Any], levels: Sequence[str]) -> npt.NDArray[np.float64]:
    there = ~absent(raw).to_numpy(dtype=np.bool_)
    codes, distinct = pd.factorize(raw[there].astype(object))
    index = {name: code for code, name in enumerate(levels)}
    known = np.array([index.get(level(value), -1) for value in distinct], dtype=np.float64)
    found = np.full(len(raw), np.nan)
    found[there] = known[codes]
    return found


def _what(raw: object, value: float, column: Column) -> str:
    where = f"in the column '{shown(column.name)}'"
    if np.isinf(value):
        return f"the value {value} {where}"
    if np.isfinite(value):
        return f"the value {value:g}, too large for float32, {where}"
    missing = raw is None or raw is pd.NA or raw is pd.NaT or (isinstance(raw, float) and np.isnan(raw))
    if missing or (isinstance(raw, str) and not raw.strip()):
        return f"no value {where}"
    return f"the {'text' if isinstance(raw, str) else 'value'} '{shown(str(raw), longest=40)}' {where}"
