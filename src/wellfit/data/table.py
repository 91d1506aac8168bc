"""A table: CSV, TSV, JSON Lines, Parquet, Arrow or Feather, one row per sample, one column to predict."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from pandas.api import types

from wellfit.data.column_kind import describe
from wellfit.data.column_roles import read_roles
from wellfit.data.column_values import coded
from wellfit.data.columns import Table, columns_of, read_table, without_bad
from wellfit.data.csv_file import MISSING
from wellfit.data.dataset import Dataset, Task
from wellfit.data.naming import nearest_column, shown
from wellfit.data.targets import Values, make_targets
from wellfit.errors import DataError

log = logging.getLogger(__name__)

LISTED = 8
"""Columns that a message names."""


def load_table(
    path: Path,
    *,
    target: str | None,
    task: Task | None = None,
    skip_bad: bool = False,
    drop: Sequence[str] = (),
    categories: Sequence[str] = (),
    impute: bool = False,
    group: str | None = None,
    time: str | None = None,
) -> Dataset:
    """Load a table; every column but ``target``, ``group``, ``time`` and those to ``drop`` is a feature.

    What a feature is (number, truth value, category, date) is inferred from the whole column (``column_kind.describe``)
    and coded as ``column.Column`` says; those in ``categories`` are categories whatever they look like. With ``impute``
    a missing feature stays NaN, to be filled in by the preparation; how many there are is said once.

    Whether the target is classes or a number: ``targets.make_targets``. In a CSV a target field is missing where it is
    empty, or says so (NA, NaN, ...) among numbers; among texts, ``none`` is a class.

    Raises
    ------
    DataError
        No ``target`` or no such column; no other column; a column that ``describe`` refuses; the first row with a bad
        value, or a missing one without ``impute`` (all such rows are left out and listed with ``skip_bad``); what
        ``make_targets`` refuses.

    """
    where, columns = shown(path), columns_of(path)
    if target is None:
        raise DataError("data.target", f"missing, for the table {where}", nearest_column("", columns))
    roles = {"target": (target,), "group": (group,), "time": (time,), "drop": drop, "categories": categories}
    features = _features(where, columns, roles)
    table = read_table(path, text_column=target, skip_bad=skip_bad)
    found = tuple(describe(table.frame[name], name, where, category=name in categories) for name in features)
    x, bad = coded(table, found, missing=impute)
    values, classes = _target_values(table, target)
    bad = dict.fromkeys(np.flatnonzero(_missing(values)).tolist(), f"no value in the target '{shown(target)}'") | bad
    beside = read_roles(table, group=group, time=time)
    kept, skipped = without_bad(table, beside.bad | bad, skip_bad=skip_bad)
    label = f"{where}, column '{shown(target)}'"
    made = make_targets(_typed(values.iloc[kept]), where=label, task=task, classes=classes)
    x = x[kept] if skipped else x
    _say_missing(x, features, where)
    return Dataset(
        name=shown(path.stem),
        task=made.task,
        kind="vector",
        x=torch.from_numpy(x),
        y=made.y,
        classes=made.classes,
        given_test=None,
        features=features,
        targets=(target,),
        skipped=skipped,
        columns=found,
        groups=beside.groups_of(kept),
        order=beside.order_of(kept),
    )


def _features(where: str, columns: Sequence[str], roles: Mapping[str, Sequence[str | None]]) -> tuple[str, ...]:
    """Return the columns that are features: those without another role; refuse names that do not fit the table."""
    named = {field: [name for name in names if name is not None] for field, names in roles.items()}
    for field, names in named.items():
        for name in names:
            if name not in columns:
                what = f"{where} has no column '{shown(name)}'"
                raise DataError(f"data.{field}", what, nearest_column(name, columns))
    (target,) = named["target"]
    for field in ("drop", "group", "time"):
        if target in named[field]:
            expected = "columns that are not needed" if field == "drop" else "another column"
            raise DataError(f"data.{field}", f"received '{shown(target)}', the target", expected)
    others = {name for field, names in named.items() if field != "categories" for name in names}
    features = tuple(column for column in columns if column not in others)
    if not features:
        raise DataError(where, f"holds the target '{shown(target)}' only", "columns to predict it from")
    return features


def _say_missing(x: Values, features: Sequence[str], where: str) -> None:
    """Say once how many values are missing, and where: they are filled in, which nobody should find out later."""
    counts = np.isnan(x).sum(0).tolist()
    gone = [f"{count:,} in '{shown(name)}'" for name, count in zip(features, counts, strict=True) if count]
    if gone:
        more = f" and in {len(gone) - LISTED} more columns" if len(gone) > LISTED else ""
        log.warning("%s: missing values are filled in: %s%s", where, ", ".join(gone[:LISTED]), more)


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
