"""Non-negativity: let no weight stay below zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Around, Numbers, WeightRule


class NonNegative(WeightRule):
    """Shrinks negative weights after each update, at full strength to zero.

    Formula: w <- (1 - strength) w where w < 0, else w.
    Range: ``strength`` in [0, 1], the part of a negative weight that is taken away in each step: 1 is the constraint
    itself, w <- max(w, 0) (Keras's ``NonNeg``), 0 changes nothing, between them negative weights decay and positive
    ones do not. Biases and norm parameters are left out; ``on`` names the parameters to act on instead.
    Does little for: a network that needs inhibition: where all weights are non-negative and the activation rises, every
    answer rises with every input.
    Does harm when: the answer falls with some input: no weight can say so.
    Source: Lee & Seung 1999, "Learning the parts of objects by non-negative matrix factorization"; Chorowski & Zurada
    2015, "Learning understandable neural networks with nonnegative weight constraints".
    """

    off: ClassVar[Mapping[str, float]] = {"strength": 0.0}
    when: ClassVar[Literal["before", "after"]] = "after"
    strength: Annotated[float, Field(ge=0, le=1)] = 1.0

    @staticmethod
    def apply(w: Tensor, numbers: Numbers, around: Around) -> None:
        """Shrink the negative weights in place."""
        # adding 0 makes a plain 0 of the -0 that a negative number times 0 is
        w.copy_(torch.where(w < 0, w * (1 - numbers["strength"]) + 0.0, w))
