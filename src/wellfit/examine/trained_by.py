"""What the card of a model says about its training: the penalties, and how large its weights were at the start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wellfit.errors import InputError
from wellfit.models import build
from wellfit.models.init import initialize
from wellfit.recipe import ImportSpec, Recipe
from wellfit.recipe.init import PretrainedSpec
from wellfit.recipe_errors import validate
from wellfit.regularize.method import Method
from wellfit.train.member import Member


def penalties(card: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return ``kind`` (l1, l2, both or neither) and the strengths that the recipe has; ``None``: it cannot be read.

    Decoupled weight decay, also AdamW's own, counts as L2; an elastic net as what its ratio says.
    """
    recipe = _recipe(card)
    if recipe is None:
        return None
    methods = {name: one for name, one in Member("", 0, recipe).methods.items() if not one.is_off}
    first: dict[str, float] = {name: _number(methods[name]) for name in ("l1", "l1_late") if name in methods}
    second: dict[str, float] = {name: _number(methods[name]) for name in ("l2", "weight_decay") if name in methods}
    if "elastic_net" in methods:
        whole, ratio = _number(methods["elastic_net"]), _number(methods["elastic_net"], "l1_ratio")
        first |= {"elastic_net": whole * ratio} if ratio > 0 else {}
        second |= {"elastic_net": whole * (1 - ratio)} if ratio < 1 else {}
    kind = ("both" if second else "l1") if first else ("l2" if second else "neither")
    return {"kind": kind, "l1": first, "l2": second}


def start_sizes(card: Mapping[str, Any]) -> dict[str, float]:
    """Return the root mean square of each weight at the initialization, by name.

    Empty where it cannot be known without a file or code of somebody else: pretrained and imported networks.
    """
    recipe = _recipe(card)
    if recipe is None or recipe.model is None or isinstance(recipe.model, ImportSpec):
        return {}
    if isinstance(recipe.init, PretrainedSpec):
        return {}
    try:
        data = card["data"]
        shape, outputs, pixels = tuple(data["shape"]), int(data["outputs"]), data["task"] == "segmentation"
        module = build(recipe.model, shape=shape, outputs=outputs, seed=int(card["seed"]), pixels=pixels)
        initialize(module, recipe.init, int(card["seed"]))
    except (KeyError, TypeError, ValueError, InputError):
        return {}
    sizes = {name: float(p.detach().double().square().mean().sqrt()) for name, p in module.named_parameters()}
    return {name: size for name, size in sizes.items() if size > 0}


def _recipe(card: Mapping[str, Any]) -> Recipe | None:
    try:
        return validate(Recipe, card["recipe"])
    except (InputError, KeyError):
        return None


def _number(method: Method, name: str = "strength") -> float:
    return float(getattr(method, name))
