"""Clean a table: CSV and TSV field by field as text, so nothing else changes; other files each in its own way."""

from __future__ import annotations

import csv
from pathlib import Path

from wellfit.data.clean.arrow import clean_arrow
from wellfit.data.clean.changes import Changes, Done, check_names, done_of
from wellfit.data.clean.lines import clean_lines
from wellfit.data.columns import LINES, SEPARATORS, columns_of
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
        try:
            return _clean_text(path, columns, changes, target, to)
        except (csv.Error, UnicodeDecodeError) as error:
            raise DataError(where, f"cannot be read ({shown(str(error))})", "comma-separated values") from None
    if path.suffix.lower() in LINES:
        return clean_lines(path, changes, target=target, to=to)
    return clean_arrow(path, columns, changes, target=target, to=to)


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
            for column in changes.columns_of(name):
                if fields[place[column]].strip() not in MISSING:
                    raise DataError(f"{where}, {name}", f"'{shown(column)}' has a value", "an empty cell to impute")
                fields[place[column]] = changes.imputed[name, column]
            if name in changes.relabeled and target is not None:
                fields[place[target]] = changes.relabeled[name]
            writer.writerow([fields[i] for i in kept])
            after += 1
    check_names(changes, seen, where)
    return done_of(changes, len(seen), after)
