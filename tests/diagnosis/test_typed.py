"""What is typed makes of a recipe file what the patch makes of the recipe."""

from __future__ import annotations

from typing import Any

import pytest

from tests.diagnosis.test_candidates import CASES, EVIDENCE, lines
from wellfit.diagnosis.doses import Case, doses
from wellfit.diagnosis.typed import overrides
from wellfit.recipe import Recipe, apply_patch
from wellfit.recipe_file import parse_study
from wellfit.regularize.catalogue import check


def whole(recipe: Recipe) -> Recipe:
    given = {name: dict(check(name, values)) for name, values in recipe.regularizers.items()}
    return recipe.model_copy(update={"regularizers": given})


def short(recipe: Recipe) -> dict[str, Any]:
    """A recipe as people write it: names where they do."""
    plain = recipe.to_dict()
    for key in ("optimizer", "init", "schedule", "loss", "measure"):
        part = getattr(recipe, key)
        if part is not None and part.kind not in ("pretrained", "sum") and part == type(part)():
            plain[key] = part.kind
    return {key: value for key, value in plain.items() if value is not None}


@pytest.mark.parametrize("name", CASES)
def test_typed_is_patched(name: str) -> None:
    base, facts = CASES[name]
    seen = set()
    for remedy in lines():
        for dose in doses(Case(base, facts, EVIDENCE[1]), remedy):
            if dose.name in seen:
                continue
            seen.add(dose.name)
            typed = overrides(base, dose.patch)
            made = parse_study(short(base), overrides=typed).recipe
            assert whole(made) == whole(apply_patch(base, dose.patch, where="patch")), typed
    assert seen


def test_what_the_data_chose_is_named() -> None:
    base = Recipe.model_validate({"data": "x", "model": {"kind": "rnn"}, "optimizer": {"kind": "adam", "lr": 0.003}})
    assert overrides(base, {"model": {"hidden": [128]}}) == ("model.kind=rnn", "model.hidden=[128]")
    assert overrides(base, {"optimizer": {"lr": 0.01}}) == ("optimizer.kind=adam", "optimizer.lr=0.01")
    assert overrides(base, {"model": {"norm": {"kind": "layer"}}}) == ("model.kind=rnn", "model.norm=layer")
    assert overrides(base, {"schedule": {"kind": "cosine", "warmup": 0.0}}) == ("schedule=cosine",)
