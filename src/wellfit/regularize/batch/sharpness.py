"""Sharpness: make images softer or crisper at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.batch.color import blend, factors
from wellfit.regularize.stages import Augmentation


def smooth(x: Tensor) -> Tensor:
    """Return the images (n, C, H, W), each inner pixel with weight 5 among its 8 neighbors with weight 1."""
    columns = x[..., :-2] + x[..., 1:-1] + x[..., 2:]
    smoothed = x.clone()
    inner = smoothed[..., 1:-1, 1:-1]
    inner.mul_(4).add_(columns[..., :-2, :]).add_(columns[..., 1:-1, :]).add_(columns[..., 2:, :]).div_(13)
    return smoothed


def adjust_sharpness(x: Tensor, factor: Tensor) -> Tensor:
    """Return the images spread about their smoothed version by ``factor`` (n,), within [0, 1]: 0 smooth, 2 sharp."""
    return blend(x, smooth(x), factor)


class Sharpness(Augmentation):
    """Spreads each image about a smoothed version of itself by a factor around 1, drawn anew in each epoch.

    Formula: x' = s + f (x - s) within [0, 1], f ~ U(max(0, 1 - strength), 1 + strength); s is x filtered by
    [1 1 1; 1 5 1; 1 1 1] / 13, the pixels at the border as they are.
    Range: ``strength`` >= 0; 0 changes nothing, from 1 on an image may become as smooth as s.
    Does nothing for: images less than 3 pixels high or wide; flat areas; vectors (an error).
    Does harm when: focus or texture carries the answer.
    Source: Cubuk, Zoph, Mane, Vasudevan & Le 2019, "AutoAugment" (one of its operations, from PIL).
    """

    off: ClassVar[Mapping[str, float]] = {"strength": 0.0}
    strength: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.5

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n,) uniform numbers."""
        return torch.rand(n, generator=generator)

    def apply(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the images by the factors that ``u`` stands for."""
        if self.is_off or min(x.shape[2:]) < 3:
            return x
        return adjust_sharpness(x, factors(u, self.strength))
