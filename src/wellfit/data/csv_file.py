"""CSV and TSV files to a pandas frame; what is malformed is named by its line."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from wellfit.data.naming import shown
from wellfit.errors import DataError

MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "-nan", "NULL", "null", "None", "none", "<NA>", "#N/A")
"""Texts that stand for a missing value, in any column but the target (where ``none`` may be a class)."""


def header_of(path: Path, *, separator: str) -> list[str]:
    """Return the names of the columns, without surrounding blanks.

    Raises
    ------
    DataError
        No file, an empty one, no text in UTF-8.

    """
    for _, fields in _records(path, separator):
        return [field.strip() for field in fields]
    raise DataError(shown(path), "is empty", "a line of column names, then a line per sample")


def read_csv(
    path: Path, columns: list[str], *, separator: str, text_column: str | None, skip_bad: bool
) -> tuple[pd.DataFrame, list[int], list[str]]:
    """Return the rows, the line on which each starts, and messages for lines that were left out (``skip_bad``).

    ``text_column`` comes as text, where only an empty field is missing. Lines with too few fields have missing values.

    Raises
    ------
    DataError
        A line with more fields than there are columns, or a quote that is not closed.

    """
    where = shown(path)
    try:
        frame = _parse(path, columns, separator, text_column)
    except UnicodeDecodeError as error:
        raise _not_text(where, error) from None
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        return _read_ragged(path, columns, separator, text_column, skip_bad, error)
    return frame, _lines(path, separator, len(frame)), []


def _parse(source: Path | io.StringIO, columns: list[str], separator: str, text_column: str | None) -> pd.DataFrame:
    missing = {column: [""] if column == text_column else list(MISSING) for column in columns}
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # a first row that is too long
        return pd.read_csv(
            source,
            sep=separator,
            header=0,
            names=columns,
            index_col=False,
            dtype={} if text_column is None else {text_column: str},
            na_values=missing,
            keep_default_na=False,
            low_memory=False,
            encoding="utf-8-sig",
        )


def _read_ragged(
    path: Path, columns: list[str], separator: str, text_column: str | None, skip_bad: bool, error: Exception
) -> tuple[pd.DataFrame, list[int], list[str]]:
    """Read a file in which some line has too many fields: record by record, which is slower but knows the lines."""
    where = shown(path)
    good, lines, dropped = io.StringIO(newline=""), [], []
    writer = csv.writer(good, delimiter=separator)
    for line, fields in _records(path, separator):
        if len(fields) <= len(columns):
            writer.writerow(fields)
            lines.append(line)
            continue
        what = f"{len(fields)} fields, where the first line names {len(columns)} columns"
        if not skip_bad:
            raise DataError(f"{where}, line {line}", what, "one field per column")
        dropped.append(f"{where}, line {line}: {what}")
    if not dropped:
        raise DataError(where, f"cannot be read ({shown(str(error))})", "comma-separated values") from None
    good.seek(0)
    return _parse(good, columns, separator, text_column), lines[1:], dropped


def _lines(path: Path, separator: str, rows: int) -> list[int]:
    """Return the line on which each row starts; the file is read again only if a row may take more lines than one."""
    count, last, quoted, blank = 0, b"\n", False, False
    with path.open("rb") as file:
        for line in file:
            count, last, blank = count + 1, line, blank or not line.strip()
            quoted = quoted or b'"' in line or b"\r" in line[:-2]
    if not quoted and not blank and count == rows + 1 and last:
        return list(range(2, rows + 2))
    lines = [line for line, _ in _records(path, separator)][1:]
    return lines if len(lines) == rows else list(range(2, rows + 2))


def _records(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line on which a record starts, and its fields; blank lines are none."""
    where = shown(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=separator)
            start = 1
            for fields in reader:
                if len(fields) > 1 or (fields and fields[0].strip()):
                    yield start, fields
                start = reader.line_num + 1
    except FileNotFoundError:
        raise DataError(where, "no such file", "a table") from None
    except UnicodeDecodeError as error:
        raise _not_text(where, error) from None
    except (OSError, csv.Error) as error:
        raise DataError(where, f"cannot be read ({shown(str(error))})", "comma-separated values") from None


def _not_text(where: str, error: UnicodeDecodeError) -> DataError:
    return DataError(where, f"is not UTF-8 (byte 0x{error.object[error.start]:02x})", "a text file in UTF-8")
