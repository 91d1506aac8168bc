"""Max-norm: keep the weights that come into a unit within a ball."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import WeightRule


class MaxNorm(WeightRule):
    """Projects the incoming weight vector of each unit onto the ball of radius ``limit`` after each update.

    Formula: w_i <- w_i min(1, limit / ||w_i||), w_i = row i of a linear layer (out, in), kernel i of a convolution
    (out, in, k, k).
    Range: ``limit`` > 0; infinity (``.inf``) changes nothing. Usual: 2 to 4 together with dropout. Biases are left out.
    Does nothing for: units whose weights are within the ball already.
    Source: Srebro & Shraibman 2005; Srivastava et al. 2014, "Dropout", section 5.1 (c = 2 in Table 9).
    """

    off: ClassVar[Mapping[str, float]] = {"limit": math.inf}
    when: ClassVar[Literal["before", "after"]] = "after"
    limit: Annotated[float, Field(gt=0)] = 3.0

    @staticmethod
    def apply(w: Tensor, lr: Tensor, numbers: Mapping[str, Tensor]) -> None:
        """Shorten the units' weight vectors in place; ``w`` is (P, out, ...)."""
        axes = tuple(range(2, w.ndim))
        norm = w.square().sum(dim=axes, keepdim=True).sqrt_()
        # a unit of norm 0 gives limit / 0 = inf, clamped to 1: it stays as it is
        w.mul_((numbers["limit"] / norm).clamp_(max=1.0))
