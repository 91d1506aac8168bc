"""A change of recipe as what people type: ``--set optimizer.lr=0.03``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from wellfit.cards.usage import flow
from wellfit.recipe import FACTOR_FIELDS, AdamSpec, CnnSpec, Patch, Recipe, RnnSpec, UnetSpec, apply_patch

BY_KIND = frozenset({"loss", "measure", "schedule", "init"})
"""Parts of a recipe that are written whole: a file may have them as a name."""


def overrides(recipe: Recipe, patch: Patch) -> tuple[str, ...]:
    """Return the values of ``--set`` that make of a recipe what the patch makes of it, for a file that says no more
    than it has to: what was chosen for the data (network, Adam) is named, as a part of it is changed.

    >>> overrides(Recipe(data="digits"), {"optimizer": {"lr": 0.03}, "dropout": {"rate": 0.2}})
    ('optimizer.lr=0.03', 'regularizers.dropout.rate=0.2')

    Raises
    ------
    RecipeError
        The patch is not valid for the recipe.

    """
    return tuple(_written(recipe, apply_patch(recipe, patch, where="patch"), patch))


def _written(recipe: Recipe, patched: Recipe, patch: Patch) -> Iterator[str]:
    named = {key: value for key, value in patch.items() if key not in FACTOR_FIELDS}
    for key, value in patch.items():
        if key in named:
            continue
        part = getattr(patched, key)
        if key in BY_KIND or (key == "optimizer" and "kind" in value):
            yield f"{key}={flow(short(part))}"
        elif isinstance(value, Mapping):
            yield from _chosen(recipe, key)
            yield from _leaves(key, value)
        else:
            yield f"{key}={flow(value)}"
    if any(value is None for value in named.values()):
        yield f"regularizers={flow(patched.regularizers)}"  # a key without a value means its defaults
    else:
        yield from _leaves("regularizers", named)


def short(part: BaseModel) -> Any:
    """Return a part of a recipe that has a kind, without its defaults: its name alone where nothing else is left."""
    given = {"kind": getattr(part, "kind", ""), **part.model_dump(mode="json", exclude_defaults=True)}
    return given["kind"] if len(given) == 1 else given


def _chosen(recipe: Recipe, key: str) -> Iterator[str]:
    """Yield the kind of what a recipe file may have left to the data."""
    model = recipe.model
    if key == "model" and isinstance(model, CnnSpec | RnnSpec | UnetSpec) and model == type(model)():
        yield f"model.kind={model.kind}"
    if key == "optimizer" and isinstance(recipe.optimizer, AdamSpec):
        yield "optimizer.kind=adam"


def _leaves(path: str, value: Mapping[str, Any]) -> Iterator[str]:
    """Yield the values of a nested mapping by their paths; a norm, and a plan, as a whole."""
    for key, inner in value.items():
        if isinstance(inner, Mapping) and inner and key not in ("norm", "clean"):
            yield from _leaves(f"{path}.{key}", inner)
        else:
            whole = inner["kind"] if isinstance(inner, Mapping) and list(inner) == ["kind"] else inner
            yield f"{path}.{key}={flow(whole)}"
