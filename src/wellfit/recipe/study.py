"""StudySpec: arms times seeds over a base recipe."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import field_validator

from wellfit.recipe.base import Frozen, Positive, Seed
from wellfit.recipe.plan import PlanSpec
from wellfit.recipe.recipe import Recipe

MOST_SEEDS = 10_000


class StudySpec(Frozen):
    """Arms times seeds over a base recipe."""

    name: str = "study"
    """A folder's name: letters, digits, ``.``, ``_``, ``-`` and spaces."""
    recipe: Recipe
    seeds: tuple[Seed, ...] = (0,)
    """In a recipe file a number of seeds, counted from 0, or a list of seeds."""
    metric: Literal["val_loss", "val_accuracy", "val_iou"] = "val_loss"
    """What arms are compared by and the best model is chosen by."""
    factors: dict[str, dict[str, Any]] = {}
    arms: dict[str, dict[str, Any]] = {}
    control: str | None = None
    """The arm that the others are compared with; ``None``: ``plain``, or the first arm where there is no plain."""
    plain: bool = True
    """Whether the base recipe itself is an arm, ``plain``."""
    half_width: Positive | None = None
    """Half-width of the 95 % interval that matters, for the number of seeds still needed; in units of the metric.
    ``None``: 0.005 for an accuracy or IoU, 5 % of the control's mean for a loss."""
    racing: bool = False
    """Whether arms leave that are surely not the best (``study/race.py``): fewer epochs, and no effects of factors."""

    plan: PlanSpec = PlanSpec()
    """How the study is computed, where that is not left to measuring."""

    @field_validator("name")
    @classmethod
    def _name_of_a_folder(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._ -]{0,98}[A-Za-z0-9_-])?", value):
            raise ValueError("at most 100 letters, digits, '.', '_', '-' and inner spaces, a letter or digit first")
        return value

    @field_validator("seeds", mode="before")
    @classmethod
    def _count_of_seeds(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            if not 1 <= value <= MOST_SEEDS:
                raise ValueError(f"1 to {MOST_SEEDS} seeds")
            return tuple(range(value))
        if not isinstance(value, list | tuple):
            raise ValueError("a number of seeds or a list of seeds")
        return value

    @field_validator("seeds")
    @classmethod
    def _seeds_differ(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or len(value) > MOST_SEEDS or len(set(value)) != len(value):
            raise ValueError(f"1 to {MOST_SEEDS} seeds, each once")
        return value

    def to_dict(self) -> dict[str, Any]:
        """Return the form of a recipe file: the recipe's fields, and ``study:``."""
        plain = self.model_dump(mode="json", by_alias=True)
        recipe = plain.pop("recipe")
        if self.plan == PlanSpec():  # it came later: what does not name it reads as it did
            del plain["plan"]
        if not self.racing:  # a study without it is written as before there was any
            plain.pop("racing")
        return {"name": plain.pop("name"), **recipe, "study": plain}
