"""A table: CSV, TSV or Parquet, one row per sample, one column to predict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from pandas.api import types

from wellfit.data.columns import Table, columns_of, numbers, read_table, without_bad
from wellfit.data.csv_file import MISSING
from wellfit.data.dataset import Dataset, Task
from wellfit.data.naming import nearest_column, shown
from wellfit.data.targets import Values, make_targets
from wellfit.errors import DataError


def load_table(path: Path, *, target: str | None, task: Task | None = None, skip_bad: bool = False) -> Dataset:
    """Load a table; every column but ``target`` is a feature, numeric or truth values (0 and 1).

    Whether the target is classes or a number: ``targets.make_targets``. In a CSV a target field is missing where it is
    empty, or says so (NA, NaN, ...) among numbers; among texts, ``none`` is a class.

    Raises
    ------
    DataError
        No ``target`` or no such column; no other column; a column of text; the first row with a missing, infinite or
        textual value (all such rows are left out and listed with ``skip_bad``); what ``make_targets`` refuses.

    """
    where, columns = shown(path), columns_of(path)
    if target is None:
        raise DataError("data.target", f"missing, for the table {where}", nearest_column("", columns))
    if target not in columns:
        raise DataError("data.target", f"{where} has no column '{shown(target)}'", nearest_column(target, columns))
    features = tuple(column for column in columns if column != target)
    if not features:
        raise DataError(where, f"holds the target '{shown(target)}' only", "columns to predict it from")
    table = read_table(path, text_column=target, skip_bad=skip_bad)
    x, bad = numbers(table, features)
    values, classes = _target_values(table, target)
    for row in np.flatnonzero(_missing(values)).tolist():
        bad.setdefault(row, f"no value in the target '{shown(target)}'")
    kept, skipped = without_bad(table, bad, skip_bad=skip_bad)
    made = make_targets(
        _typed(values.iloc[kept]), where=f"{where}, column '{shown(target)}'", task=task, classes=classes
    )
    return Dataset(
        name=shown(path.stem),
        task=made.task,
        kind="vector",
        x=torch.from_numpy(x[kept] if skipped else x),
        y=made.y,
        classes=made.classes,
        given_test=None,
        features=features,
        targets=(target,),
        skipped=skipped,
    )


def _target_values(table: Table, target: str) -> tuple[pd.Series[Any], bool]:
    """Return the target with its proper type, and whether it is categorical."""
    values: pd.Series[Any] = table.frame[target]
    categorical = isinstance(values.dtype, pd.CategoricalDtype)
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if types.is_bool_dtype(values.dtype) or types.is_numeric_dtype(values.dtype):
        return values, categorical
    there = values[values.notna()]
    wrong = next((value for value in there if not isinstance(value, str)), None)
    if wrong is not None and not isinstance(wrong, bool):
        what = f"the target '{shown(target)}' holds values of type {type(wrong).__name__}"
        raise DataError(table.where, what, "text, truth values or numbers")
    text = values.astype(object).map(lambda value: str(value).strip(), na_action="ignore")
    text = text.where(text != "", None)
    return (text, True) if categorical else (_numeric_if_all(text), False)


def _numeric_if_all(text: pd.Series[Any]) -> pd.Series[Any]:
    """Return numbers where every text is one or says that it is missing; else the texts."""
    absent = text.isna() | text.isin(MISSING)
    found = pd.to_numeric(text[~absent], errors="coerce")
    if found.isna().any() or not len(found):
        return text
    whole = types.is_signed_integer_dtype(found.dtype)  # beyond 64 bit they are read as unsigned or as text
    return found.astype("Int64" if whole else "Float64").reindex(text.index)


def _missing(values: pd.Series[Any]) -> pd.Series[bool]:
    if types.is_float_dtype(values.dtype):
        return values.isna() | values.isin([np.inf, -np.inf])
    return values.isna()


def _typed(values: pd.Series[Any]) -> Values:
    """Return values without missing ones as a numpy array of their plain type."""
    if types.is_bool_dtype(values.dtype):
        return values.to_numpy(dtype=np.bool_)
    if types.is_integer_dtype(values.dtype):
        return values.to_numpy(dtype=np.int64)
    if types.is_float_dtype(values.dtype):
        return values.to_numpy(dtype=np.float64)
    return values.to_numpy(dtype=object)
