"""Columns of a table that are no features: which rows belong together, and when each was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from pandas.api import types
from torch import Tensor

from wellfit.data.column_kind import absent, describe
from wellfit.data.columns import Table
from wellfit.data.date_text import ISO, days
from wellfit.data.naming import shown
from wellfit.errors import DataError


@dataclass(frozen=True, eq=False)
class Roles:
    """What two columns say of the rows of a table; ``None`` where there is no such column."""

    group: npt.NDArray[np.int64] | None
    time: npt.NDArray[np.float64] | None
    bad: dict[int, str]
    """Rows that have no group or no time, and what is missing."""

    def groups_of(self, rows: npt.NDArray[np.int64]) -> Tensor | None:
        """Return the groups of these rows, int64."""
        return None if self.group is None else torch.from_numpy(self.group[rows])

    def order_of(self, rows: npt.NDArray[np.int64]) -> Tensor | None:
        """Return the times of these rows, float64."""
        return None if self.time is None else torch.from_numpy(self.time[rows])


def read_roles(table: Table, *, group: str | None, time: str | None) -> Roles:
    """Read the columns that say which rows belong together, and when each was made.

    Raises
    ------
    DataError
        A ``time`` that is neither numbers nor dates.

    """
    bad: dict[int, str] = {}
    groups = times = None
    if time is not None:
        times = moments(table.frame[time], time, table.where)
        _note(bad, ~np.isfinite(times), f"no time in the column '{shown(time)}'")
    if group is not None:
        groups = group_codes(table.frame[group])
        _note(bad, groups < 0, f"no group in the column '{shown(group)}'")
    return Roles(groups, times, bad)


def group_codes(column: pd.Series[Any]) -> npt.NDArray[np.int64]:
    """Return for each row the index of its value among the distinct ones, in the order of their appearance; -1 where
    it is missing.
    """
    codes, _ = pd.factorize(column.mask(absent(column)))
    return codes.astype(np.int64)


def moments(column: pd.Series[Any], name: str, where: str) -> npt.NDArray[np.float64]:
    """Return a column of numbers, or of dates as days since 2000-01-01, as float64; NaN for what is missing.

    Raises
    ------
    DataError
        It holds neither.

    """
    if types.is_numeric_dtype(column.dtype) and not types.is_complex_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    found = describe(column, name, where)
    if found.kind != "date":
        raise DataError(where, f"the column '{shown(name)}' holds no times", "numbers or dates")
    return days(column, found.form or ISO)


def _note(bad: dict[int, str], missing: npt.NDArray[np.bool_], what: str) -> None:
    for row in np.flatnonzero(missing).tolist():
        bad.setdefault(row, what)
