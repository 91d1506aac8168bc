"""Clean a table: CSV and TSV field by field as text, so nothing else changes; Parquet by columns."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from wellfit.data.clean.changes import Changes, Done, check_names
from wellfit.data.columns import SEPARATORS, columns_of, read_table
from wellfit.data.csv_file import MISSING
from wellfit.data.naming import nearest_column, shown
from wellfit.errors import DataError


def clean_table(path: Path, changes: Changes, *, target: str | None, to: Path) -> Done:
    """Write the table without the rows and columns that are dropped, with what is imputed and relabeled.

    Raises
    ------
    DataError
        Rows or columns that the table does not have, a relabel without a target, or a value that is imputed where one
        stands.

    """
    where, columns = shown(path), columns_of(path)
    named = {shown(column): column for column in columns}
    for column in (*changes.columns, *(column for _, column in changes.imputed)):
        if column not in named:
            raise DataError("plan", f"{where} has no column '{shown(column)}'", nearest_column(column, columns))
    if changes.relabeled and target is None:
        raise DataError("plan", "relabels, but names no target", "target: COLUMN")
    if path.suffix.lower() in SEPARATORS:
        return _clean_text(path, columns, changes, target, to)
    return _clean_columns(path, changes, target, to)


def _clean_text(path: Path, columns: tuple[str, ...], changes: Changes, target: str | None, to: Path) -> Done:
    separator, where = SEPARATORS[path.suffix.lower()], shown(path)
    kept = [i for i, column in enumerate(columns) if shown(column) not in changes.columns]
    place = {shown(column): i for i, column in enumerate(columns)}
    seen: set[str] = set()
    after = 0
    with path.open(encoding="utf-8-sig", newline="") as source, to.open("w", encoding="utf-8", newline="") as made:
        reader, writer = (
            csv.reader(source, delimiter=separator),
            csv.writer(made, delimiter=separator, lineterminator="\n"),
        )
        start, is_header = 1, True
        for fields in reader:
            name, start = f"line {start}", reader.line_num + 1
            if not fields or (len(fields) == 1 and not fields[0].strip()):
                continue
            if is_header:
                is_header = False
                writer.writerow([columns[i] for i in kept])
                continue
            seen.add(name)
            if name in changes.dropped:
                continue
            if len(fields) > len(columns):
                what = f"{len(fields)} fields, where the first line names {len(columns)} columns"
                raise DataError(f"{where}, {name}", what, "a plan that drops the line")
            fields += [""] * (len(columns) - len(fields))
            for column in (one for one in changes.columns_of(name)):
                if fields[place[column]].strip() not in MISSING:
                    raise DataError(f"{where}, {name}", f"'{shown(column)}' has a value", "an empty cell to impute")
                fields[place[column]] = changes.imputed[name, column]
            if name in changes.relabeled and target is not None:
                fields[place[target]] = changes.relabeled[name]
            writer.writerow([fields[i] for i in kept])
            after += 1
    check_names(changes, seen, where)
    if not after:
        raise DataError("plan", "drops every sample", "some that stay")
    return _done(changes, len(seen), after)


def _clean_columns(path: Path, changes: Changes, target: str | None, to: Path) -> Done:
    table = read_table(path)
    if path.suffix.lower() not in (".parquet", ".pq"):
        raise DataError(shown(path), "a table of a kind that is not cleaned", ".csv, .tsv or .parquet")
    check_names(changes, set(table.rows), shown(path))
    frame = table.frame.copy()
    row_of = {name: row for row, name in enumerate(table.rows)}
    named = {shown(column): column for column in table.columns}
    for (name, column), value in changes.imputed.items():
        frame[named[column]] = _set(frame[named[column]], row_of[name], value)
    for name, value in changes.relabeled.items():
        if target is not None:
            frame[named[target]] = _set(frame[named[target]], row_of[name], value)
    kept = [row for name, row in row_of.items() if name not in changes.dropped]
    if not kept:
        raise DataError("plan", "drops every sample", "some that stay")
    frame = frame.iloc[kept].drop(columns=[named[column] for column in changes.columns])
    frame.to_parquet(to, index=False)
    return _done(changes, len(table.rows), len(kept))


def _set(column: Any, row: int, value: str) -> Any:
    made = column.copy()
    is_text = column.dtype == object or str(column.dtype) in ("string", "str")
    made.iloc[row] = value if is_text else type(made.dropna().iloc[0])(value)
    return made


def _done(changes: Changes, before: int, after: int) -> Done:
    imputed = sum(name not in changes.dropped for name, _ in changes.imputed)
    return Done(before, after, len(set(changes.relabeled) - changes.dropped), imputed)
