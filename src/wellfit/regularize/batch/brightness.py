"""Brightness: make images lighter or darker at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.batch.color import factors, per_sample
from wellfit.regularize.stages import Augmentation


def adjust_brightness(x: Tensor, factor: Tensor) -> Tensor:
    """Return the images (n, C, H, W) times ``factor`` (n,), within [0, 1]."""
    return (per_sample(factor, x) * x).clamp_(0, 1)


class Brightness(Augmentation):
    """Multiplies each image by a factor around 1 that is drawn anew in each epoch.

    Formula: x' = min(1, f x), f ~ U(max(0, 1 - strength), 1 + strength); 0 is black, 1 is white.
    Range: ``strength`` >= 0, a fraction of the brightness; 0 changes nothing, from 1 on an image may turn black.
    Does nothing for: vectors (an error); black pixels.
    Does harm when: the brightness itself carries the answer, as in measurements, or images are dark or white already.
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
        return x if self.is_off else adjust_brightness(x, factors(u, self.strength))
