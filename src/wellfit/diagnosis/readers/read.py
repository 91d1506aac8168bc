"""Every run in a file or folder."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from wellfit.diagnosis.readers.about import incomparable, lacking
from wellfit.diagnosis.readers.align import align
from wellfit.diagnosis.readers.choose import choose
from wellfit.diagnosis.readers.event_file import is_event_file
from wellfit.diagnosis.readers.event_folder import read_event_files
from wellfit.diagnosis.readers.json_log import read_json, read_json_lines
from wellfit.diagnosis.readers.log_run import MOST_UNUSED, LogRun, SeriesName
from wellfit.diagnosis.readers.mlflow_database import MAGIC, read_database
from wellfit.diagnosis.readers.mlflow_folder import read_metric_files
from wellfit.diagnosis.readers.naming import shown
from wellfit.diagnosis.readers.raw import RawRun
from wellfit.diagnosis.readers.table_log import is_metric_file, read_table
from wellfit.diagnosis.readers.text_file import UTF16, head_of, is_text
from wellfit.errors import DataError

EXPECTED = (
    "a training log (TensorBoard, Keras, Lightning, Hugging Face, Ultralytics, timm, MLflow, W&B, CSV, JSON or JSONL)"
)
MOST_FILES = 20_000
"""Files of a folder that are looked at."""
Kind = Literal["database", "events", "metric", "json", "lines", "table"]
LOGGER = logging.getLogger("wellfit")


def read_logs(path: str | Path) -> list[LogRun]:
    """Return every run found in a log file, or in a folder and the folders in it; at least one.

    What a file is, its content says, not its name. In a folder each file is read once, links are not followed, and
    what is no log is passed over.

    Raises
    ------
    DataError
        One line, if there is none, or the file that was named cannot be read as a log.

    """
    path = Path(path)
    where = shown(path)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise DataError(where, "no such file or folder", EXPECTED) from None
    except (OSError, ValueError) as error:
        raise DataError(where, f"cannot be read ({shown(str(error))})", EXPECTED) from None
    if stat.S_ISDIR(mode):
        raws = _of_folder(path)
    elif stat.S_ISREG(mode):
        raws = _of_file(path)
    else:
        raise DataError(where, "is no regular file", EXPECTED)
    runs = [run for run in map(finished, raws) if len(run.curves)]
    if not runs:
        raise DataError(where, "holds no losses or accuracies over epochs or steps", EXPECTED)
    return _without_prefixes(runs)


def finished(raw: RawRun) -> LogRun:
    """Match a raw run's keys, bring it on one axis, and say what is to be known about it."""
    choice = choose(raw)
    curves, remarks = align(raw, choice.keys)
    chosen = {name: keys for name, keys in choice.keys.items() if curves.series(name) is not None}
    keys: dict[str, SeriesName | Literal["epoch", "step"]] = {
        key: name for name, found in chosen.items() for key in found
    }
    for key, axis in raw.axis_keys.items():
        keys[key] = "epoch" if axis == "epoch" else "step"
    unused = sorted((raw.unused | raw.tracks.keys()) - keys.keys())
    said = incomparable(raw, chosen) + choice.remarks + remarks + raw.remarks + lacking(curves)
    return LogRun(
        source=shown(raw.source, longest=400),
        format=raw.format,
        curves=curves,
        keys={shown(key): name for key, name in keys.items()},
        unused=tuple(shown(key) for key in unused[:MOST_UNUSED]),
        remarks=tuple(replace(remark, words=shown(remark.words, longest=400)) for remark in said),
        comparable=raw.comparable,
    )


def _of_file(path: Path) -> list[RawRun]:
    head = head_of(path)
    if not head:
        raise DataError(shown(path), "is empty", EXPECTED)
    kind = kind_of(head)
    if kind is None:
        raise DataError(shown(path), "is no text (NUL or control bytes) and no TensorBoard event file", EXPECTED)
    if kind == "events":
        found = read_event_files([path])
    elif kind == "metric":
        found = read_metric_files([path])
    else:
        found = _read_text(path, kind)
    if not found:
        raise DataError(shown(path), _nothing(kind), EXPECTED)
    return found


def _nothing(kind: Kind) -> str:
    if kind == "events":
        return "holds no scalars of a loss or an accuracy"
    if kind == "table":
        return "has no column named like a loss or an accuracy with numbers in it"
    return "holds no losses or accuracies over epochs or steps"


def _read_text(path: Path, kind: Kind) -> list[RawRun]:
    if kind == "json":
        return read_json(path, str(path))
    if kind == "database":
        return read_database(path)
    return read_json_lines(path, str(path)) if kind == "lines" else read_table(path, str(path))


def kind_of(head: bytes) -> Kind | None:
    """Return what a file is by its first bytes; ``None`` for what is no text and no event file."""
    if head.startswith(MAGIC):
        return "database"
    if is_event_file(head):
        return "events"
    if not is_text(head):
        return None
    text = head.decode("utf-16" if head.startswith(UTF16) else "utf-8-sig", errors="replace").lstrip()
    if text.startswith("{"):
        first, _, rest = text.partition("\n")
        return "lines" if first.rstrip().endswith("}") and rest.lstrip().startswith("{") else "json"
    if text.startswith("["):
        return "json"
    return "metric" if is_metric_file(text) else "table"


def _of_folder(folder: Path) -> list[RawRun]:
    events: list[Path] = []
    metrics: list[Path] = []
    runs: list[RawRun] = []
    troubles: list[DataError] = []
    for path in _files(folder):
        try:
            head = head_of(path)
            kind = kind_of(head) if head else None
            if kind == "events":
                events.append(path)
            elif kind == "metric":
                metrics.append(path)
            elif kind is not None and (kind != "table" or _may_be_table(path, head)):
                runs += _read_text(path, kind)
        except DataError as error:
            if path.suffix.lower() in {".json", ".csv", ".jsonl"}:
                troubles.append(error)
    runs += read_event_files(events) if events else []
    runs += read_metric_files(metrics) if metrics else []
    if not runs and len(troubles) == 1:
        raise troubles[0]
    for trouble in troubles if runs else ():
        LOGGER.warning("%s", trouble)
    return runs


def _may_be_table(path: Path, head: bytes) -> bool:
    """Whether a text file of a folder can be a table: source code and notes that speak of losses are none."""
    lines = head.splitlines()
    return len(lines) > 1 and path.suffix.lower() not in {
        ".py",
        ".md",
        ".yaml",
        ".yml",
        ".html",
        ".toml",
        ".sh",
        ".ipynb",
    }


def _files(folder: Path) -> Iterator[Path]:
    """Yield the regular files of a folder in order, each once, links left out."""
    seen: set[tuple[int, int]] = set()
    count = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            try:
                found = path.lstat()
            except OSError:
                continue
            if not stat.S_ISREG(found.st_mode) or (found.st_dev, found.st_ino) in seen:
                continue
            seen.add((found.st_dev, found.st_ino))
            count += 1
            if count > MOST_FILES:
                LOGGER.warning("%s: only the first %d files were looked at", shown(folder), MOST_FILES)
                return
            yield path


def _without_prefixes(runs: list[LogRun]) -> list[LogRun]:
    """Leave out the states that a trainer saved on the way: runs that are the beginning of another one."""
    kept = []
    for run in runs:
        longer = (
            other
            for other in runs
            if other is not run and other.format == run.format == "huggingface" and _begins(run, other)
        )
        if not any(longer):
            kept.append(run)
    return kept


def _begins(run: LogRun, other: LogRun) -> bool:
    a, b = run.curves, other.curves
    shorter = len(a) < len(b) or (len(a) == len(b) and run.source < other.source)
    return shorter and a.at == b.at[: len(a)] and str(a.val_loss) == str(b.val_loss and b.val_loss[: len(a)])
