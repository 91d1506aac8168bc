"""A member: one run on its way into a population."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property

from wellfit.errors import RecipeError
from wellfit.recipe import Recipe
from wellfit.recipe.optimizer import DecoupledSpec
from wellfit.regularize.catalogue import CATALOGUE, make
from wellfit.regularize.stages import Averaging, Method
from wellfit.train.events import Key
from wellfit.train.optimizers import family


@dataclass(frozen=True)
class Member:
    """One arm with one seed; its recipe names model and loss (``wellfit.study`` fills them in from the data)."""

    arm: str
    seed: int
    recipe: Recipe
    view: int | None = None
    """Which replicate it trains on, where a seed has several (a part of its train samples, other labels); ``None``:
    the one of its seed. Start, order and noise belong to the seed all the same."""

    @property
    def key(self) -> Key:
        """The run's name: (arm, seed)."""
        return self.arm, self.seed

    @property
    def sees(self) -> int:
        """The key of its replicate."""
        return self.seed if self.view is None else self.view

    @cached_property
    def methods(self) -> dict[str, Method]:
        """The recipe's methods by name, in the catalogue's order.

        AdamW is Adam with ``weight_decay``: the decay stands in one place only.
        """
        given = dict(self.recipe.regularizers)
        optimizer = self.recipe.optimizer
        if isinstance(optimizer, DecoupledSpec) and "weight_decay" not in given:
            given["weight_decay"] = {"strength": optimizer.weight_decay}
        made = {name: make(name, parameters) for name, parameters in given.items()}
        averages = [name for name, method in made.items() if isinstance(method, Averaging) and not method.is_off]
        if len(averages) > 1:
            where = f"arm {self.arm}, regularizers"
            raise RecipeError(where, f"{' and '.join(averages)}: one set of weights is handed over", "one of them")
        return {name: made[name] for name in CATALOGUE if name in made}

    @cached_property
    def structure(self) -> str:
        """What members of one population must share: everything about the recipe that is not a number of a member."""
        recipe = self.recipe.to_dict()
        shared = {name: recipe[name] for name in ("data", "model", "loss", "measure", "batch_size")}
        return json.dumps({**shared, "optimizer": family(self.recipe.optimizer)}, sort_keys=True)
