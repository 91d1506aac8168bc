"""Saturation: make the colors of an image paler or stronger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.batch.color import blend, factors, gray
from wellfit.regularize.stages import Augmentation


def adjust_saturation(x: Tensor, factor: Tensor) -> Tensor:
    """Return the color images (n, 3, H, W) spread about their gray values by ``factor`` (n,), within [0, 1]."""
    return blend(x, gray(x), factor)


class Saturation(Augmentation):
    """Spreads each pixel's colors about its gray value by a factor around 1, drawn anew in each epoch.

    Formula: x' = g + f (x - g) within [0, 1], g = 0.2989 red + 0.587 green + 0.114 blue,
    f ~ U(max(0, 1 - strength), 1 + strength).
    Range: ``strength`` >= 0, a fraction of the saturation; 0 changes nothing, from 1 on an image may turn gray.
    Does nothing for: images whose channels are not red, green and blue: those of one channel; vectors (an error).
    Does harm when: how strong a color is carries the answer.
    Source: Howard 2013, "Some improvements on deep convolutional neural network based image classification",
    section 2.2 (there called color).
    """

    off: ClassVar[Mapping[str, float]] = {"strength": 0.0}
    strength: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.2

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n,) uniform numbers."""
        return torch.rand(n, generator=generator)

    def apply(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the images by the factors that ``u`` stands for; without color, as they are."""
        if self.is_off or x.shape[1] != 3:
            return x
        return adjust_saturation(x, factors(u, self.strength))
