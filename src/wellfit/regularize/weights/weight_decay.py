"""Decoupled weight decay: shrink the weights beside the update."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Around, Numbers, WeightRule


class WeightDecay(WeightRule):
    """Multiplies the weights by a factor just below 1 in each step, apart from the loss and its gradient.

    Formula: w <- w (1 - lr strength), then the optimizer's update.
    Range: ``strength`` >= 0; 0 changes nothing. Where lr strength is above 1, weights change their sign in every step,
    above 2 they grow. Biases and norm parameters are left out; ``on`` names the parameters to act on instead.
    Does nothing for: plain SGD that ``l2`` of the same strength does not do (stage 3); for Adam the two differ.
    Does harm when: the network underfits; or lr times strength times steps is large: weights fade before they learn.
    Source: Loshchilov & Hutter 2019, "Decoupled weight decay regularization", algorithm 2, line 12.
    """

    off: ClassVar[Mapping[str, float]] = {"strength": 0.0}
    when: ClassVar[Literal["before", "after"]] = "before"
    strength: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.01

    @staticmethod
    def apply(w: Tensor, numbers: Numbers, around: Around) -> None:
        """Shrink ``w`` in place."""
        w.mul_(1 - around.lr * numbers["strength"])

    @staticmethod
    def factor(numbers: Numbers, lr: Tensor) -> Tensor:
        """Return ``1 - lr strength``."""
        return 1 - lr * numbers["strength"]
