"""A change of recipe, laid over another."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from wellfit.recipe.loss import sum_by_names
from wellfit.recipe.model import implied_kind
from wellfit.recipe.recipe import Recipe
from wellfit.recipe_errors import validate

Patch = Mapping[str, Any]
"""A change of recipe by fields or names of regularizers: ``{"dropout": {"rate": 0.4}, "optimizer": {"lr": 0.1}}``."""

FACTOR_FIELDS = frozenset(Recipe.model_fields)


def merge(base: Mapping[str, Any], patch: Patch) -> dict[str, Any]:
    """Return ``base`` with ``patch`` laid over it: mappings merge, other values replace, ``None`` removes.

    A mapping that names another ``kind`` replaces the old one whole: the parameters of SGD mean nothing to Adam.

    >>> merge({"model": {"kind": "mlp", "hidden": [8]}}, {"model": {"hidden": [16]}})
    {'model': {'kind': 'mlp', 'hidden': [16]}}
    """
    merged = copy.deepcopy(dict(base))
    for key, value in patch.items():
        old = merged.get(key)
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(old, Mapping) and not _other_kind(old, value):
            merged[key] = merge(old, value)
        else:
            merged[key] = copy.deepcopy(dict(value)) if isinstance(value, Mapping) else copy.deepcopy(value)
    return merged


def _other_kind(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    if "kind" not in old:
        return False
    return "import" in new or new.get("kind", implied_kind(new, old["kind"]) or old["kind"]) != old["kind"]


def apply_patch(recipe: Recipe, patch: Patch, *, where: str) -> Recipe:
    """Return the recipe with a patch applied; keys that are not recipe fields are names of regularizers.

    Raises
    ------
    RecipeError
        The patched recipe breaks a rule; its place is below ``where``.

    """
    fields = {key: value for key, value in patch.items() if key in FACTOR_FIELDS}
    named = {key: value for key, value in patch.items() if key not in FACTOR_FIELDS}
    if isinstance(fields.get("data"), str):
        fields["data"] = {"source": fields["data"]}
    fields |= {key: sum_by_names(fields[key]) for key in ("loss", "measure") if key in fields}
    changed = merge(recipe.to_dict(), fields)
    regularizers = changed.get("regularizers", {})
    if isinstance(regularizers, Mapping):
        changed["regularizers"] = merge(regularizers, named)
    return validate(Recipe, changed, where=where)
