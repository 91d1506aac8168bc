"""A table's file to numbers: columns checked one by one, bad rows named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from wellfit.data.arrow_file import columns_of_arrow, read_arrow
from wellfit.data.column_kind import number
from wellfit.data.csv_file import header_of, read_csv
from wellfit.data.json_lines import keys_of_lines, read_json_lines
from wellfit.data.memory import check_memory
from wellfit.data.naming import shown
from wellfit.errors import DataError

SEPARATORS = {".csv": ",", ".tsv": "\t"}
LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a file, not yet checked."""

    where: str
    columns: tuple[str, ...]
    frame: pd.DataFrame
    rows: tuple[str, ...]
    """What each row is called: ``line 17`` of a text file, ``row 16`` (from 1) of a Parquet, Arrow or Feather file."""
    dropped: tuple[str, ...]
    """Messages for malformed lines that were left out."""


def columns_of(path: Path) -> tuple[str, ...]:
    """Return the names of a file's columns, in their order.

    Raises
    ------
    DataError
        No such file, not a table, empty, a column without a name, a name that stands twice.

    """
    where = shown(path)
    suffix = path.suffix.lower()
    if suffix in SEPARATORS:
        names = header_of(path, separator=SEPARATORS[suffix])
    else:
        names = keys_of_lines(path) if suffix in LINES else columns_of_arrow(path)
    seen: set[str] = set()
    for position, name in enumerate(names, 1):
        if not name:
            what = f"column {position} has no name"
            raise DataError(where, what, "a name for each column (a saved row index says nothing: drop it)")
        if name in seen:
            raise DataError(where, f"the column '{shown(name)}' stands twice", "each name once")
        seen.add(name)
    return tuple(names)


def read_table(path: Path, *, text_column: str | None = None, skip_bad: bool = False) -> Table:
    """Read a CSV, TSV, JSON Lines, Parquet, Arrow or Feather file; ``text_column`` (a target) is left as text in CSV
    and TSV, and in JSON Lines where it holds any text.

    Raises
    ------
    DataError
        As ``columns_of``; no rows; a malformed line, unless ``skip_bad``; more than memory holds.

    """
    where, columns, dropped = shown(path), columns_of(path), list[str]()
    suffix = path.suffix.lower()
    if suffix in SEPARATORS:
        frame, lines, dropped = read_csv(
            path, list(columns), separator=SEPARATORS[suffix], text_column=text_column, skip_bad=skip_bad
        )
        rows = tuple(f"line {line}" for line in lines)
    elif suffix in LINES:
        frame, lines, dropped = read_json_lines(path, list(columns), text_column=text_column, skip_bad=skip_bad)
        rows = tuple(f"line {line}" for line in lines)
    else:
        frame = read_arrow(path, columns)
        rows = tuple(f"row {row}" for row in range(1, len(frame) + 1))
    if not len(frame):
        raise DataError(where, "holds no rows", "a row per sample")
    return Table(where, columns, frame, rows, tuple(dropped))


def numbers(table: Table, names: Sequence[str]) -> tuple[npt.NDArray[np.float32], dict[int, str]]:
    """Return columns as float32 ``(N, D)``, and for each bad row what its first bad column is.

    Raises
    ------
    DataError
        A column of text, dates or other things, or one without any value.

    """
    check_memory(table.where, 4 * len(table.frame) * len(names), expected="a smaller table")
    values = np.empty((len(table.frame), len(names)), dtype=np.float32)
    bad: dict[int, str] = {}
    for position, name in enumerate(names):
        found = _as_float(table.frame[name], name, table.where)
        with np.errstate(over="ignore"):
            values[:, position] = found
        for row in np.flatnonzero(~np.isfinite(values[:, position])).tolist():
            bad.setdefault(row, _what(table.frame[name].iloc[row], found[row], name))
    return values, bad


def without_bad(table: Table, bad: dict[int, str], *, skip_bad: bool) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Return the good rows and messages for the bad ones, or raise for the first bad one."""
    messages = {row: f"{table.where}, {table.rows[row]}" for row in sorted(bad)}
    if bad and not skip_bad:
        row = min(bad)
        expected = "a finite number in each column, or data.skip_bad to leave the row out"
        if bad[row].startswith("no value in the column"):
            expected = "a value, data.impute (mean, median, ...) to fill it in, or data.skip_bad to leave the row out"
        raise DataError(messages[row], bad[row], expected)
    kept = np.setdiff1d(np.arange(len(table.frame)), np.fromiter(bad, dtype=np.int64, count=len(bad)))
    if not len(kept):
        raise DataError(table.where, "not one row is whole", "rows without missing values")
    return kept, (*table.dropped, *(f"{messages[row]}: {bad[row]}" for row in messages))


def _as_float(column: pd.Series[Any], name: str, where: str) -> npt.NDArray[np.float64]:
    """Return a column as float64, with NaN for what is no number."""
    if types.is_bool_dtype(column.dtype) or types.is_numeric_dtype(column.dtype):
        if types.is_complex_dtype(column.dtype):
            raise DataError(where, f"the column '{shown(name)}' holds complex numbers", "real numbers")
        found = column.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        found = np.array([number(value) for value in column.astype(object)], dtype=np.float64)
        wrong = np.isnan(found) & column.notna().to_numpy()
        if wrong.sum() > len(column) / 2 or (wrong.any() and np.isnan(found).all()):
            example = shown(str(column.iloc[int(wrong.argmax())]), longest=40)
            what = f"the column '{shown(name)}' is no column of numbers (it holds '{example}')"
            raise DataError(where, what, "numbers: drop the column or encode it")
    if np.isnan(found).all():
        raise DataError(where, f"the column '{shown(name)}' has no values", "numbers: drop the column")
    return found


def _what(raw: object, value: float, name: str) -> str:
    column = f"in the column '{shown(name)}'"
    if np.isinf(value):
        return f"the value {value} {column}"
    if np.isfinite(value):
        return f"the value {value:g}, too large for float32, {column}"
    missing = raw is None or raw is pd.NA or (isinstance(raw, float) and np.isnan(raw))
    return f"no value {column}" if missing else f"the text '{shown(str(raw), longest=40)}' {column}"
