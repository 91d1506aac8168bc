"""Clean Parquet, Arrow and Feather files: other columns, their types and their order stay as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wellfit.data.arrow_file import read_arrow
from wellfit.data.clean.changes import Changes, Done, check_names, done_of
from wellfit.data.naming import shown
from wellfit.errors import DataError

PARQUET = (".parquet", ".pq")


def clean_arrow(path: Path, columns: tuple[str, ...], changes: Changes, *, target: str | None, to: Path) -> Done:
    """Write the rows that stay, without the columns that are dropped, with what is imputed and relabeled.

    A file stays of its kind (Parquet, Arrow file or stream, Feather) and compression; a saved row index stays too.

    Raises
    ------
    DataError
        Rows that the file does not have, a value that is imputed where one stands or is of another type than the
        column.

    """
    import pyarrow as pa

    where = shown(path)
    read_arrow(path, columns)  # what is damaged or too large is refused here, in one line
    table, form = _read(path)
    count = table.num_rows
    names = {f"row {row + 1}": row for row in range(count)}
    check_names(changes, set(names), where)
    named = {shown(column): column for column in columns}
    cells: dict[str, dict[int, str]] = {}
    for (name, column), text in changes.imputed.items():
        cells.setdefault(named[column], {})[names[name]] = text
        _check_empty(table.column(named[column])[names[name]].as_py(), f"{where}, {name}", column)
    if target is not None and changes.relabeled:
        cells.setdefault(target, {}).update({names[name]: to_ for name, to_ in changes.relabeled.items()})
    for column, news in cells.items():
        at = table.schema.get_field_index(column)
        field = table.schema.field(at)
        table = table.set_column(at, field, _with_values(table.column(at), news, f"{where}, column '{shown(column)}'"))
    kept = [row for name, row in names.items() if name not in changes.dropped]
    done = done_of(changes, count, len(kept))
    table = table.take(pa.array(kept, pa.int64())).drop_columns([named[column] for column in sorted(changes.columns)])
    _write(table, form, to)
    return done


def _with_values(column: Any, news: dict[int, str], where: str) -> Any:
    """Return a column with other values in some rows, of the same type."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    values_of = kind.value_type if pa.types.is_dictionary(kind) else kind
    plain = column.cast(values_of) if pa.types.is_dictionary(kind) else column
    rows = sorted(news)
    try:
        texts = pa.array([news[row] for row in rows], pa.string())
        made = texts.cast(values_of)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        raise DataError(where, f"cannot hold '{shown(news[rows[0]])}'", f"values of its type, {values_of}") from None
    mask = [False] * len(column)
    for row in rows:
        mask[row] = True
    whole = plain.combine_chunks() if hasattr(plain, "combine_chunks") else plain
    found = pc.replace_with_mask(whole, pa.array(mask), made)
    return found.cast(kind) if pa.types.is_dictionary(kind) else found


def _check_empty(value: object, place: str, column: str) -> None:
    missing = value is None or (isinstance(value, str) and not value.strip()) or value != value  # NaN
    if not missing:
        raise DataError(place, f"'{column}' has a value", "an empty cell to impute")


def _read(path: Path) -> tuple[Any, dict[str, Any]]:
    """Return all of a file, and how it is written."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix.lower() in PARQUET:
        with pq.ParquetFile(path) as file:
            groups = file.metadata
            codec: str | None = "snappy"
            if groups.num_row_groups and groups.num_columns:
                codec = groups.row_group(0).column(0).compression.lower().replace("uncompressed", "none")
            return file.read(), {"kind": "parquet", "codec": codec}
    with pa.OSFile(str(path)) as source:
        try:
            reader = pa.ipc.open_file(source)
            kind = "file"
        except pa.ArrowInvalid:
            source.seek(0)
            reader, kind = pa.ipc.open_stream(source), "stream"
        with reader:
            # feather files are compressed by default, arrow files are not
            codec = "lz4" if path.suffix.lower() == ".feather" else None
            return reader.read_all(), {"kind": kind, "codec": codec}


def _write(table: Any, form: dict[str, Any], to: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if form["kind"] == "parquet":
        pq.write_table(table, to, compression=form["codec"])
        return
    make = pa.ipc.new_file if form["kind"] == "file" else pa.ipc.new_stream
    options = pa.ipc.IpcWriteOptions(compression=form["codec"])
    with pa.OSFile(str(to), "wb") as sink, make(sink, table.schema, options=options) as writer:
        writer.write_table(table)
