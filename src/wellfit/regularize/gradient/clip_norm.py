"""Clipping by norm: shorten a gradient that is too long."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import GradientRule
from wellfit.regularize.sums import member_sums


def gradient_norm(gradients: Sequence[Tensor]) -> Tensor:
    """Return the L2 norm of each member's whole gradient (P,), over all leaves (P, ...)."""
    # leaf by leaf: how a sum over stacked leaves rounds depends on the number of members (four to seven differ)
    total = member_sums(gradients[0].square())
    for g in gradients[1:]:
        total = total + member_sums(g.square())
    return total.sqrt()


class ClipNorm(GradientRule):
    """Shortens the gradient of a step to a given length, keeping its direction.

    Formula: g' = g min(1, limit / (||g|| + 1e-6)), the norm taken over all parameters of the member together.
    Range: ``limit`` > 0, in units of the gradient; infinity (``.inf``) changes nothing.
    Does nothing for: generalization as such; it keeps training from diverging.
    Does harm when: the limit lies below the usual norm of the gradient: every step is cut, and training slows down.
    Source: Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks", algorithm 1.
    """

    off: ClassVar[Mapping[str, float]] = {"limit": math.inf}
    limit: Annotated[float, Field(gt=0)] = 1.0

    @staticmethod
    def transform(gradients: Sequence[Tensor], numbers: Mapping[str, Tensor]) -> None:
        """Scale every leaf by the member's factor."""
        limit = numbers["limit"]
        factor = (limit / (gradient_norm(gradients) + 1e-6)).clamp(max=1.0)
        factor = torch.where(limit.isinf(), 1.0, factor)  # also where the norm overflows
        for g in gradients:
            g.mul_(factor.view(-1, *[1] * (g.ndim - 1)))
