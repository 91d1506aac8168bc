"""Grayscale: take the color out of random images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.batch.color import gray
from wellfit.regularize.stages import Augmentation


class Grayscale(Augmentation):
    """Replaces the three colors of each image by its gray value with a probability, drawn anew in each epoch.

    Formula: with probability p, red' = green' = blue' = 0.2989 red + 0.587 green + 0.114 blue.
    Range: ``probability`` in [0, 1]; 0 changes nothing, 1 takes the color from all images.
    Does nothing for: images whose channels are not red, green and blue: those of one channel; vectors (an error).
    Does harm when: color carries the answer: ripeness, stains, flowers, traffic lights.
    Source: Chen, Kornblith, Norouzi & Hinton 2020, "A simple framework for contrastive learning of visual
    representations", appendix A (color distortion; there p = 0.2).
    """

    off: ClassVar[Mapping[str, float]] = {"probability": 0.0}
    probability: Annotated[float, Field(ge=0, le=1)] = 0.2

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n,) uniform numbers."""
        return torch.rand(n, generator=generator)

    def apply(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the images, gray where ``u < probability``; without color, as they are."""
        if self.is_off or x.shape[1] != 3:
            return x
        return torch.where((u < self.probability).to(x.device)[:, None, None, None], gray(x), x)
