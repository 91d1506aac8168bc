"""Sequences from a long table: one row for each time step, a column that names the series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from wellfit.data.column_roles import group_codes, moments
from wellfit.data.columns import Table, columns_of, numbers, read_table, without_bad
from wellfit.data.dataset import Dataset, Task
from wellfit.data.naming import nearest_column, shown
from wellfit.data.series import Length, Series, series_dataset
from wellfit.errors import DataError


def load_long_table(
    path: Path,
    *,
    target: str | None,
    id: str,
    time: str | None = None,
    group: str | None = None,
    length: Length | None = None,
    task: Task | None = None,
    skip_bad: bool = False,
    drop: Sequence[str] = (),
) -> Dataset:
    """Load a table of sequences, float32 ``(N, T, C)``, in the order in which the series first appear.

    The rows of a series are those with the same value of the column ``id``, in the order of the column ``time`` (else
    of the file); ``target`` and ``group`` have one value in all of them. All other columns but
    those to ``drop`` are its channels: numbers. Unequal lengths need ``length``. The order of the samples, for a split
    by time, is that of each series' first time.

    Raises
    ------
    DataError
        No such column, no channels, a missing value (its row is left out with ``skip_bad``), a target or group that
        changes within a series, the same time twice in one, unequal lengths without ``length``.

    """
    where, columns = shown(path), columns_of(path)
    if target is None:
        raise DataError("data.target", f"missing, for the table {where}", nearest_column("", columns))
    roles = {"target": target, "id": id, "time": time, "group": group}
    channels = channels_of(where, columns, roles, drop=drop)
    table = read_table(path, text_column=target, skip_bad=skip_bad)
    rows = sorted_rows(table, channels, roles, skip_bad=skip_bad)
    for name in (target, group):
        if name is not None:
            _check_constant(table, name, rows)
    first = rows.kept[rows.first]
    series = Series(rows.values, _plain(table.frame[target].iloc[first].tolist()))
    found = series_dataset(series, name=path.stem, where=where, length=length, task=task)
    return replace(
        found,
        features=tuple(channels),
        targets=(target,),
        skipped=rows.skipped,
        groups=None if group is None else torch.from_numpy(group_codes(table.frame[group])[first]),
        order=None if time is None else torch.from_numpy(rows.steps[rows.first]),
    )


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a long table, sorted into N series."""

    values: list[npt.NDArray[np.float32]]
    """``(T_i, C)`` each, in the order in which the series first appear."""
    kept: npt.NDArray[np.int64]
    """``(M,)``: the good rows of the file, in its order."""
    owner: npt.NDArray[np.int64]
    """``(M,)``: the series that a good row belongs to."""
    steps: npt.NDArray[np.float64]
    """``(M,)``: the time of a good row."""
    first: npt.NDArray[np.int64]
    """``(N,)``: which of the good rows is the first of each series, in time."""
    skipped: tuple[str, ...]


def sorted_rows(table: Table, channels: Sequence[str], roles: Mapping[str, str | None], *, skip_bad: bool) -> Rows:
    """Sort the rows of a table into series, by the columns ``roles["id"]`` and ``roles["time"]``.

    Raises
    ------
    DataError
        A missing value, also of another role (its row is left out with ``skip_bad``), the same time twice in a series,
        a column of no numbers or times.

    """
    id, time = str(roles["id"]), roles["time"]
    values, bad = numbers(table, channels)
    kept, skipped = without_bad(table, _without_role(table, roles) | bad, skip_bad=skip_bad)
    owner = _first_seen(group_codes(table.frame[id])[kept])
    steps = np.arange(len(kept), dtype=np.float64)
    if time is not None:
        steps = moments(table.frame[time], time, table.where)[kept]
        _check_times(steps, owner, table, kept)
    order = np.lexsort((steps, owner))
    ends = np.cumsum(np.bincount(owner))
    first = order[np.concatenate([[0], ends[:-1]])]
    return Rows(np.split(values[kept[order]], ends[:-1].tolist()), kept, owner, steps, first, skipped)


def channels_of(
    where: str, columns: Sequence[str], roles: Mapping[str, str | None], *, drop: Sequence[str] = ()
) -> list[str]:
    """Return the columns without a role, but for those to ``drop``; refuse roles that do not fit the table."""
    for gone in drop:
        if gone in roles.values():
            raise DataError("data.drop", f"'{shown(gone)}' has another role", "columns that are not needed")
    for field, name in [*roles.items(), *(("drop", gone) for gone in drop)]:
        if name is not None and name not in columns:
            raise DataError(f"data.{field}", f"{where} has no column '{shown(name)}'", nearest_column(name, columns))
    if roles["target"] == roles["id"] or roles["time"] in (roles["target"], roles["id"]):
        raise DataError("data.target", "the same column as data.id or data.time", "a column for each")
    channels = [name for name in columns if name not in roles.values() and name not in drop]
    if not channels:
        raise DataError(where, "holds no values beside target, id and time", "columns of numbers")
    return channels


def _without_role(table: Table, roles: Mapping[str, str | None]) -> dict[int, str]:
    """Return the rows that lack the value of a role, and which."""
    bad: dict[int, str] = {}
    for field, name in roles.items():
        if name is None:
            continue
        gone = (
            group_codes(table.frame[name]) < 0
            if field != "time"
            else np.isnan(moments(table.frame[name], name, table.where))
        )
        for row in np.flatnonzero(gone).tolist():
            bad.setdefault(row, f"no value in the column '{shown(name)}', the {field}")
    return bad


def _first_seen(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return codes without gaps, in the order of their first appearance."""
    _, first, index = np.unique(codes, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[index]


def _check_times(
    steps: npt.NDArray[np.float64], owner: npt.NDArray[np.int64], table: Table, kept: npt.NDArray[np.int64]
) -> None:
    order = np.lexsort((steps, owner))
    twice = (np.diff(steps[order]) == 0) & (np.diff(owner[order]) == 0)
    if twice.any():
        row = kept[order[int(twice.argmax()) + 1]]
        what = "a second row for the same time of the same series"
        raise DataError(f"{table.where}, {table.rows[row]}", what, "one row for each time step")


def _check_constant(table: Table, name: str, rows: Rows) -> None:
    codes = group_codes(table.frame[name])[rows.kept]
    other = codes != codes[rows.first][rows.owner]
    if other.any():
        row = rows.kept[int(other.argmax())]
        what = f"another value in '{shown(name)}' than in other rows of its series"
        raise DataError(f"{table.where}, {table.rows[row]}", what, "one value for each series")


def _plain(values: list[object]) -> npt.NDArray[Any]:
    """Return targets, which a CSV gives as text, as numbers where all are; whole numbers as integers."""
    text = np.array([str(value).strip() for value in values])
    for kind in (np.int64, np.float64):
        try:
            return text.astype(kind)
        except (ValueError, OverflowError):
            continue
    return text
