"""A prescriber for tests: the same remedies whatever the diagnosis, over as many rounds as there are names left."""

from __future__ import annotations

from collections.abc import Collection

from wellfit.diagnosis import Diagnosis, Remedy
from wellfit.diagnosis.candidates import Candidate
from wellfit.diagnosis.risk import DataFacts
from wellfit.recipe import Patch, Recipe

OFFERED: dict[str, tuple[Patch, str]] = {
    "lr=0.3": ({"optimizer": {"lr": 0.3}}, "optimizer.lr"),
    "epochs=8": ({"epochs": 8}, "epochs"),
    "dropout=0.5": ({"dropout": {"rate": 0.5}}, "regularizers.dropout"),
}
LATER: dict[str, tuple[Patch, str]] = {
    "weight_decay=0.01": ({"weight_decay": {"strength": 0.01}}, "regularizers.weight_decay")
}
"""Over a recipe with another learning rate."""


def candidates(
    diagnosis: Diagnosis, recipe: Recipe, facts: DataFacts, *, tried: Collection[str] = (), improve: bool = False
) -> tuple[Candidate, ...]:
    """Offer what was not tried and is not in the recipe."""
    there = {"lr=0.3": recipe.optimizer.lr == 0.3, "epochs=8": recipe.epochs == 8}
    found = []
    for name, (patch, field) in {**OFFERED, **(LATER if there["lr=0.3"] else {})}.items():
        if name not in tried and not there.get(name, name.partition("=")[0] in recipe.regularizers):
            remedy = Remedy("unconverged", field, "change", "It may help.", "none", "It may harm.")
            found.append(Candidate(name, remedy, patch, frozenset({field})))
    return tuple(found)
