"""The store: what the runs of a study have reached so far, safe at every moment."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from wellfit.errors import RecipeError, StorageError
from wellfit.record import EpochRow, RunRecord, TestRow, row_to_dict
from wellfit.study.database import epochs, meta, open_database, place_of, runs, storage_errors, studies
from wellfit.study.difference import first_difference

Key = tuple[str, int]
"""A run: (arm, seed)."""

RUNNING = "running"
TEST = ("test_loss", "test_accuracy", "test_iou")
"""The status of a run that has begun and is not finished."""

FIELDS = tuple(field.name for field in dataclasses.fields(EpochRow))


class Store:
    """The results of one study in a database; a context manager.

    Every method is one transaction: it happens whole or not at all, and when it returns it is on the disk. Several
    processes may read while one writes. All methods raise StorageError when the database fails them: full disk, no
    permission, locked for long, damaged.
    """

    def __init__(self, engine: sa.Engine, study: str) -> None:
        self._engine, self._writer = engine, engine.execution_options(writes=True)
        self._study, self._place = study, place_of(engine.url)

    @classmethod
    def open(cls, url_or_path: str | Path, study: str, *, create: bool = True) -> Self:
        """Return the store of ``study`` in an SQLite file or at a database's URL (``postgresql://...``).

        With ``create=False`` nothing is ever made or changed by opening: for readers.

        Raises
        ------
        InputError
            A URL that cannot be read, or a driver that is not installed.
        StorageError
            The database cannot be opened or holds something else; without ``create``, also if it does not exist.

        """
        return cls(open_database(url_or_path, create=create), study)

    def close(self) -> None:
        """Close all connections. The store can't be used afterwards."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def begin(self, members: Sequence[tuple[str, int, str, Mapping[str, Any]]]) -> None:
        """Enter runs: (arm, seed, hash of the recipe, recipe). Those that are there already keep what they have.

        Raises
        ------
        RecipeError
            A run is there with another recipe; the message names the first value that differs. Nothing was entered.

        """
        with self._write() as connection:
            study = self._study_id(connection, make=True)
            there = {(row.arm, row.seed): row for row in connection.execute(sa.select(runs).filter_by(study_id=study))}
            new = []
            for arm, seed, recipe_hash, recipe in members:
                text = json.dumps(recipe)
                if (arm, seed) not in there:
                    entry = {"study_id": study, "arm": arm, "seed": seed, "recipe_hash": recipe_hash, "recipe": text}
                    new.append({**entry, "status": RUNNING})
                elif there[arm, seed].recipe_hash != recipe_hash:
                    _check_same(json.loads(there[arm, seed].recipe), json.loads(text), arm)
            if new:
                connection.execute(sa.insert(runs), new)

    def add_epochs(self, rows: Mapping[Key, EpochRow]) -> None:
        """Enter one epoch of each run, all or none; a row that is there already is replaced.

        Raises
        ------
        KeyError
            A run that was not begun.

        """
        if not rows:
            return
        with self._write() as connection:
            ids = self._run_ids(connection)
            _put_epochs(connection, [(ids[key], row) for key, row in rows.items()])

    def truncate(self, keys: Iterable[Key], epoch: int) -> None:
        """Drop the rows after ``epoch`` of these runs, for going on from a checkpoint made then.

        A finished run that loses rows is no longer finished.
        """
        with self._write() as connection:
            ids = self._run_ids(connection)
            for key in keys:
                later = sa.delete(epochs).where(epochs.c.run_id == ids[key], epochs.c.epoch > epoch)
                if connection.execute(later).rowcount:
                    blank = dict.fromkeys(("best_epoch", "seconds", *TEST))
                    connection.execute(sa.update(runs).filter_by(id=ids[key]).values(status=RUNNING, **blank))

    def finish(self, record: RunRecord) -> None:
        """Enter the outcome of a run, with all its curves.

        Raises
        ------
        KeyError
            A run that was not begun.

        """
        test = dict.fromkeys(TEST) if record.test is None else row_to_dict(record.test)
        outcome = {"status": record.status, "best_epoch": record.best_epoch, "seconds": record.seconds, **test}
        with self._write() as connection:
            run = self._run_ids(connection)[record.arm, record.seed]
            connection.execute(sa.delete(epochs).filter_by(run_id=run))
            _put_epochs(connection, [(run, row) for row in record.curves])
            connection.execute(sa.update(runs).filter_by(id=run).values(**outcome))

    def finished(self) -> dict[Key, RunRecord]:
        """Return the records of all finished runs, also of arms and seeds that the study no longer has."""
        with self._read() as connection:
            curves = self._curves(connection, runs.c.status != RUNNING)
            found = connection.execute(self._runs().where(runs.c.status != RUNNING).order_by(runs.c.id)).all()
        return {(row.arm, row.seed): _record(row, curves.get((row.arm, row.seed), ())) for row in found}

    def partial(self) -> dict[Key, tuple[EpochRow, ...]]:
        """Return the curves so far of all runs that have begun and are not finished."""
        with self._read() as connection:
            curves = self._curves(connection, runs.c.status == RUNNING)
            found = connection.execute(self._runs().where(runs.c.status == RUNNING).order_by(runs.c.id)).all()
        return {(row.arm, row.seed): curves.get((row.arm, row.seed), ()) for row in found}

    def set_test(self, key: Key, row: TestRow) -> None:
        """Enter what a run reached on the test set.

        Raises
        ------
        KeyError
            A run that was not begun.

        """
        with self._write() as connection:
            run = self._run_ids(connection)[key]
            connection.execute(sa.update(runs).filter_by(id=run).values(**row_to_dict(row)))

    def test_reads(self) -> int:
        """Return how often the sealed test set was read for this study."""
        with self._read() as connection:
            found = connection.scalar(sa.select(studies.c.test_reads).filter_by(name=self._study))
        return 0 if found is None else int(found)

    def count_test_read(self) -> int:
        """Count one more reading of the sealed test set; return how many there were."""
        with self._write() as connection:
            row = sa.update(studies).filter_by(id=self._study_id(connection, make=True))
            connection.execute(row.values(test_reads=studies.c.test_reads + 1))
            return int(connection.execute(sa.select(studies.c.test_reads).filter_by(name=self._study)).scalar_one())

    def set_meta(self, name: str, value: Any) -> None:
        """Keep a value that JSON can hold (NaN and infinity too) under a name of this study."""
        text = json.dumps(value)
        with self._write() as connection:
            study = self._study_id(connection, make=True)
            connection.execute(sa.delete(meta).filter_by(study_id=study, name=name))
            connection.execute(sa.insert(meta).values(study_id=study, name=name, value=text))

    def meta(self, name: str, default: Any = None) -> Any:
        """Return the value kept under ``name``, else ``default``."""
        with self._read() as connection:
            study = self._study_id(connection)
            text = connection.scalar(sa.select(meta.c.value).filter_by(study_id=study, name=name))
        return default if text is None else json.loads(text)

    def clear(self) -> None:
        """Remove all that is known of this study: its runs, values and count of test reads (``--fresh``)."""
        with self._write() as connection:
            study = self._study_id(connection)
            connection.execute(
                sa.delete(epochs).where(epochs.c.run_id.in_(sa.select(runs.c.id).filter_by(study_id=study)))
            )
            for table in (runs, meta):
                connection.execute(sa.delete(table).filter_by(study_id=study))
            connection.execute(sa.delete(studies).filter_by(id=study))

    @contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        with storage_errors(self._place), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        with storage_errors(self._place), self._writer.begin() as connection:
            yield connection

    def _study_id(self, connection: sa.Connection, *, make: bool = False) -> int | None:
        found = connection.scalar(sa.select(studies.c.id).filter_by(name=self._study))
        if found is None and make:
            connection.execute(sa.insert(studies).values(name=self._study))
            return self._study_id(connection)
        return found

    def _run_ids(self, connection: sa.Connection) -> dict[Key, int]:
        return {(row.arm, row.seed): row.id for row in connection.execute(self._runs())}

    def _runs(self) -> sa.Select[Any]:
        return sa.select(runs).join(studies).where(studies.c.name == self._study)

    def _curves(self, connection: sa.Connection, which: sa.ColumnElement[bool]) -> dict[Key, tuple[EpochRow, ...]]:
        """Return the curves of the runs of this study that fulfil a condition, those without rows left out."""
        query = (
            sa.select(runs.c.arm, runs.c.seed, *(epochs.c[name] for name in FIELDS))
            .select_from(epochs.join(runs).join(studies))
            .where(studies.c.name == self._study, which)
            .order_by(runs.c.id, epochs.c.epoch)
        )
        curves: dict[Key, list[EpochRow]] = {}
        for arm, seed, *values in connection.execute(query):
            curve = curves.setdefault((arm, seed), [])
            curve.append(EpochRow(**dict(zip(FIELDS, values, strict=True))))
            if curve[-1].epoch != len(curve):
                raise StorageError(f"{self._place}: damaged: epoch {len(curve)} of arm '{arm}', seed {seed} is missing")
        return {key: tuple(curve) for key, curve in curves.items()}


def _put_epochs(connection: sa.Connection, rows: Sequence[tuple[int, EpochRow]]) -> None:
    """Insert rows of runs, in place of those that are there for the same epoch."""
    if not rows:
        return
    same = (epochs.c.run_id == sa.bindparam("run"), epochs.c.epoch == sa.bindparam("at"))
    connection.execute(sa.delete(epochs).where(*same), [{"run": run, "at": row.epoch} for run, row in rows])
    connection.execute(sa.insert(epochs), [{"run_id": run, **row_to_dict(row)} for run, row in rows])


def _record(row: sa.Row[Any], curves: tuple[EpochRow, ...]) -> RunRecord:
    test = None if row.test_loss is None else TestRow(*(getattr(row, name) for name in TEST))
    return RunRecord(
        arm=row.arm,
        seed=row.seed,
        recipe=json.loads(row.recipe),
        status=row.status,
        best_epoch=row.best_epoch,
        curves=curves,
        test=test,
        seconds=row.seconds,
    )


def _check_same(old: Mapping[str, Any], new: Mapping[str, Any], arm: str) -> None:
    """Raise where a run's recipe is not what it was."""
    found = first_difference(old, new)
    if found is not None:
        what = f"is {found.new} now and was {found.old} when this study was begun (arm '{arm}')"
        raise RecipeError(found.key, what, "the same recipe, another --out, or --fresh to begin anew")
