"""What an arm changes in the base recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ABSENT = object()
"""Stands for a key that a recipe does not have (``None`` is a value)."""


@dataclass(frozen=True, slots=True)
class Change:
    """One dotted key whose value differs; ``ABSENT`` on the side that lacks it."""

    key: str
    before: Any
    after: Any


def flatten(values: Mapping[str, Any], *, prefix: str = "") -> dict[str, Any]:
    """Return dotted key -> value; an empty mapping is a value, so that ``{"batchnorm": {}}`` does not vanish."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, prefix=f"{path}."))
        else:
            flat[path] = {} if isinstance(value, Mapping) else value
    return flat


def changes(base: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return the keys in which ``other`` differs from ``base``, in the order of ``base``, then of ``other``.

    >>> [change.key for change in changes({"lr": 1, "l2": {}}, {"lr": 2, "l2": {}})]
    ['lr']
    """
    before, after = flatten(base), flatten(other)
    hollow = {key for key, value in before.items() if value == {} and any(k.startswith(f"{key}.") for k in after)}
    hollow |= {key for key, value in after.items() if value == {} and any(k.startswith(f"{key}.") for k in before)}
    return tuple(
        Change(key, before.get(key, ABSENT), after.get(key, ABSENT))
        for key in dict.fromkeys([*before, *after])
        if key not in hollow and before.get(key, ABSENT) != after.get(key, ABSENT)
    )
