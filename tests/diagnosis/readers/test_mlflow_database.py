"""MLflow's SQLite store, by the columns of its public schema."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from wellfit.diagnosis.readers import read_logs
from wellfit.errors import DataError

SCHEMA = """
CREATE TABLE runs (run_uuid VARCHAR(32) PRIMARY KEY, name VARCHAR(250), status VARCHAR(9));
CREATE TABLE metrics (
    key VARCHAR(250) NOT NULL, value FLOAT NOT NULL, timestamp BIGINT NOT NULL, run_uuid VARCHAR(32) NOT NULL,
    step BIGINT DEFAULT 0 NOT NULL, is_nan BOOLEAN DEFAULT 0 NOT NULL
);
"""


def store(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(SCHEMA)
        for run in ("a", "b"):
            database.execute("INSERT INTO runs VALUES (?, ?, 'FINISHED')", (run * 32, f"run {run}"))
            for epoch in range(4):
                for key, value in (("train_loss", 1 / (epoch + 1)), ("val_loss", 2 / (epoch + 1)), ("cpu", 3.0)):
                    broken = run == "b" and epoch == 3 and key == "val_loss"
                    row = (key, 0.0 if broken else value, 1_700_000_000_000 + epoch, run * 32, epoch, broken)
                    database.execute("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", row)
        database.commit()
    return path


def test_runs_by_name(tmp_path: Path) -> None:
    a, b = read_logs(store(tmp_path / "mlflow.db"))
    assert [run.source.rpartition("#")[2] for run in (a, b)] == ["run a", "run b"]
    assert (a.format, a.curves.unit, a.curves.at) == ("mlflow", "epoch", [1, 2, 3, 4])
    assert a.curves.val_loss == [2, 1, pytest.approx(2 / 3), 0.5]
    assert a.unused == ("cpu",)
    assert a.curves.broken_at is None
    assert b.curves.broken_at == 4


def test_another_or_a_broken_database(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as database:
        database.execute("CREATE TABLE results (x)")
    with pytest.raises(DataError, match="cannot be read as MLflow's store"):
        read_logs(tmp_path / "other.db")
    content = store(tmp_path / "mlflow.db").read_bytes()
    (tmp_path / "cut.db").write_bytes(content[:5000])
    with pytest.raises(DataError, match="cannot be read as MLflow's store"):
        read_logs(tmp_path / "cut.db")
    assert len(read_logs(tmp_path)) == 2
