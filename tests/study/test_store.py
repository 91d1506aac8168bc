from __future__ import annotations

import math
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

import wellfit
from wellfit.errors import InputError, MissingExtraError, RecipeError, StorageError
from wellfit.record import EpochRow, RunRecord, TestRow
from wellfit.study import database
from wellfit.study.store import Store

RECIPE: dict[str, Any] = {"data": {"source": "digits"}, "optimizer": {"kind": "sgd", "lr": 0.01}, "regularizers": {}}
MEMBERS = [("plain", 0, "h0", RECIPE), ("plain", 1, "h0", RECIPE), ("l2", 0, "h1", {**RECIPE, "epochs": 3})]


def row(epoch: int, value: float = 0.5, accuracy: float | None = 0.25) -> EpochRow:
    return EpochRow(epoch, value, value + 1, accuracy, accuracy, value + 2, 0.0, 0.01, value + 3, 0.125)


def record(arm: str = "plain", seed: int = 0, **changes: Any) -> RunRecord:
    values = {"status": "complete", "best_epoch": 2, "curves": (row(1), row(2)), "seconds": 1.5, "recipe": RECIPE}
    return RunRecord(arm=arm, seed=seed, **{**values, **changes})


def same(one: float | None, other: float | None) -> bool:
    return one == other or (one is not None and other is not None and math.isnan(one) and math.isnan(other))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path, "mine") as opened:
        opened.begin(MEMBERS)
        yield opened


def test_a_record_comes_back_as_it_was(store: Store, path: Path) -> None:
    kept = record(test=TestRow(0.75, 0.5), status="stopped")
    store.finish(kept)
    assert store.finished() == {("plain", 0): kept}
    assert store.partial() == {("plain", 1): (), ("l2", 0): ()}
    with Store.open(path, "mine", create=False) as reader:
        assert reader.finished() == {("plain", 0): kept}


def test_regression_has_no_accuracies(store: Store) -> None:
    kept = record(curves=(row(1, accuracy=None), row(2, accuracy=None)), test=TestRow(0.75, None))
    store.finish(kept)
    assert store.finished()["plain", 0] == kept


NUMBERS = st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True)


@settings(max_examples=25, deadline=None)
@given(st.lists(NUMBERS, min_size=9, max_size=9))
def test_every_float_comes_back_exactly(values: list[float]) -> None:
    with Store.open("sqlite://", "mine") as store:
        store.begin(MEMBERS)
        store.add_epochs({("plain", 0): EpochRow(1, *values)})
        (found,) = store.partial()["plain", 0]
        names = ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "objective", "penalty", "lr", "grad_norm")
        for name, value in zip((*names, "seconds"), values, strict=True):
            assert same(getattr(found, name), value), name
        store.set_test(("plain", 0), TestRow(values[0], values[1]))
        store.finish(RunRecord("plain", 0, RECIPE, "diverged", 0, (), TestRow(values[0], values[1]), values[2]))
        back = store.finished()["plain", 0]
        assert back.test is not None
        assert same(back.test.test_loss, values[0])
        assert same(back.test.test_accuracy, values[1])
        assert same(back.seconds, values[2])


def test_numbers_can_be_read_with_plain_sql(store: Store, path: Path) -> None:
    store.add_epochs({("plain", 0): row(1, math.nan), ("plain", 1): row(1, math.inf), ("l2", 0): row(1, 0.1)})
    with closing(sqlite3.connect(path)) as plain:
        found = plain.execute("SELECT arm, seed, train_loss, typeof(train_loss) FROM epochs JOIN runs ON id = run_id")
        assert {(arm, seed): (value, kind) for arm, seed, value, kind in found} == {
            ("plain", 0): ("nan", "text"),
            ("plain", 1): (math.inf, "real"),
            ("l2", 0): (0.1, "real"),
        }


def test_epochs_are_entered_for_all_members_or_none(store: Store) -> None:
    with pytest.raises(KeyError):
        store.add_epochs({("plain", 0): row(1), ("nobody", 0): row(1)})
    assert store.partial()["plain", 0] == ()
    store.add_epochs({})
    store.add_epochs({("plain", 0): row(1, 1.0), ("l2", 0): row(1, 2.0)})
    store.add_epochs({("plain", 0): row(1, 3.0)})  # in place of the first
    assert store.partial() == {("plain", 0): (row(1, 3.0),), ("plain", 1): (), ("l2", 0): (row(1, 2.0),)}


def test_truncate_drops_what_came_after_the_checkpoint(store: Store) -> None:
    for epoch in (1, 2, 3):
        store.add_epochs({("plain", 0): row(epoch), ("plain", 1): row(epoch)})
    store.truncate([("plain", 0)], 1)
    assert store.partial() == {("plain", 0): (row(1),), ("plain", 1): (row(1), row(2), row(3)), ("l2", 0): ()}


def test_truncate_reopens_a_finished_run_only_where_it_loses_rows(store: Store) -> None:
    store.finish(record("plain", 0, test=TestRow(1.0, 0.5)))
    store.finish(record("plain", 1))
    store.truncate([("plain", 0)], 1)
    store.truncate([("plain", 1)], 2)
    assert list(store.finished()) == [("plain", 1)]
    assert store.partial()["plain", 0] == (row(1),)
    store.finish(record("plain", 0))
    assert store.finished()["plain", 0].test is None


def test_finish_replaces_the_epochs_with_the_curves_of_the_record(store: Store) -> None:
    for epoch in (1, 2, 3):
        store.add_epochs({("plain", 0): row(epoch, 9.0)})
    store.finish(record())
    assert store.finished()["plain", 0].curves == (row(1), row(2))
    with pytest.raises(KeyError):
        store.finish(record("nobody"))


def test_begin_again_keeps_what_is_there_and_takes_more_seeds(store: Store) -> None:
    store.finish(record())
    store.add_epochs({("plain", 1): row(1)})
    store.begin([*MEMBERS, ("plain", 2**63 - 1, "h0", RECIPE)])
    assert store.finished() == {("plain", 0): record()}
    assert store.partial() == {("plain", 1): (row(1),), ("l2", 0): (), ("plain", 2**63 - 1): ()}


def test_another_recipe_is_refused_with_the_first_difference(store: Store) -> None:
    changed = {**RECIPE, "optimizer": {"kind": "sgd", "lr": 0.1}, "regularizers": {"l2": {"strength": 1.0}}}
    with pytest.raises(RecipeError) as caught:
        store.begin([("new", 0, "h9", RECIPE), ("plain", 1, "other", changed)])
    assert str(caught.value) == (
        "optimizer.lr: is 0.1 now and was 0.01 when this study was begun (arm 'plain'); "
        "expected the same recipe, another --out, or --fresh to begin anew"
    )
    assert ("new", 0) not in store.partial()
    for recipe, message in (
        ({**RECIPE, "regularizers": {"l2": {"strength": 1.0}}}, "regularizers.l2.strength: is 1.0 now and was not set"),
        ({"data": RECIPE["data"], "regularizers": {}}, 'optimizer.kind: is not set now and was "sgd" when'),
        ({**RECIPE, "data": {"source": "x" * 99}}, 'data.source: is "' + "x" * 56 + '... now and was "digits"'),
    ):
        with pytest.raises(RecipeError) as caught:
            store.begin([("plain", 0, "other", recipe)])
        assert str(caught.value).startswith(message)


def test_the_same_recipe_under_another_hash_goes_on(store: Store) -> None:
    store.begin([("plain", 0, "hash of another version", dict(reversed(RECIPE.items())))])
    assert len(store.partial()) == 3


def test_studies_in_one_database_do_not_see_each_other(store: Store, path: Path) -> None:
    store.finish(record())
    store.set_meta("plan", {"a": 1})
    with Store.open(path, "other") as other:
        assert (other.finished(), other.partial(), other.test_reads(), other.meta("plan")) == ({}, {}, 0, None)
        other.begin([("plain", 0, "x", {"epochs": 1})])
        other.set_meta("plan", 2)
        other.count_test_read()
        other.clear()
        assert other.partial() == {}
    assert store.finished() == {("plain", 0): record()}
    assert store.meta("plan") == {"a": 1}


def test_clear_forgets_everything(store: Store) -> None:
    store.finish(record())
    store.set_meta("plan", 1)
    store.count_test_read()
    store.clear()
    assert (store.finished(), store.partial(), store.meta("plan"), store.test_reads()) == ({}, {}, None, 0)
    store.begin([("plain", 0, "other", {"epochs": 7})])
    assert store.partial() == {("plain", 0): ()}


def test_test_reads_are_counted(store: Store, path: Path) -> None:
    assert store.test_reads() == 0
    assert [store.count_test_read(), store.count_test_read()] == [1, 2]
    with Store.open(path, "mine", create=False) as reader:
        assert reader.test_reads() == 2
    store.finish(record())
    store.set_test(("plain", 0), TestRow(math.nan, None))
    found = store.finished()["plain", 0].test
    assert found is not None
    assert math.isnan(found.test_loss)
    assert found.test_accuracy is None
    with pytest.raises(KeyError):
        store.set_test(("nobody", 0), TestRow(1.0, None))


def test_meta_holds_plain_values(store: Store) -> None:
    value = {"how": ["stacked", 1, None], "largest": math.inf, "ü": "\u2028"}
    store.set_meta("certificate", {"old": True})
    store.set_meta("certificate", value)
    assert store.meta("certificate") == value
    assert store.meta("nothing") is None
    assert store.meta("nothing", 3) == 3


def test_a_reader_reads_while_a_transaction_is_open(store: Store, path: Path) -> None:
    store.add_epochs({("plain", 0): row(1)})
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM epochs")
    with Store.open(path, "mine", create=False) as reader:
        assert reader.partial()["plain", 0] == (row(1),)
    writer.execute("COMMIT")
    writer.close()
    assert store.partial()["plain", 0] == ()


def test_a_writer_writes_while_a_reader_reads(store: Store, path: Path) -> None:
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM epochs").fetchone() == (0,)
    store.add_epochs({("plain", 0): row(1)})
    assert reader.execute("SELECT count(*) FROM epochs").fetchone() == (0,)  # its snapshot
    reader.execute("COMMIT")
    assert reader.execute("SELECT count(*) FROM epochs").fetchone() == (1,)
    reader.close()


def test_many_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    together = threading.Barrier(6)

    def count(path: Path, number: int) -> None:
        together.wait()
        with Store.open(path, f"study {number % 2}") as store:
            for _ in range(3):
                store.count_test_read()

    with ThreadPoolExecutor(6) as pool:
        for trial in range(8):
            path = tmp_path / f"{trial}.db"
            for done in [pool.submit(count, path, number) for number in range(6)]:
                done.result()
            with Store.open(path, "study 1", create=False) as store:
                assert store.test_reads() == 9


def test_opening_waits_where_sqlite_itself_does_not(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that open a new database at the same moment are told "locked" at once, whatever the timeout."""
    prepare, told = database._prepare, [0]

    def locked_twice(*arguments: Any, **options: Any) -> None:
        told[0] += 1
        if told[0] < 3:
            raise sqlite3.OperationalError("database is locked")
        prepare(*arguments, **options)

    monkeypatch.setattr(database, "_prepare", locked_twice)
    with Store.open(path, "mine") as store:
        assert store.finished() == {}
    assert told == [3]


def storage_error(path: Path | str, *, create: bool = True) -> str:
    with pytest.raises(StorageError) as caught:
        Store.open(path, "mine", create=create)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_locked_database_is_a_storage_error(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    with Store.open(path, "mine") as second, pytest.raises(StorageError, match="another process kept it locked"):
        second.add_epochs({("plain", 0): row(1)})
    writer.close()


def test_a_full_disk_is_a_storage_error_and_loses_nothing(store: Store, path: Path) -> None:
    pages = [20]  # SQLite answers "full" beyond these as it does when the file system has no room

    @sa.event.listens_for(store._engine, "begin")
    def _no_more_pages(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages[0]}")

    def fill() -> None:
        for epoch in range(len(store.partial()["plain", 0]) + 1, 10**6):
            store.add_epochs({("plain", 0): row(epoch), ("plain", 1): row(epoch)})

    kept = [0]
    for room in (20, 30):  # the second time someone made room, and the same store goes on
        pages[0] = room
        with pytest.raises(StorageError) as caught:
            fill()
        assert str(caught.value) == f"{path}: the disk is full"
        plain0, plain1, l2 = (len(curve) for curve in store.partial().values())
        assert plain0 == plain1 > kept[-1]
        assert l2 == 0
        kept.append(plain0)


def test_full_and_failing_disks_of_other_databases_are_named() -> None:
    for text, said in (
        ('could not extend file "base/1": No space left on device', "db: the disk is full"),
        ("disk I/O error", "db: the disk failed to read or write"),
        ("connection failed:\n\tIs the server running?", "db: connection failed: Is the server running?"),
        ("attempt to write a readonly database", "db: it cannot be written (read-only)"),
    ):
        with pytest.raises(StorageError) as caught, database.storage_errors("db"):
            raise sa.exc.OperationalError("INSERT", {}, Exception(text))
        assert str(caught.value) == said


def test_a_readonly_database_is_a_storage_error(store: Store) -> None:
    @sa.event.listens_for(store._engine, "begin")
    def _query_only(connection: sa.Connection) -> None:
        connection.exec_driver_sql("PRAGMA query_only=ON")

    with pytest.raises(StorageError, match=r"results\.db: it cannot be written \(read-only\)$"):
        store.count_test_read()


def test_what_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"This is a text, and a rather long one for a text. " * 40)
    before = path.read_bytes()
    assert storage_error(path) == f"{path}: it is not a database"
    assert path.read_bytes() == before


def test_another_programs_database_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE songs (id INTEGER)")
    before = path.read_bytes()
    assert storage_error(path) == f"{path}: it is a database of something else (with a table 'songs')"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE runs (id INTEGER, experiment TEXT)")
    assert "not a results database of this version (no 'studies.id')" in storage_error(path)
    assert path.read_bytes()[18:20] == before[18:20]  # its journal mode too is as it was
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_a_damaged_database_is_a_storage_error(store: Store, path: Path) -> None:
    for epoch in range(1, 200):
        store.add_epochs({("plain", 0): row(epoch)})
    store.close()
    content = bytearray(path.read_bytes())
    content[4096 * 2 :] = os.urandom(len(content) - 4096 * 2)
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"results\.db: it is damaged"), Store.open(path, "mine") as opened:
        opened.partial()


def test_a_missing_epoch_is_a_storage_error(store: Store) -> None:
    store.add_epochs({("plain", 0): row(2)})
    with pytest.raises(StorageError, match="damaged: epoch 1 of arm 'plain', seed 0 is missing"):
        store.partial()


def test_a_place_that_cannot_be_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "it cannot be opened (no such folder, or no permission)" in storage_error(tmp_path / "file" / "results.db")
    assert "it cannot be opened" in storage_error(tmp_path / "nowhere" / "results.db")
    assert "it cannot be opened" in storage_error(tmp_path)


def test_a_reader_makes_nothing(tmp_path: Path) -> None:
    assert storage_error(tmp_path / "results.db", create=False).endswith("results.db: there are no results")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty.db").touch()
    assert storage_error(tmp_path / "empty.db", create=False).endswith("empty.db: there are no results")
    assert (tmp_path / "empty.db").stat().st_size == 0


def test_a_wrong_url_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="not the URL of a database"):
        Store.open("postgresql://host:port/x", "mine")
    with pytest.raises(InputError, match="unknown kind of database 'dbase'"):
        Store.open("dbase://x", "mine")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError) as caught:
        Store.open("postgresql://user:secret@host/x", "mine")
    assert str(caught.value) == ("--store: postgresql+psycopg needs psycopg; expected pip install 'wellfit[postgres]'")


@pytest.mark.skipif("WELLFIT_TEST_POSTGRES" not in os.environ, reason="WELLFIT_TEST_POSTGRES holds no URL of a server")
def test_a_postgresql_server_keeps_the_same() -> None:
    with Store.open(os.environ["WELLFIT_TEST_POSTGRES"], "wellfit's own test") as store:
        try:
            store.begin(MEMBERS)
            store.add_epochs({("plain", 0): row(1, 7.0), ("plain", 1): row(1)})
            store.add_epochs({("plain", 0): row(1, math.inf), ("plain", 1): row(2)})
            store.truncate([("plain", 1)], 1)
            kept = record("l2", recipe=MEMBERS[2][3], test=TestRow(-math.inf, None))
            store.finish(kept)
            assert store.finished() == {("l2", 0): kept}
            assert store.partial() == {("plain", 0): (row(1, math.inf),), ("plain", 1): (row(1),)}
            store.set_test(("l2", 0), TestRow(math.nan, 0.1))
            test = store.finished()["l2", 0].test
            assert test is not None
            assert math.isnan(test.test_loss)
            store.set_meta("plan", [math.nan, "ü"])
            store.set_meta("plan", {"a": None})
            assert store.meta("plan") == {"a": None}
            assert store.count_test_read() == store.test_reads() == 1
            with pytest.raises(RecipeError, match=r"^epochs: is 4 now and was 3 "):
                store.begin([("l2", 0, "other", {**RECIPE, "epochs": 4})])
        finally:
            store.clear()
        assert (store.finished(), store.partial(), store.test_reads()) == ({}, {}, 0)


def test_a_url_of_sqlite_is_a_file(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/team.db", "mine") as store:
        store.begin(MEMBERS)
    with Store.open(tmp_path / "team.db", "mine", create=False) as store:
        assert len(store.partial()) == 3


WRITERS = """
import os, sys
from wellfit.record import EpochRow
from wellfit.study.store import Store

def row(seed, epoch):
    return EpochRow(epoch, seed + epoch, 0.5, None, None, 1 / epoch, 0.0, 0.01, float("nan"), 0.1)

def write():
    store = Store.open(sys.argv[1], "killed")
    keys = [("arm", seed) for seed in range(8)]
    store.begin([(arm, seed, "h", {"seed": seed}) for arm, seed in keys])
    for epoch in range(len(store.partial()[keys[0]]) + 1, 10**6):
        store.add_epochs({key: row(key[1], epoch) for key in keys})
        store.set_meta("epoch", epoch)
        print(epoch, flush=True)

for line in sys.stdin:  # a fork each, since Python and the libraries take longer to start than all the rest
    if not (child := os.fork()):
        print(os.getpid(), flush=True)
        write()
    os.waitpid(child, 0)
    print("killed", flush=True)
"""


@pytest.fixture
def writers(path: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": str(Path(wellfit.__file__).parents[1])}
    command = [sys.executable, "-c", WRITERS, str(path)]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process


def kill_a_writer(process: subprocess.Popen[str], *, after: float) -> list[int]:
    """Start a writer and kill it ``after`` seconds from its first epoch; return the epochs that it said were kept."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("next\n")
    process.stdin.flush()
    writer = int(process.stdout.readline())
    told = [int(process.stdout.readline())]
    time.sleep(after)
    os.kill(writer, signal.SIGKILL)
    while (line := process.stdout.readline().strip()) != "killed":
        told.append(int(line))
    return told


def test_a_kill_at_any_moment_leaves_a_consistent_prefix(path: Path, writers: subprocess.Popen[str]) -> None:
    """Ten processes write to the same database, one after another; each is killed in the midst of it."""
    chance, last = random.Random(0), 0
    for _ in range(10):
        told = kill_a_writer(writers, after=chance.uniform(0, 0.03))
        with Store.open(path, "killed", create=False) as store:
            curves, counted = store.partial(), store.meta("epoch")
        kept = len(curves["arm", 0])
        assert kept >= told[-1] > last  # what it said was kept is there, and it went on from what was there
        assert counted in (kept, kept - 1)
        assert list(curves) == [("arm", seed) for seed in range(8)]
        for (_, seed), curve in curves.items():
            assert [found.epoch for found in curve] == list(range(1, kept + 1))
            assert all(found.train_loss == seed + found.epoch for found in curve)
            assert all(found.objective == 1 / found.epoch and math.isnan(found.grad_norm) for found in curve)
        with closing(sqlite3.connect(path)) as plain:
            assert plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        last = kept


def test_a_database_of_before_there_were_masks_goes_on(path: Path) -> None:
    with Store.open(path, "mine") as store:
        store.begin(MEMBERS)
        store.finish(record(test=TestRow(0.75, 0.5)))
    with closing(sqlite3.connect(path)) as old:
        for table, column in (("runs", "test_iou"), ("epochs", "train_iou"), ("epochs", "val_iou")):
            old.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        old.commit()
    with Store.open(path, "mine") as store:
        assert store.finished()["plain", 0] == record(test=TestRow(0.75, 0.5))
        store.finish(record("l2", test=TestRow(0.5, 0.25, 0.125)))
        assert store.finished()["l2", 0].value("test_iou") == 0.125
