"""Logs in JSON and JSON Lines: Keras History, Hugging Face trainer_state, W&B history, plain ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wellfit.diagnosis.readers.keys import is_curve, meaning
from wellfit.diagnosis.readers.log_run import Format
from wellfit.diagnosis.readers.naming import shown
from wellfit.diagnosis.readers.raw import RawRun
from wellfit.diagnosis.readers.rows import MOST_ROWS, Collector
from wellfit.diagnosis.readers.text_file import Lines, open_text
from wellfit.errors import DataError

LARGEST = 256 << 20
"""Bytes of a JSON file; of JSON Lines there may be more."""
DEEPEST = 5
"""Levels of nesting at which runs and rows are looked for."""
EXPECTED = "a training log: keys such as train_loss and val_loss with a list of numbers each, or a list of rows"


def read_json(path: Path, source: str) -> list[RawRun]:
    """Return the runs of a JSON file.

    Raises
    ------
    DataError
        It is no JSON, nested too deeply, larger than 256 MiB, or cannot be read.

    """
    where = shown(path)
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(where, f"is larger than {LARGEST >> 20} MiB", "JSON Lines or CSV for a log as long as this")
        with open_text(path) as file:
            found = json.load(file)
    except RecursionError:
        raise DataError(where, "is nested too deeply", EXPECTED) from None
    except ValueError as error:
        raise DataError(where, f"is no JSON ({shown(str(error), longest=60)})", EXPECTED) from None
    except OSError as error:
        raise DataError(where, f"cannot be read ({shown(str(error))})", EXPECTED) from None
    return list(_runs(found, source, 0))


def read_json_lines(path: Path, source: str) -> list[RawRun]:
    """Return the runs of a file with a JSON object per line; lines that are none are left out with a remark.

    Raises
    ------
    DataError
        It cannot be read.

    """
    lines = Lines(path)
    collector: Collector | None = None
    bad, last_bad = 0, False
    try:
        for line in lines:
            if not line.strip():
                continue
            last_bad = False
            try:
                row = flat(json.loads(line))
            except (ValueError, RecursionError):
                bad, last_bad = bad + 1, True
                continue
            if collector is None:
                collector = Collector(source, "wandb" if "_step" in row or "_runtime" in row else "jsonl")
            collector.add(row)
            if collector.rows >= MOST_ROWS:
                break
    except OSError as error:
        raise DataError(shown(path), f"cannot be read ({shown(str(error))})", EXPECTED) from None
    cut = last_bad and lines.cut_off
    return [] if collector is None else collector.finish(skipped=bad - cut + lines.skipped, cut_off=cut)


def flat(found: object, *, depth: int = 0) -> dict[str, Any]:
    """Return an object's plain values, those of objects in it as ``outer/inner``.

    Raises
    ------
    ValueError
        It is no object.

    """
    if not isinstance(found, dict):
        raise ValueError("no object")
    if not any(isinstance(value, dict | list) for value in found.values()):
        return found
    row: dict[str, Any] = {}
    for key, value in found.items():
        if isinstance(value, dict) and depth < DEEPEST:
            row.update({f"{key}/{inner}": each for inner, each in flat(value, depth=depth + 1).items()})
        elif value is None or isinstance(value, str | int | float):
            row[key] = value
    return row


def _runs(found: object, source: str, depth: int) -> Iterator[RawRun]:
    """Yield the runs in a JSON value: a table of columns, a list of rows, or either of them deeper inside."""
    if depth > DEEPEST:
        return
    if isinstance(found, list):
        if found and all(isinstance(row, dict) for row in found):
            yield from _of_rows(found, source, "wandb" if "_step" in found[0] else "json")
        return
    if not isinstance(found, dict):
        return
    history = found.get("log_history")
    if isinstance(history, list):
        yield from _of_rows(_trainer_rows(history), source, "huggingface")
        return
    columns = _columns(found)
    if columns:
        for run in _of_columns(columns, source):
            run.comparable = found.get("measured") == "eval"
            yield run
        return
    if isinstance(found.get("columns"), list) and isinstance(found.get("data"), list):
        names = [str(name) for name in found["columns"]]
        rows = [dict(zip(names, row, strict=False)) for row in found["data"] if isinstance(row, list)]
        yield from _of_rows(rows, source, "json")
        return
    if _by_epoch(found):
        yield from _of_rows([{"epoch": int(key), **flat(row)} for key, row in found.items()], source, "json")
        return
    inner = [(key, value) for key, value in found.items() if isinstance(value, dict | list)]
    for key, value in inner:
        wrapper = key.lower() in {"history", "logs", "log", "epochs", "metrics", "results", "curves", "rows", "data"}
        yield from _runs(value, source if wrapper else f"{source}#{shown(key, longest=60)}", depth + 1)


def _trainer_rows(history: list[Any]) -> list[dict[str, Any]]:
    """Leave out the summary that the Hugging Face Trainer logs last: its ``train_loss`` is the mean of all epochs."""
    return [row for row in history if isinstance(row, dict) and "train_runtime" not in row]


def _by_epoch(found: Mapping[str, Any]) -> bool:
    if not found or not all(isinstance(row, dict) for row in found.values()):
        return False
    return all(key.isascii() and key.isdigit() and len(key) < 10 for key in found)


def _columns(found: Mapping[str, Any], prefix: str = "") -> dict[str, list[Any]]:
    """Return the lists of plain values under keys that mean something, also one level down (``train: {loss: []}``)."""
    columns: dict[str, list[Any]] = {}
    for key, value in found.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and _numbered(value):
            value = [each for _, each in sorted(value.items(), key=lambda item: int(item[0]))]
        if isinstance(value, dict) and not prefix and _is_part(key):
            columns.update(_columns(value, f"{key}/"))
        elif isinstance(value, list) and value and not any(isinstance(each, dict | list) for each in value):
            columns[name] = value
    return columns if prefix or any(is_curve(name) for name in columns) else {}


def _is_part(key: str) -> bool:
    what = meaning(f"{key}/loss")
    return what is not None and what.part != "" and not what.extras


def _numbered(found: Mapping[str, Any]) -> bool:
    """Whether it is a column as pandas writes it: row number -> value."""
    if not found or any(isinstance(value, dict | list) for value in found.values()):
        return False
    return all(key.isascii() and key.isdigit() and len(key) < 10 for key in found)


def _of_columns(columns: Mapping[str, list[Any]], source: str) -> Iterator[RawRun]:
    keras = "loss" in columns and not any((what := meaning(name)) and what.part == "train" for name in columns)
    longest = max(len(column) for column in columns.values())
    collector = Collector(source, "keras-history" if keras else "json")
    for index in range(min(longest, MOST_ROWS)):
        collector.add({name: column[index] for name, column in columns.items() if index < len(column)})
    yield from collector.finish()


def _of_rows(rows: list[dict[str, Any]], source: str, log_format: Format) -> Iterator[RawRun]:
    collector = Collector(source, log_format)
    for row in rows[:MOST_ROWS]:
        collector.add(flat(row))
    yield from collector.finish()
