"""Cutout: black out one square of each image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.batch.box import inside
from wellfit.regularize.stages import Augmentation


class Cutout(Augmentation):
    """Blacks out one square of each image, at a place drawn anew in each epoch.

    Formula: x' = 0 within a square of round(side min(H, W)) pixels whose center is uniform over the image's pixels; it
    may stick out over the border, so that less is lost.
    Range: ``side`` in [0, 1], a fraction of the shorter side of the image; 0 changes nothing.
    Does nothing for: vectors (an error); images that are black where their objects are not, at the border.
    Does harm when: the square covers all that the class is known by: small objects, a single decisive detail.
    Source: DeVries & Taylor 2017, "Improved regularization of convolutional neural networks with cutout", section 3
    (16 of 32 pixels for CIFAR-10; there the square is 0 after scaling, the mean of the data, here it is black).
    """

    off: ClassVar[Mapping[str, float]] = {"side": 0.0}
    side: Annotated[float, Field(ge=0, le=1)] = 0.4

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n, 2) uniform numbers: the center, row and column."""
        return torch.rand(n, 2, generator=generator)

    def apply(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the images with their squares blacked out."""
        if self.is_off:
            return x
        length = round(self.side * min(x.shape[2:]))
        first = (u.to(x.device) * torch.tensor(x.shape[2:], device=x.device)).floor() - length // 2
        return x.masked_fill(inside(x, first, first + length), 0)
