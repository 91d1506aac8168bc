"""A table as a subject: missing values stay, text becomes codes, nothing is refused but what is no table."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from wellfit.data.audit.subject import Subject
from wellfit.data.column_kind import describe
from wellfit.data.columns import Table, columns_of, read_table
from wellfit.data.csv_file import MISSING
from wellfit.data.dataset import Task
from wellfit.data.naming import nearest_column, shown
from wellfit.data.targets import make_targets
from wellfit.errors import DataError

MOSTLY = 0.5
"""Part of a column's texts that may be no number in a column of numbers."""


def read_table_subject(
    path: Path, *, target: str | None = None, task: Task | None = None, categories: Sequence[str] = ()
) -> Subject:
    """Read a table; ``target`` may be left out: then nothing is said about classes. ``categories`` are those of a
    recipe.

    Raises
    ------
    DataError
        No table, no such target, a target of one class only or of a mixed type.

    """
    columns = columns_of(path)
    if target is not None and target not in columns:
        raise DataError(
            "data.target", f"{shown(path)} has no column '{shown(target)}'", nearest_column(target, columns)
        )
    table = read_table(path, text_column=target, skip_bad=True)
    features = tuple(column for column in columns if column != target)
    unreadable = {message.split(", ", 1)[-1].split(": ", 1)[0]: message.split(": ", 1)[-1] for message in table.dropped}
    x, texts = np.empty((len(table.frame), len(features))), list[tuple[str, ...]]()
    for position, column in enumerate(features):
        x[:, position], codes, wrong = as_numbers(table.frame[column])
        texts.append(codes)
        for row in wrong:
            value = shown(str(table.frame[column].iloc[row]), longest=40)
            unreadable.setdefault(table.rows[row], f"the text '{value}' in the column of numbers '{shown(column)}'")
    y, classes, found = _targets(table, target, task)
    return Subject(
        name=shown(path.stem),
        source=str(path),
        kind="vector",
        task=found,
        names=table.rows,
        x=x,
        y=y,
        classes=classes,
        train=np.arange(len(table.frame), dtype=np.int64),
        test=np.zeros(0, np.int64),
        test_is_given=False,
        features=tuple(shown(column) for column in features),
        kinds=tuple(_kind(table, column, category=column in categories) for column in features),
        is_text=tuple(bool(one) for one in texts),
        texts=tuple(texts),
        target=None if target is None else shown(target),
        unreadable=unreadable,
        fingerprint=hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def as_numbers(column: pd.Series[Any]) -> tuple[npt.NDArray[np.float64], tuple[str, ...], list[int]]:
    """Return a column as float64 with NaN where a value is missing, the texts that its codes 0, 1, ... stand for (none
    for numbers), and the rows whose text is no number in a column of numbers.
    """
    if types.is_bool_dtype(column.dtype) or (
        types.is_numeric_dtype(column.dtype) and not types.is_complex_dtype(column.dtype)
    ):
        found = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isfinite(found), found, np.nan), (), []
    text = column.astype(object).map(lambda value: str(value).strip(), na_action="ignore")
    text = text.where(~text.isin(MISSING), None)
    numbers = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    present = text.notna().to_numpy()
    wrong = present & ~np.isfinite(numbers)
    if present.any() and wrong.sum() <= MOSTLY * present.sum():
        return np.where(np.isfinite(numbers), numbers, np.nan), (), np.flatnonzero(wrong).tolist()
    coded = pd.Categorical(text)
    codes = coded.codes.astype(np.float64)
    return np.where(codes < 0, np.nan, codes), tuple(str(one) for one in coded.categories), []


def _kind(table: Table, column: str, *, category: bool) -> str:
    try:
        return describe(table.frame[column], column, table.where, category=category).kind
    except DataError:
        return "unclear"


def _targets(
    table: Table, target: str | None, task: Task | None
) -> tuple[npt.NDArray[Any], tuple[str, ...], Task | None]:
    count = len(table.frame)
    if target is None:
        return np.zeros((count, 0)), (), None
    values = table.frame[target]
    where = f"{table.where}, column '{shown(target)}'"
    numbers, codes, wrong = as_numbers(values)
    as_text = values.astype(object).map(lambda value: str(value).strip(), na_action="ignore")
    if codes or wrong or types.is_bool_dtype(values.dtype) or isinstance(values.dtype, pd.CategoricalDtype):
        present = (as_text.notna() & (as_text != "")).to_numpy()
        made = make_targets(as_text[present].to_numpy(dtype=object), where=where, task=task)
    else:
        present = np.isfinite(numbers)
        known = numbers[present]
        whole = bool((known == np.rint(known)).all())
        is_integer = types.is_integer_dtype(values.dtype) or (
            whole and not as_text[present].str.contains(r"[.eE]").any()
        )
        made = make_targets(known.astype(np.int64) if is_integer else known, where=where, task=task)
    if made.task == "classification":
        y: npt.NDArray[Any] = np.full(count, -1, np.int64)
        y[present] = made.y.numpy()
    else:
        y = np.full((count, 1), np.nan)
        y[present] = made.y.numpy()
    return y, made.classes, made.task
