"""MLflow's SQLite store (``mlflow.db``): table ``metrics`` with a row per point."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from pathlib import Path

from wellfit.diagnosis.readers.keys import is_curve, meaning
from wellfit.diagnosis.readers.naming import shown
from wellfit.diagnosis.readers.raw import ABSENT, RawRun
from wellfit.diagnosis.readers.rows import MOST_ROWS, MOST_RUNS
from wellfit.errors import DataError

MAGIC = b"SQLite format 3\0"
POINTS = """
SELECT m.run_uuid, r.name, m.key, m.value, m.is_nan, m.step FROM metrics m LEFT JOIN runs r ON r.run_uuid = m.run_uuid
ORDER BY m.run_uuid, m.key, m.timestamp, m.step LIMIT ?
"""


def read_database(path: Path) -> list[RawRun]:
    """Return the runs of an MLflow store; it is opened for reading alone.

    Raises
    ------
    DataError
        It is no such store, or damaged.

    """
    runs: dict[str, RawRun] = {}
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            for uuid, name, key, value, is_nan, step in database.execute(POINTS, (MOST_ROWS,)):
                if str(uuid) not in runs and len(runs) == MOST_RUNS:
                    break
                run = runs.setdefault(str(uuid), RawRun(f"{path}#{name or uuid}", "mlflow", axis="step"))
                what = meaning(str(key))
                if what is None or what.kind in {"run", "step"}:
                    run.unused.add(str(key))
                    continue
                if what.kind == "epoch":
                    run.axis_keys[str(key)] = "epoch"
                run.track(str(key)).add(float(step or 0), ABSENT, math.nan if is_nan else float(value))
    except (sqlite3.Error, ValueError, TypeError, OverflowError) as error:
        why = shown(str(error), longest=60)
        raise DataError(shown(path), f"cannot be read as MLflow's store ({why})", "a training log") from None
    return [run for run in runs.values() if any(is_curve(key) for key in run.tracks)]
