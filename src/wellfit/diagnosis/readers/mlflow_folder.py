"""MLflow's files: ``<run>/metrics/<key>``, a line ``timestamp value step`` per point."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from wellfit.diagnosis.readers.keys import is_curve, meaning
from wellfit.diagnosis.readers.log_run import Remark
from wellfit.diagnosis.readers.naming import shown
from wellfit.diagnosis.readers.raw import ABSENT, RawRun, number
from wellfit.diagnosis.readers.rows import MOST_ROWS
from wellfit.diagnosis.readers.text_file import Lines

RUN_NAME = re.compile(r"^run_name:\s*['\"]?(.*?)['\"]?\s*$", re.MULTILINE)
FOLDER = "metrics"


def metric_key(path: Path) -> tuple[Path, str]:
    """Return the run's folder and the metric's key, which may have slashes: ``<run>/metrics/train/loss``."""
    parts = path.parts
    for index in range(len(parts) - 2, 0, -1):
        if parts[index] == FOLDER:
            return Path(*parts[:index]), "/".join(parts[index + 1 :])
    return path.parent, path.name


def read_metric_files(files: Sequence[Path]) -> list[RawRun]:
    """Return the runs that a set of metric files belongs to."""
    runs: dict[Path, RawRun] = {}
    for path in sorted(files):
        folder, key = metric_key(path)
        run = runs.setdefault(folder, RawRun(_source(folder), "mlflow", axis="step"))
        what = meaning(key)
        if what is None or what.kind in {"run", "step"}:
            run.unused.add(key)
            continue
        if what.kind == "epoch":
            run.axis_keys[key] = "epoch"
        _read(path, run, key)
    return [run for run in runs.values() if any(is_curve(key) for key in run.tracks)]


def _read(path: Path, run: RawRun, key: str) -> None:
    lines, bad, found = Lines(path), 0, []
    for index, line in enumerate(lines):
        fields = line.split()
        try:
            value = number(fields[1])
            step = float(int(fields[2])) if len(fields) > 2 else float(index)
        except (ValueError, IndexError, OverflowError):
            bad += 1
            continue
        if value is not None:
            found.append((step, value))
        if index >= MOST_ROWS:
            break
    for step, value in found:
        run.track(key).add(step, ABSENT, value)
    if bad + lines.skipped:
        words = f"{bad + lines.skipped} lines of '{shown(key, longest=48)}' could not be read; left out."
        run.remarks.append(Remark("skipped", words))


def _source(folder: Path) -> str:
    """Return the run's folder, with its name where meta.yaml says one."""
    meta = folder / "meta.yaml"
    try:
        with meta.open(encoding="utf-8", errors="replace") as file:
            found = RUN_NAME.search(file.read(1 << 16))
    except OSError:
        found = None
    return f"{folder}#{found[1]}" if found and found[1] else str(folder)
