"""Max-norm: keep the weights that come into a unit within a ball."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Around, Numbers, WeightRule


def unit_norms(w: Tensor) -> Tensor:
    """Return the L2 norm of each unit's incoming weights (P, units, 1, ...) for a leaf ``w`` (P, units, ...)."""
    if w.ndim < 3:  # one weight a unit; a sum over no axes would be a sum over all
        return w.abs()
    return w.square().sum(dim=tuple(range(2, w.ndim)), keepdim=True).sqrt_()


class MaxNorm(WeightRule):
    """Projects the incoming weight vector of each unit onto the ball of radius ``limit`` after each update.

    Formula: w_i <- w_i min(1, limit / ||w_i||), w_i = row i of a linear layer (out, in), kernel i of a convolution
    (out, in, k, k), for each gate of a recurrent layer its rows.
    Range: ``limit`` > 0; infinity (``.inf``) changes nothing. Usual: 2 to 4 together with dropout. Biases and norm
    parameters are left out; ``on`` names the parameters to act on instead.
    Does nothing for: units whose weights are within the ball already.
    Does harm when: the limit lies below what units need, as in a network that underfits or whose logits have to grow.
    Source: Srebro & Shraibman 2005, "Rank, trace-norm and max-norm"; Srivastava et al. 2014, "Dropout", section 5.1
    (c = 2 in Table 9). Keras's ``MaxNorm`` also adds 1e-7 to the norm.
    """

    off: ClassVar[Mapping[str, float]] = {"limit": math.inf}
    when: ClassVar[Literal["before", "after"]] = "after"
    limit: Annotated[float, Field(gt=0)] = 3.0

    @staticmethod
    def apply(w: Tensor, numbers: Numbers, around: Around) -> None:
        """Shorten the units' weight vectors in place; ``w`` is (P, units, ...)."""
        norm, limit = unit_norms(w), numbers["limit"]
        w.mul_(torch.where(norm > limit, limit / norm, 1.0))
