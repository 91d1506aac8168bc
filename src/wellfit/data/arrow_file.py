"""Parquet, Arrow and Feather files to a pandas frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from wellfit.data.memory import check_memory
from wellfit.data.naming import shown
from wellfit.errors import DataError

NAMES = {
    ".parquet": "a Parquet file",
    ".pq": "a Parquet file",
    ".arrow": "an Arrow file (IPC)",
    ".feather": "a Feather file",
}
"""What files are, by how their names end."""


def columns_of_arrow(path: Path) -> list[str]:
    """Return the names of the columns; a row index that pandas saved is none.

    Raises
    ------
    DataError
        No such file, or a damaged one.

    """
    import pyarrow.parquet as pq

    with _reading(path):
        if _is_parquet(path):
            schema = pq.read_schema(path)
        else:
            with _opened(path) as reader:
                schema = reader.schema
        # a saved row index is no feature: pandas marks its name
        index = (schema.pandas_metadata or {}).get("index_columns", ())
        return [name for name in schema.names if name not in index]


def read_arrow(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Return the rows of these columns.

    Raises
    ------
    DataError
        As ``columns_of_arrow``; more than memory holds.

    """
    import pyarrow.parquet as pq

    with _reading(path):
        if _is_parquet(path):
            with pq.ParquetFile(path) as file:
                _check(path, file.metadata.num_rows, columns)
                table = _read_checked(path, file, columns)
        else:
            with _opened(path) as reader:
                rows = 0
                if hasattr(reader, "num_record_batches"):
                    rows = sum(reader.get_batch(at).num_rows for at in range(reader.num_record_batches))
                _check(path, rows, columns)
                table = reader.read_all().select(list(columns))
        frame: pd.DataFrame = table.replace_schema_metadata(None).to_pandas()
    return frame


def _read_checked(path: Path, file: Any, columns: Sequence[str]) -> Any:
    """Return the table of a Parquet file, refused as soon as what was read says that the rest will not fit: a text
    that is repeated takes next to nothing in the file.
    """
    import pyarrow as pa

    whole, size, rows, batches = file.metadata.num_rows, 0, 0, []
    for batch in file.iter_batches(columns=list(columns)):
        size, rows = size + batch.nbytes, rows + batch.num_rows
        check_memory(shown(path), 2 * size * whole // max(1, rows), expected="a smaller table")  # here and in pandas
        batches.append(batch)
    return pa.Table.from_batches(batches, file.schema_arrow if not batches else None).select(list(columns))


def _check(path: Path, rows: int, columns: Sequence[str]) -> None:
    check_memory(shown(path), 8 * rows * len(columns), expected="a smaller table")


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in (".parquet", ".pq")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open an IPC file, or else an IPC stream, which the name does not tell apart."""
    import pyarrow as pa

    with pa.OSFile(str(path)) as source:
        try:
            reader = pa.ipc.open_file(source)
        except pa.ArrowInvalid:
            source.seek(0)
            reader = pa.ipc.open_stream(source)
        with reader:
            yield reader


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    where, expected = shown(path), NAMES[path.suffix.lower()]
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(where, "no such file", "a table") from None
    except Exception as error:  # a parser fed with damaged bytes raises nearly anything
        raise DataError(where, f"cannot be read ({shown(str(error))})", expected) from None
