"""Clean JSON Lines: lines that nothing changes are copied byte by byte; in the others only the values that change."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from wellfit.data.clean.changes import Changes, Done, check_names, done_of
from wellfit.data.naming import shown
from wellfit.errors import DataError

BLANKS = " \t\n\r"


class Member(NamedTuple):
    """A key of an object, its value, and the texts of both as they stand in the line."""

    key: str
    value: Any
    key_text: str
    value_text: str


def clean_lines(path: Path, changes: Changes, *, target: str | None, to: Path) -> Done:
    """Write the objects that stay, without the keys that are dropped, with what is imputed and relabeled.

    A value gets the type of the others of its key: text in quotes, a number or a truth value without.

    Raises
    ------
    DataError
        Lines that the file does not have, a value that is imputed where one stands or is of another type than the
        key's others, a line that is no object and is not dropped.

    """
    where, seen, after = shown(path), set[str](), 0
    types = _types(path, {column for _, column in changes.imputed} | ({target} if target else set()))
    with path.open("rb") as source, to.open("wb") as made:
        for name, line in _lines(source):
            seen.add(name)
            if name in changes.dropped:
                continue
            made.write(_changed(line, name, changes, target, types, where))
            after += 1
    check_names(changes, seen, where)
    return done_of(changes, len(seen), after)


def members_of(text: str) -> list[Member]:
    """Return the members of a JSON object of plain values, in their order.

    Raises
    ------
    ValueError
        The text is no such object.

    """
    found: list[Member] = []
    decoder = json.JSONDecoder()
    at = _skipped(text, 0, "{")
    while text[at : at + 1] != "}":
        start = at
        if text[at : at + 1] != '"':
            raise ValueError("no key")
        key, at = decoder.raw_decode(text, at)
        key_text = text[start:at]
        begin = _skipped(text, at, ":")
        value, at = decoder.raw_decode(text, begin)
        if isinstance(value, dict | list):
            raise ValueError("a nested value")
        found.append(Member(key, value, key_text, text[begin:at]))
        at = _blank(text, at)
        if text[at : at + 1] == ",":
            at = _blank(text, at + 1)
        elif text[at : at + 1] != "}":
            raise ValueError("no end")
    if _blank(text, at + 1) != len(text):
        raise ValueError("more than an object")
    return found


def _changed(
    line: bytes, name: str, changes: Changes, target: str | None, types: Mapping[str, set[type]], where: str
) -> bytes:
    """Return a line with its changes; the line itself where there is none."""
    place = f"{where}, {name}"
    try:
        text = line.decode("utf-8-sig")
        members = members_of(text)
    except ValueError:
        raise DataError(place, "is no object of plain values", "a plan that drops the line") from None
    news = {column: changes.imputed[name, column] for column in changes.columns_of(name)}
    for one in members:
        if shown(one.key) in news and not _is_missing(one.value):
            raise DataError(place, f"'{shown(one.key)}' has a value", "an empty one to impute")
    if name in changes.relabeled and target is not None:
        news[shown(target)] = changes.relabeled[name]
    if not news and not any(shown(one.key) in changes.columns for one in members):
        return line
    lacking = [column for column in news if column not in {shown(one.key) for one in members}]
    spaced = ": " in text
    parts = []
    for one in [*members, *(Member(column, None, json.dumps(column), "null") for column in lacking)]:
        key = shown(one.key)
        if key not in changes.columns:
            value = _literal(news[key], types.get(key, set()), place, key) if key in news else one.value_text
            parts.append(f"{one.key_text}:{' ' if spaced else ''}{value}")
    body = (", " if spaced else ",").join(parts)
    end = text[len(text.rstrip(BLANKS)) :]
    return f"{{{body}}}{end}".encode("utf-8", "surrogatepass")


def _literal(value: str, types: set[type], place: str, key: str) -> str:
    """Return a value as JSON of the type that the key's others have."""
    if types and types <= {int, float}:
        try:
            number = json.loads(value)
        except ValueError:
            number = None
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise DataError(place, f"'{shown(value)}' for '{key}'", "a number, as its other values are")
        return value
    if types == {bool}:
        if value.lower() not in ("true", "false"):
            raise DataError(place, f"'{shown(value)}' for '{key}'", "true or false, as its other values are")
        return value.lower()
    return json.dumps(value, ensure_ascii=False)


def _types(path: Path, columns: set[str]) -> dict[str, set[type]]:
    """Return for each of some keys the types of its values that are not missing."""
    found: dict[str, set[type]] = {}
    if columns:
        wanted = {shown(column) for column in columns}
        with path.open("rb") as file:
            for _, line in _lines(file):
                try:
                    members = members_of(line.decode("utf-8-sig"))
                except ValueError:
                    continue
                for one in members:
                    if shown(one.key) in wanted and not _is_missing(one.value):
                        found.setdefault(shown(one.key), set()).add(type(one.value))
    return found


def _lines(file: Any) -> Iterator[tuple[str, bytes]]:
    for number, line in enumerate(file, 1):
        if line.strip():
            yield f"line {number}", line


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip()) or value != value  # NaN


def _blank(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in BLANKS:
        at += 1
    return at


def _skipped(text: str, at: int, sign: str) -> int:
    """Return where the first text after a sign begins."""
    at = _blank(text, at)
    if text[at : at + 1] != sign:
        raise ValueError(f"no {sign}")
    return _blank(text, at + 1)
