"""Where two recipes differ, for saying why a study cannot go on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LONGEST_VALUE = 60
"""Characters of a value that are shown."""

_ABSENT = object()


@dataclass(frozen=True)
class Difference:
    """One value that differs, as text for people."""

    key: str
    """Dotted: ``optimizer.lr``."""
    old: str
    new: str


def first_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference | None:
    """Return the first key, in the order of the new recipe, whose value is another in the old one; else ``None``.

    Both are plain values as JSON holds them. Lists count as one value; the order of keys does not count.
    """
    before, now = _flat(old), _flat(new)
    for key in [*now, *(key for key in before if key not in now)]:
        if before.get(key, _ABSENT) != now.get(key, _ABSENT):
            return Difference(key, _shown(before, key), _shown(now, key))
    return None


def _shown(values: Mapping[str, Any], key: str) -> str:
    text = json.dumps(values[key]) if key in values else "not set"
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values by dotted keys; lists and empty mappings stay whole."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
