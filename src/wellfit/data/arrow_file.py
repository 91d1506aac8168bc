"""Parquet, Arrow and Feather files to a pandas frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
                whole = file.metadata.num_rows
                check_memory(shown(path), 8 * whole * len(columns), expected="a smaller table")
                parts = ((batch, batch.num_rows / max(1, whole)) for batch in file.iter_batches(columns=list(columns)))
                table = _read_checked(path, parts, file.schema_arrow, columns)
        else:
            with _opened(path) as reader:
                count = getattr(reader, "num_record_batches", None)  # a stream does not know
                each = iter(reader) if count is None else map(reader.get_batch, range(count))
                parts = ((batch.select(list(columns)), 1 / count if count else 0.0) for batch in each)
                table = _read_checked(path, parts, reader.schema, columns)
        frame: pd.DataFrame = table.replace_schema_metadata(None).to_pandas()
    return frame


def _read_checked(path: Path, parts: Iterable[tuple[Any, float]], schema: Any, columns: Sequence[str]) -> Any:
    """Return the table of batches, each with its share of the whole (0: not known), refused as soon as what was read
    says that the rest will not fit: a text that is repeated takes next to nothing in a file.
    """
    import pyarrow as pa

    size, share, batches = 0, 0.0, []
    for batch, own in parts:
        size, share = size + batch.nbytes, share + own
        needed = 2 * size / (share or 1)  # here and in pandas
        check_memory(shown(path), int(needed), expected="a smaller table")
        batches.append(batch)
    return pa.Table.from_batches(batches, schema if not batches else None).select(list(columns))


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
