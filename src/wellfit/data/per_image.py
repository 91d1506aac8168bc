"""Per-image normalization: each image by its own mean and standard deviation; nothing is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

PER_IMAGE = "per_image"


@dataclass(frozen=True)
class PerImage:
    """``(x - mean) / std`` over all pixels and channels of an image: brightness and contrast are taken away.

    There is no way back, since an image's own mean and deviation are not kept.
    """

    def apply(self, x: Tensor, *, out: Tensor | None = None) -> Tensor:
        """Return float32 ``(..., C, H, W)`` images with mean 0 and standard deviation 1, or all 0 if of one value; in
        ``out`` if there is one.

        uint8 is brought to 0..1 first.
        """
        values = x.to(torch.float32).div(255) if x.dtype == torch.uint8 else x
        axes = (-3, -2, -1)
        centered = values - values.mean(axes, keepdim=True)
        std = centered.square().mean(axes, keepdim=True).sqrt()
        # an image of one value has a tiny deviation from rounding, far below one step of a byte in one pixel
        flat = values.amax(axes, keepdim=True) == values.amin(axes, keepdim=True)
        scaled = torch.where(flat, torch.zeros_like(centered), centered / torch.where(flat, torch.ones_like(std), std))
        return scaled if out is None else out.copy_(scaled)

    def to(self, _device: torch.device | str) -> PerImage:
        """Return itself: there is nothing to move."""
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"how": PER_IMAGE}
