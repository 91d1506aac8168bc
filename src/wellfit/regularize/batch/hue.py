"""Hue: turn the colors of an image around the color circle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.batch.color import per_sample
from wellfit.regularize.stages import Augmentation


def adjust_hue(x: Tensor, turn: Tensor) -> Tensor:
    """Return the color images (n, 3, H, W) with their hues ``turn`` (n,) of the circle further.

    Value and saturation (HSV) stay: with hue h in sixths of the circle, value v and chroma c = max - min, a channel is
    v - c clamp(min(k, 4 - k), 0, 1), k = (h + start) mod 6, start = 5, 3, 1 for red, green, blue.
    """
    red, green, blue = x.unbind(1)
    value, chroma = x.amax(1), x.amax(1) - x.amin(1)
    divisor = torch.where(chroma > 0, chroma, 1)  # gray has no hue, and needs none
    by_red, by_green, by_blue = (green - blue) / divisor, 2 + (blue - red) / divisor, 4 + (red - green) / divisor
    hue = torch.where(value == red, by_red, torch.where(value == green, by_green, by_blue))
    start = x.new_tensor([5, 3, 1]).view(1, 3, 1, 1)
    k = (hue[:, None] + 6 * per_sample(turn, x) + start).remainder(6)
    return value[:, None] - chroma[:, None] * torch.minimum(k, 4 - k).clamp_(0, 1)


class Hue(Augmentation):
    """Turns all colors of each image around the color circle by an angle drawn anew in each epoch.

    Formula: in hue, saturation and value (HSV), hue' = (hue + t) mod 1, t ~ U(-turn, turn).
    Range: ``turn`` in [0, 0.5], a fraction of the circle (0.5: any color may become any other); 0 changes nothing.
    Does nothing for: gray pixels; images whose channels are not red, green and blue: those of one channel; vectors (an
    error).
    Does harm when: things are known by their color: ripeness, stains, flowers, traffic lights.
    Source: Chen, Kornblith, Norouzi & Hinton 2020, "A simple framework for contrastive learning of visual
    representations", appendix A (color distortion).
    """

    off: ClassVar[Mapping[str, float]] = {"turn": 0.0}
    turn: Annotated[float, Field(ge=0, le=0.5)] = 0.05

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n,) uniform numbers."""
        return torch.rand(n, generator=generator)

    def apply(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the images turned by ``(2u - 1) turn``; without color, as they are."""
        if self.is_off or x.shape[1] != 3:
            return x
        return adjust_hue(x, (2 * u - 1) * self.turn)
