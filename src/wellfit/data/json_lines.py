"""JSON Lines to a pandas frame: an object per line; what is malformed is named by its line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from wellfit.data.naming import shown
from wellfit.errors import DataError

OBJECT = "one JSON object per line, with numbers, text, true, false or null"


def keys_of_lines(path: Path) -> list[str]:
    """Return the keys of all objects, in the order in which they first appear.

    Raises
    ------
    DataError
        No such file, no text in UTF-8.

    """
    names: dict[str, None] = {}
    for _, found in _objects(path):
        if isinstance(found, dict):
            names.update(dict.fromkeys(found))
    if not names:
        raise DataError(shown(path), "holds no objects", OBJECT)
    return list(names)


def read_json_lines(
    path: Path, columns: list[str], *, text_column: str | None = None, skip_bad: bool = False
) -> tuple[pd.DataFrame, list[int], list[str]]:
    """Return the rows, the line of each, and messages for lines that were left out (``skip_bad``).

    A key that an object lacks is a missing value, as ``null`` is. ``text_column`` (a target) comes as text if it holds
    any: numbers among it are then text too.

    Raises
    ------
    DataError
        A line that is no object of plain values.

    """
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    dropped: list[str] = []
    for line, found in _objects(path):
        what = found if isinstance(found, str) else _nested(found)
        if what is None and isinstance(found, dict):
            rows.append(found)
            lines.append(line)
            continue
        place = f"{shown(path)}, line {line}"
        if not skip_bad:
            raise DataError(place, str(what), OBJECT)
        dropped.append(f"{place}: {what}")
    frame = pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in columns})
    inferred = frame.infer_objects()
    if text_column is not None and any(isinstance(value, str) for value in frame[text_column]):
        inferred[text_column] = frame[text_column].map(_as_text).astype(object)
    return inferred, lines, dropped


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Yield each line's number and its object, or what is wrong with it; blank lines are none."""
    where = shown(path)
    try:
        with path.open(encoding="utf-8-sig") as file:
            for line, text in enumerate(file, 1):
                if not text.strip():
                    continue
                try:
                    found = json.loads(text)
                except (ValueError, RecursionError):
                    yield line, f"is no JSON ('{shown(text.strip(), longest=40)}')"
                    continue
                if "\\ud" in text.lower() and _is_no_text(found):
                    yield line, "holds half of a character (a lone surrogate)"
                    continue
                yield line, found if isinstance(found, dict) else f"holds a {type(found).__name__}, no object"
    except FileNotFoundError:
        raise DataError(where, "no such file", "a table") from None
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise DataError(where, f"is not UTF-8 (byte 0x{byte:02x})", "a text file in UTF-8") from None
    except OSError as error:
        raise DataError(where, f"cannot be read ({shown(str(error))})", OBJECT) from None


def _nested(found: dict[str, Any]) -> str | None:
    for name, value in found.items():
        if isinstance(value, dict | list):
            return f"holds a {'list' if isinstance(value, list) else 'nested object'} in '{shown(name)}'"
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**63 - 1:
            return f"holds a number beyond 64 bits in '{shown(name)}'"
    return None


def _is_no_text(found: object) -> bool:
    """Whether some key or text cannot be written in UTF-8."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return True
    return False


def _as_text(value: object) -> object:
    return value if value is None else json.dumps(value) if isinstance(value, bool) else str(value)
