"""Unit norm: give the weights that come into a unit the length 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Around, Numbers, WeightRule
from wellfit.regularize.weights.max_norm import unit_norms


class UnitNorm(WeightRule):
    """Moves the length of each unit's incoming weight vector to 1 after each update, keeping its direction.

    Formula: w_i <- (1 - strength) w_i + strength w_i / ||w_i||, so ||w_i|| <- 1 + (1 - strength) (||w_i|| - 1);
    w_i = row i of a linear layer (out, in), kernel i of a convolution (out, in, k, k). A unit of norm 0 stays as it is.
    Range: ``strength`` in [0, 1], the part of the way to length 1 that is gone in each step: 1 is the constraint itself
    (Keras's ``UnitNorm``), 0 changes nothing, between them lengths are drawn to 1 against the gradient. Biases and norm
    parameters are left out; ``on`` names the parameters to act on instead.
    Does little for: a last layer whose logits have to grow; a layer that a normalization follows, which takes the
    length away anyway.
    Does harm when: units need lengths of their own: the last layer, whose logits have to grow, and units that should
    fall silent.
    Source: Oja 1982, "A simplified neuron model as a principal component analyzer" (weights divided by their length
    after each update).
    """

    off: ClassVar[Mapping[str, float]] = {"strength": 0.0}
    when: ClassVar[Literal["before", "after"]] = "after"
    strength: Annotated[float, Field(ge=0, le=1)] = 1.0

    @staticmethod
    def apply(w: Tensor, numbers: Numbers, around: Around) -> None:
        """Scale the units' weight vectors in place; ``w`` is (P, units, ...)."""
        norm, strength = unit_norms(w), numbers["strength"]
        w.mul_(torch.where(norm > 0, 1 - strength + strength / norm, 1.0))
