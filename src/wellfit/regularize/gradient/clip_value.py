"""Clipping by value: cut off each component of the gradient that is too large."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import GradientRule, Numbers


class ClipValue(GradientRule):
    """Limits each component of the gradient by itself, which changes the gradient's direction (``clip_norm`` does not).

    Formula: g_i' = min(max(g_i, -limit), limit).
    Range: ``limit`` > 0, in units of the gradient; infinity (``.inf``) changes nothing.
    Does nothing for: generalization as such; it keeps single steep directions from throwing the training off. Does
    little for: Adam and its kin, which divide each component by its own scale.
    Does harm when: the limit lies below the usual components: the step then points along a corner of the cube instead
    of downhill.
    Source: Mikolov 2012, "Statistical language models based on neural networks" (thesis); Goodfellow, Bengio &
    Courville 2016, "Deep learning", section 10.11.1.
    """

    off: ClassVar[Mapping[str, float]] = {"limit": math.inf}
    limit: Annotated[float, Field(gt=0)] = 0.1

    @staticmethod
    def transform(gradients: Sequence[Tensor], numbers: Numbers) -> None:
        """Clamp every leaf in place."""
        for g in gradients:
            limit = numbers["limit"].to(g.dtype).view(-1, *[1] * (g.ndim - 1))
            g.clamp_(-limit, limit)
