"""Plain SGD inside the matrix product: ``w <- keep w - rate g^T x`` in one call, without a gradient that is kept.

L2 and weight decay are part of ``keep``. A member is updated so or not by what its own recipe says, so that its numbers
do not depend on its neighbours'.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from wellfit.recipe.optimizer import SgdSpec
from wellfit.regularize.stages import (
    Ascent,
    Freezing,
    GradientRule,
    Moment,
    NoisyGradient,
    Penalty,
    WeightMask,
    WeightRule,
)
from wellfit.train.active import acting_on, per_member
from wellfit.train.member import Member
from wellfit.train.network import Affine
from wellfit.train.population import Population

READS_GRADIENTS = (Ascent, Freezing, GradientRule, NoisyGradient, WeightMask)


def is_affine(member: Member) -> bool:
    """Return whether the update of a member is affine in weights and gradient, and nobody else reads the gradient."""
    optimizer = member.recipe.optimizer
    plain = isinstance(optimizer, SgdSpec) and optimizer.momentum == 0
    return plain and all(_merges(type(method)) for method in member.methods.values() if not method.is_off)


def _merges(method: type) -> bool:
    if issubclass(method, Penalty):
        return method.slope is not Penalty.slope
    if issubclass(method, WeightRule):
        return method.when == "after" or method.factor is not WeightRule.factor
    return not issubclass(method, READS_GRADIENTS)


class AffineUpdates:
    """The updates of a population whose members are all affine."""

    def __init__(self, population: Population) -> None:
        self.population = population
        methods = [*population.of_stage(WeightRule), *population.of_stage(Penalty)]
        self._changing = any(one.changes for one in methods)
        self._last: tuple[Tensor, Affine] | None = None

    def at(self, moment: Moment, lr: Tensor) -> Affine:
        """Return the update of a step; ``lr`` (P,) is the step's."""
        if self._last is None or self._last[0] is not lr or self._changing:
            self._last = lr, self._made(moment, lr)
        return self._last[1]

    def _made(self, moment: Moment, lr: Tensor) -> Affine:
        population = self.population
        one = torch.ones(len(population), dtype=torch.float64, device=population.device)
        keep = dict.fromkeys(population.leaves, one)
        for active, name, numbers in acting_on(population.of_stage(WeightRule), population.leaves, moment):
            rule = cast(type[WeightRule], active.method)
            if rule.when == "before":
                factor = rule.factor(numbers, per_member(lr, population.leaves[name]))
                keep[name] = keep[name] * cast(Tensor, factor).flatten()
        for active, name, numbers in acting_on(population.of_stage(Penalty), population.leaves, moment):
            slope = cast(Tensor, cast(type[Penalty], active.method).slope(numbers))
            keep[name] = keep[name] - lr * slope.flatten()
        return Affine({name: value.tolist() for name, value in keep.items()}, lr.tolist(), lr.float())
