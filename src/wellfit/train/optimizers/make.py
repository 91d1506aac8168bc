"""The table of update rules: kind of a recipe's optimizer -> the rule that members of that family share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from wellfit.recipe.optimizer import OptimizerSpec
from wellfit.train.optimizers.adadelta import Adadelta
from wellfit.train.optimizers.adagrad import Adagrad
from wellfit.train.optimizers.adam import Adam
from wellfit.train.optimizers.adamax import Adamax
from wellfit.train.optimizers.base import Optimizer
from wellfit.train.optimizers.lion import Lion
from wellfit.train.optimizers.nadam import NAdam
from wellfit.train.optimizers.rmsprop import RmsProp
from wellfit.train.optimizers.sgd import Sgd

RULES: Mapping[str, tuple[str, type[Optimizer]]] = {
    # kind       family      rule
    "sgd": ("sgd", Sgd),
    "momentum": ("sgd", Sgd),
    "nesterov": ("sgd", Sgd),
    "adagrad": ("adagrad", Adagrad),
    "adadelta": ("adadelta", Adadelta),
    "rmsprop": ("rmsprop", RmsProp),
    "adam": ("adam", Adam),
    "adamw": ("adam", Adam),
    "amsgrad": ("adam", Adam),
    "adamax": ("adamax", Adamax),
    "nadam": ("nadam", NAdam),
    "lion": ("lion", Lion),
}


def family(spec: OptimizerSpec) -> str:
    """Return the name of the rule; members of one population share it."""
    return RULES[spec.kind][0]


def make_optimizer(specs: Sequence[OptimizerSpec]) -> tuple[Optimizer, dict[str, Tensor]]:
    """Return the rule that all members, of one family, share, and their numbers (P,), float64."""
    rule = RULES[specs[0].kind][1]
    numbers = {
        name: torch.tensor([_number(spec, name) for spec in specs], dtype=torch.float64) for name in rule.numbers
    }
    return rule(numbers), numbers


def _number(spec: OptimizerSpec, name: str) -> float:
    """Return a field of the spec; where it has none, whether its kind has that name (``nesterov``, ``amsgrad``)."""
    return float(getattr(spec, name, spec.kind == name))
