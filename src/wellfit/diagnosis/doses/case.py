"""What a dose is chosen by: the recipe, what is known of the data, and what the curves showed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wellfit.diagnosis.contradiction import Direction
from wellfit.diagnosis.risk import DataFacts, Kind, Task
from wellfit.recipe import CnnSpec, MlpSpec, Patch, Recipe, RnnSpec, UnetSpec
from wellfit.recipe.loss import HuberSpec, MaeSpec, MseSpec
from wellfit.recipe.optimizer import AdagradSpec, MomentumSpec, NesterovSpec, SgdSpec

WIDE_GAP = 0.4
"""Share of what was won on the train set that does not generalize: from here on the stronger dose stands first."""


@dataclass(frozen=True, slots=True)
class Dose:
    """One size of a change."""

    name: str
    """Safe as a folder's name."""
    patch: Patch
    fields: frozenset[str]
    """What it sets."""
    harm: str = ""
    """When it does harm, where that is another thing than for the remedy as a whole."""


@dataclass(frozen=True, slots=True)
class Case:
    """A recipe and what is known of it."""

    recipe: Recipe
    facts: DataFacts
    evidence: Mapping[str, float]
    steps: tuple[Direction, ...] = ("more", "less")
    """Which ways the size of steps may go."""

    @property
    def kind(self) -> Kind | None:
        """The kind of the data, as far as facts, recipe or network tell."""
        known = self.facts.kind or self.recipe.data.kind
        if known is not None:
            return known
        model = self.recipe.model
        return "sequence" if isinstance(model, RnnSpec) else "image" if isinstance(model, UnetSpec) else None

    @property
    def task(self) -> Task | None:
        """The task, as far as facts, recipe, network or loss tell."""
        known = self.facts.task or self.recipe.data.task
        if known is not None:
            return known
        if isinstance(self.recipe.model, UnetSpec):
            return "segmentation"
        if self.recipe.loss is None:
            return None
        return "regression" if isinstance(self.recipe.loss, MseSpec | MaeSpec | HuberSpec) else "classification"

    @property
    def gap_is_wide(self) -> bool:
        """Whether much of what was won does not generalize."""
        return self.evidence.get("gap_share", 0.0) >= WIDE_GAP

    @property
    def widths(self) -> tuple[int, ...]:
        """Units or channels of the hidden layers; empty where that is not known or there are none."""
        model = self.recipe.model
        if isinstance(model, CnnSpec):
            return (*model.channels, *model.hidden)
        if isinstance(model, UnetSpec):
            return model.channels
        return model.hidden if isinstance(model, MlpSpec | RnnSpec) else ()

    @property
    def norm(self) -> str:
        """The normalization in the network: ``none``, ``batch``, ..."""
        return "none" if self.recipe.model is None else self.recipe.model.norm.kind

    @property
    def is_plain_descent(self) -> bool:
        """Whether an L2 penalty acts as it should: one learning rate for all weights, whatever their gradients."""
        return isinstance(self.recipe.optimizer, SgdSpec | MomentumSpec | NesterovSpec)

    @property
    def is_slow_descent(self) -> bool:
        """Whether the optimizer has one learning rate for all weights, or one that only shrinks."""
        return self.is_plain_descent or isinstance(self.recipe.optimizer, AdagradSpec)

    @property
    def steps_in_all(self) -> int | None:
        """Steps of the whole training; ``None`` without the number of train samples."""
        train = self.facts.train
        return None if train is None else self.recipe.epochs * max(train // self.recipe.batch_size, 1)


def rounded(value: float) -> float:
    """Return a value with two digits, as people write it."""
    return float(f"{value:.2g}")


def written(value: float) -> str:
    """Return a value as it stands in a name: ``0.3``, ``1e-05``, ``64``."""
    return f"{value:g}"
