"""Cells of a table that a plan fills in, coded as a loaded data set codes its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from wellfit.data.clean.changes import Changes
from wellfit.data.column import Column
from wellfit.data.dataset import Dataset
from wellfit.data.naming import nearest_column, shown
from wellfit.errors import DataError
from wellfit.recipe import DataSpec

UNKNOWN = -1.0
"""The code of a level that a category does not have."""


@dataclass(frozen=True, eq=False)
class Cells:
    """What is written where: int64 ``rows`` and ``columns`` of ``x``, float32 ``values``, each (M,)."""

    rows: Tensor
    columns: Tensor
    values: Tensor

    def __len__(self) -> int:
        """Return M."""
        return len(self.rows)

    def of_rows(self, chosen: Tensor) -> Cells:
        """Return the cells of some rows, bool (N,)."""
        mine = chosen[self.rows]
        return Cells(self.rows[mine], self.columns[mine], self.values[mine])


def cells_of(dataset: Dataset, spec: DataSpec, changes: Changes, row_of: Mapping[str, int], where: str) -> Cells:
    """Return what a plan fills in; columns that are no features and samples without a row are passed over.

    Raises
    ------
    DataError
        A column that is not there, a cell that has a value, or a value that the column cannot hold.

    """
    place = {shown(column.name): at for at, column in enumerate(dataset.columns)}
    others = {shown(name) for name in (*dataset.targets, *spec.drop, spec.group, spec.time) if name is not None}
    for column in (*changes.columns, *(column for _, column in changes.imputed)):
        if column not in place and column not in others:
            known = tuple(column.name for column in dataset.columns)
            raise DataError(where, f"names the column '{shown(column)}'", nearest_column(column, known))
    rows, columns, values = list[int](), list[int](), list[float]()
    codes: dict[tuple[int, str], float] = {}
    for (name, column), to in changes.imputed.items():
        if column not in place or name not in row_of:
            continue
        row, at = row_of[name], place[column]
        if not bool(dataset.x[row, at].isnan()):
            raise DataError(f"{where}, {shown(name)}", f"'{column}' has a value", "an empty cell to impute")
        if (at, to) not in codes:
            codes[at, to] = _code(dataset.columns[at], to, where)
        rows.append(row)
        columns.append(at)
        values.append(codes[at, to])
    return Cells(torch.tensor(rows, dtype=torch.int64), torch.tensor(columns, dtype=torch.int64), torch.tensor(values))


def _code(column: Column, text: str, where: str) -> float:
    """Return what stands for a text in a column."""
    # pandas takes half a second to import, and only tables have cells
    import pandas as pd

    from wellfit.data.column_values import coded
    from wellfit.data.columns import Table

    frame = pd.DataFrame({column.name: pd.Series([text], dtype=object)})
    values, bad = coded(Table(where, (column.name,), frame, ("",), ()), [column], missing=False)
    value = float(values[0, 0])
    if bad or (column.kind == "category" and value == UNKNOWN):
        expected = ", ".join(shown(one, longest=40) for one in column.levels[:12]) or f"a {column.kind}"
        raise DataError(where, f"imputes '{shown(text)}' in '{shown(column.name)}'", expected)
    return value
