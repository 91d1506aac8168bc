"""The change between two recipes, as a patch that a study file can hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wellfit.recipe import Recipe


def patch_between(base: Recipe, other: Recipe) -> dict[str, Any]:
    """Return the patch that makes ``other`` of ``base``; both are whole (``wellfit.study.prepare``).

    >>> patch_between(Recipe(data="digits"), Recipe(data="digits", epochs=60, regularizers={"l2": {"strength": 0.1}}))
    {'epochs': 60, 'l2': {'strength': 0.1}}
    """
    old, new = base.to_dict(), other.to_dict()
    methods = _between(old.pop("regularizers"), new.pop("regularizers"))
    return {**_between(old, new), **methods}


def _between(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {name: None for name in old if name not in new}
    for name, value in new.items():
        before = old.get(name)
        if name in old and before == value:
            continue
        if isinstance(before, Mapping) and isinstance(value, Mapping) and before.get("kind") == value.get("kind"):
            changed[name] = _between(before, value)
        else:
            changed[name] = value
    return changed
