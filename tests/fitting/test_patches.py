"""The patch between two recipes, laid over the first, gives the second."""

from __future__ import annotations

import pytest

from wellfit.fitting.patches import patch_between
from wellfit.recipe import Patch, Recipe, apply_patch

BASE = Recipe.model_validate(
    {
        "data": {"source": "digits", "split": {"validation": 0.2}},
        "model": {"kind": "mlp", "hidden": [8]},
        "regularizers": {"dropout": {"rate": 0.2}, "l2": {"strength": 0.1}},
    }
)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"epochs": 60},
        {"optimizer": {"lr": 0.3}},
        {"optimizer": {"kind": "adam", "lr": 0.003}},
        {"model": {"hidden": [16, 16]}},
        {"model": {"kind": "cnn"}},
        {"dropout": {"rate": 0.5}, "mixup": {"alpha": 0.2}},
        {"dropout": None},
        {"l2": None, "max_norm": {"limit": 3}, "schedule": "cosine"},
        {"data": {"split": {"seed": 3}}, "loss": {"kind": "focal"}},
        {"data": {"clean": {"plan": "plan.yaml", "do": "clean"}}},
    ],
)
def test_there_and_back(change: Patch) -> None:
    other = apply_patch(BASE, change, where="test")
    assert apply_patch(BASE, patch_between(BASE, other), where="test") == other
    assert apply_patch(other, patch_between(other, BASE), where="test") == BASE
    assert (patch_between(BASE, other) == {}) == (other == BASE)
