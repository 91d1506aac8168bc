"""What kind a table's column is: inferred from all of its values, said, and never guessed where it is unclear."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from wellfit.data.column import Column
from wellfit.data.date_text import forms_of
from wellfit.data.naming import shown
from wellfit.errors import DataError

TRUTH = {"true": 1.0, "false": 0.0}

MOST_LEVELS = 100
"""Distinct texts up to which a column is taken for a category; each must also stand for 2 rows on average."""

LONGEST_LEVEL = 200
"""Characters that the name of a level may have."""


def describe(column: pd.Series[Any], name: str, where: str, *, category: bool = False) -> Column:
    """Say what a column holds, from its whole length.

    Truth values are ``true`` and ``false`` in any case, numbers are what is numeric or text of which at least half is,
    dates are of a date type or text of which more than half is in one of ``date_text.FORMS``; other text, and what is
    said to be a ``category``, is one.

    Raises
    ------
    DataError
        No values; complex numbers, lists and other things; dates whose day and month cannot be told apart; a text that
        is different in nearly every row (free text, or an id).

    """
    label = f"the column '{shown(name)}'"
    there = column[~absent(column)]
    if not len(there):
        raise DataError(where, f"{label} has no values", "numbers, truth values, categories or dates, or data.drop")
    if types.is_complex_dtype(column.dtype):
        raise DataError(where, f"{label} holds complex numbers", "real numbers")
    if category or isinstance(column.dtype, pd.CategoricalDtype):
        return Column(name, "category", _short(_levels(there), label, where))
    if types.is_bool_dtype(column.dtype):
        return Column(name, "truth")
    if types.is_numeric_dtype(column.dtype):
        return Column(name, "number")
    if not types.is_datetime64_any_dtype(column.dtype):
        odd = next(
            (value for value in there if not isinstance(value, str | bool | int | float | Decimal | dt.date)), None
        )
        if odd is not None:
            what = f"{label} holds values of type {type(odd).__name__}"
            raise DataError(where, what, "numbers, text or dates, or data.drop to leave the column out")
        if all(str(value).strip().lower() in TRUTH for value in there):
            return Column(name, "truth")
        wrong = sum(math.isnan(number(value)) for value in there)
        if wrong < len(there) and 2 * wrong <= len(column):
            return Column(name, "number")
    return _date(there, name, where) or _category(there, name, where)


def absent(column: pd.Series[Any]) -> pd.Series[bool]:
    """Return which values are missing: empty ones, and text of blanks."""
    if column.dtype == object or types.is_string_dtype(column.dtype):
        return column.isna() | column.map(lambda value: isinstance(value, str) and not value.strip()).astype(bool)
    return column.isna()


def number(value: object) -> float:
    """Return a single value as a number; NaN for a missing one and for text that is none."""
    if isinstance(value, str):
        text = value.strip().lower()
        try:
            return TRUTH[text] if text in TRUTH else math.nan if "_" in text else float(text)
        except ValueError:
            return math.nan
    return float(value) if isinstance(value, (bool, int, float, np.number, np.bool_, Decimal)) else math.nan


def level(value: object) -> str:
    """Return the name of a level: text without blanks around it, 3 for 3.0 (missing values turn integers to floats)."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def _levels(there: pd.Series[Any]) -> tuple[str, ...]:
    if isinstance(there.dtype, pd.CategoricalDtype) and there.cat.ordered:
        used = set(there.unique().tolist())
        return tuple(level(value) for value in there.cat.categories.tolist() if value in used)
    names = {level(value) for value in there.astype(object).unique().tolist()}
    values = {name: number(name) for name in names}
    if any(math.isnan(value) for value in values.values()):
        return tuple(sorted(names))
    return tuple(sorted(names, key=lambda name: (values[name], name)))


def _date(there: pd.Series[Any], name: str, where: str) -> Column | None:
    forms = forms_of(there)
    if len(forms) > 1:
        what = f"the column '{shown(name)}' holds dates such as {shown(str(there.iloc[0]), longest=40)}"
        raise DataError(where, f"{what}, which may be {' or '.join(forms)}", "year-month-day, or data.drop")
    return Column(name, "date", form=forms[0]) if forms else None


def _category(there: pd.Series[Any], name: str, where: str) -> Column:
    levels = _levels(there)
    if len(levels) > min(MOST_LEVELS, max(len(there) / 2, 2)):
        example = shown(str(there.iloc[0]), longest=40)
        what = (
            f"the column '{shown(name)}' holds {len(levels)} different texts in {len(there)} rows, such as '{example}'"
        )
        expected = f"few levels: leave it out with data.drop=[{shown(name)}], or name it in data.categories"
        raise DataError(where, what, expected)
    return Column(name, "category", _short(levels, f"the column '{shown(name)}'", where))


def _short(levels: tuple[str, ...], label: str, where: str) -> tuple[str, ...]:
    """Refuse what no name of a level is, before it stands in every file that is written."""
    longest = max(levels, key=len)
    if len(longest) > LONGEST_LEVEL:
        what = f"{label} holds a text of {len(longest):,} characters, '{shown(longest, longest=40)}'"
        raise DataError(where, what, f"levels of at most {LONGEST_LEVEL} characters, or data.drop to leave it out")
    return levels
