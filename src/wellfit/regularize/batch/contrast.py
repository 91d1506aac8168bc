"""Contrast: pull the pixels of an image towards their mean gray or away from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.batch.color import blend, factors, gray
from wellfit.regularize.stages import Augmentation


def adjust_contrast(x: Tensor, factor: Tensor) -> Tensor:
    """Return the images (n, C, H, W) spread about the mean of their gray values by ``factor`` (n,), within [0, 1]."""
    return blend(x, gray(x).mean((1, 2, 3), keepdim=True), factor)


class Contrast(Augmentation):
    """Spreads each image's pixels about its mean gray value by a factor around 1, drawn anew in each epoch.

    Formula: x' = m + f (x - m) within [0, 1], m = the mean of the image's gray values,
    f ~ U(max(0, 1 - strength), 1 + strength); gray = 0.2989 red + 0.587 green + 0.114 blue, or the mean of the channels
    where they are not three.
    Range: ``strength`` >= 0, a fraction of the contrast; 0 changes nothing, from 1 on an image may turn plain gray.
    Does nothing for: vectors (an error); images of one gray value.
    Does harm when: the contrast itself carries the answer, as in measurements and scans of one scale.
    Source: Howard 2013, "Some improvements on deep convolutional neural network based image classification",
    section 2.2.
    """

    off: ClassVar[Mapping[str, float]] = {"strength": 0.0}
    strength: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.2

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n,) uniform numbers."""
        return torch.rand(n, generator=generator)

    def apply(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the images by the factors that ``u`` stands for."""
        return x if self.is_off else adjust_contrast(x, factors(u, self.strength))
