"""The results database: its tables, how it is opened, and what can go wrong with it in one line.

SQLite by default, with a write-ahead log: readers and the study never block each other, and after a kill at any moment
the database holds exactly the transactions that were committed. Any URL of SQLAlchemy will do.
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from wellfit.errors import InputError, MissingExtraError, StorageError

BUSY_SECONDS = 30.0
"""How long to wait for another process that is writing."""


class _Real(UserDefinedType[Any]):
    """SQLite's REAL, handed through as it is."""

    cache_ok = True

    def get_col_spec(self, **_kw: Any) -> str:
        """Return the name of the type in SQL."""
        return "REAL"


class Number(TypeDecorator[float]):
    """A 64-bit float that comes back as it went in; SQLite would make NULL of NaN, so there it is the text ``nan``."""

    impl = sa.Double
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[Any]:
        """Return the type that the database has."""
        return dialect.type_descriptor(_Real() if dialect.name == "sqlite" else sa.Double())

    def process_bind_param(self, value: float | None, dialect: sa.Dialect) -> float | str | None:
        """Return what is stored."""
        if value is not None and math.isnan(value) and dialect.name == "sqlite":
            return "nan"
        return value if value is None else float(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> float | None:
        """Return what was stored."""
        return None if value is None else float(value)


METADATA = sa.MetaData()

studies = sa.Table(
    "studies",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("test_reads", sa.Integer, nullable=False, default=0),
)
"""``test_reads``: how often the sealed test set was read."""

runs = sa.Table(
    "runs",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("study_id", sa.ForeignKey("studies.id"), nullable=False),
    sa.Column("arm", sa.Text, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("recipe_hash", sa.Text, nullable=False),
    sa.Column("recipe", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("best_epoch", sa.Integer),
    sa.Column("seconds", Number),
    sa.Column("test_loss", Number),
    sa.Column("test_accuracy", Number),
    sa.Column("test_iou", Number),
    sa.UniqueConstraint("study_id", "arm", "seed"),
)
"""``recipe``: JSON; ``status``: ``running`` or a ``wellfit.record.Status``; ``test_loss``: NULL until it is read."""

epochs = sa.Table(
    "epochs",
    METADATA,
    sa.Column("run_id", sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("train_loss", Number, nullable=False),
    sa.Column("val_loss", Number, nullable=False),
    sa.Column("train_accuracy", Number),
    sa.Column("val_accuracy", Number),
    sa.Column("objective", Number, nullable=False),
    sa.Column("penalty", Number, nullable=False),
    sa.Column("lr", Number, nullable=False),
    sa.Column("grad_norm", Number, nullable=False),
    sa.Column("seconds", Number, nullable=False),
    sa.Column("train_iou", Number),
    sa.Column("val_iou", Number),
)
"""The fields of ``wellfit.record.EpochRow``."""

meta = sa.Table(
    "meta",
    METADATA,
    sa.Column("study_id", sa.ForeignKey("studies.id"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
"""``value``: JSON."""


LATER = {"runs": ("test_iou",), "epochs": ("train_iou", "val_iou")}
"""Columns that the first databases lack; they are added where they are missing."""


def open_database(url_or_path: str | Path, *, create: bool) -> sa.Engine:
    """Return the engine of the database, with the tables made if it has none.

    Transactions of ``engine.execution_options(writes=True)`` take SQLite's write lock when they begin, so that what
    they read cannot change before they write.

    Raises
    ------
    InputError
        A URL that cannot be read, or a driver that is not installed.
    StorageError
        The database cannot be opened, is not a database or not one of wellfit's; without ``create``, also if it does
        not exist.

    """
    url = _url(url_or_path)
    place = place_of(url)
    local = url.get_backend_name() == "sqlite"
    if local and not create and url.database and not Path(url.database).exists():
        raise StorageError(f"{place}: there are no results")
    try:
        engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS} if local else {})
    except NoSuchModuleError:
        raise InputError("--store", f"unknown kind of database {url.drivername!r}", "sqlite or postgresql") from None
    except ModuleNotFoundError as error:
        install = "pip install 'wellfit[postgres]'" if url.drivername == "postgresql+psycopg" else f"{error.name}"
        raise MissingExtraError("--store", f"{url.drivername} needs {error.name}", install) from None
    if local:
        sa.event.listen(engine, "connect", _own_transactions)
        sa.event.listen(engine, "begin", _begin)
    try:
        with storage_errors(place):
            _prepare_patiently(engine, place, create=create)
    except BaseException:
        engine.dispose()
        raise
    return engine


def place_of(url: URL) -> str:
    """Return what errors call the database: its file, or its URL without the password."""
    return url.database if url.get_backend_name() == "sqlite" and url.database else url.render_as_string()


@contextmanager
def storage_errors(place: str) -> Iterator[None]:
    """Turn what a database raises into a StorageError of one line."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise StorageError(f"{place}: {_reason(error)}") from error


REASONS = {
    "disk is full": "the disk is full",
    "no space left": "the disk is full",
    "readonly database": "it cannot be written (read-only)",
    "is locked": f"another process kept it locked for {BUSY_SECONDS:g} seconds",
    "is not a database": "it is not a database",
    "malformed": "it is damaged",
    "unable to open database file": "it cannot be opened (no such folder, or no permission)",
    "disk i/o error": "the disk failed to read or write",
}
"""Part of a driver's message -> what to say; other messages are given in their own words."""


def _reason(error: Exception) -> str:
    text = str(getattr(error, "orig", None) or error).strip()
    for part, reason in REASONS.items():
        if part in text.lower():
            return reason
    return " ".join(text.split()) or type(error).__name__


def _url(url_or_path: str | Path) -> URL:
    if "://" not in str(url_or_path) or isinstance(url_or_path, Path):
        return URL.create("sqlite", database=str(url_or_path))
    try:
        url = make_url(str(url_or_path))
    except (ArgumentError, ValueError):
        raise InputError("--store", "not the URL of a database", "e.g. postgresql://user@host/name") from None
    return url.set(drivername="postgresql+psycopg") if url.drivername in ("postgres", "postgresql") else url


def _own_transactions(connection: Any, _record: Any) -> None:
    """Keep Python's sqlite3 from beginning transactions by itself: it would leave out DDL, and take locks late."""
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous=FULL").close()  # an epoch that was committed survives a power cut too


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare_patiently(engine: sa.Engine, place: str, *, create: bool) -> None:
    """Prepare the database; where others open it for the first time too, SQLite says "locked" without waiting."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return _prepare(engine, place, create=create)
        except (SQLAlchemyError, sqlite3.Error) as error:
            if "is locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.02)


def _prepare(engine: sa.Engine, place: str, *, create: bool) -> None:
    """Make the tables if there are none, and refuse a database that holds something else: it is left as it was."""
    with engine.connect() as connection:
        made = _has_tables(connection, place)
        lacks = made and any(_missing_columns(connection))
    if not made and not create:
        raise StorageError(f"{place}: there are no results")
    if create and engine.dialect.name == "sqlite":
        raw = engine.raw_connection()  # the mode cannot change inside a transaction
        try:
            raw.cursor().execute("PRAGMA journal_mode=WAL")
        finally:
            raw.close()
    if made and not lacks:  # readers take no lock
        return
    with engine.execution_options(writes=True).begin() as connection:
        if not made:
            METADATA.create_all(connection)
        for name, column in list(_missing_columns(connection)):
            kind = METADATA.tables[name].c[column].type.compile(connection.dialect)
            connection.execute(sa.text(f"ALTER TABLE {name} ADD COLUMN {column} {kind}"))


def _missing_columns(connection: sa.Connection) -> Iterator[tuple[str, str]]:
    """Yield table and column of LATER that the database lacks."""
    for name, later in LATER.items():
        present = {column["name"] for column in sa.inspect(connection).get_columns(name)}
        yield from ((name, column) for column in later if column not in present)


def _has_tables(connection: sa.Connection, place: str) -> bool:
    inspector = sa.inspect(connection)
    present = set(inspector.get_table_names())
    if not present.intersection(METADATA.tables):
        if present and connection.dialect.name == "sqlite":
            raise StorageError(f"{place}: it is a database of something else (with a table '{min(present)}')")
        return False
    for name, table in METADATA.tables.items():
        columns = {column["name"] for column in inspector.get_columns(name)} if name in present else set()
        missing = sorted({column.name for column in table.columns} - columns - {*LATER.get(name, ())})
        if missing:
            raise StorageError(f"{place}: not a results database of this version (no '{name}.{missing[0]}')")
    return True
