"""Salt-and-pepper noise: turn random pixels white or black."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Augmentation


def salt_and_pepper(x: Tensor, u: Tensor, fraction: float) -> Tensor:
    """Return the images (n, C, H, W), black where ``u < fraction / 2``, white where ``u >= 1 - fraction / 2``.

    ``u`` (n, 1, H, W) is uniform on [0, 1): a pixel is hit in all of its channels.
    """
    return x.masked_fill(u < fraction / 2, 0).masked_fill_(u >= 1 - fraction / 2, 1)


class SaltAndPepper(Augmentation):
    """Turns a random fraction of each image's pixels white or black by a fair coin, drawn anew in each epoch.

    Formula: with probability fraction / 2 each, a pixel is 0 or 1 in all of its channels.
    Range: ``fraction`` in [0, 1], of the pixels; 0 changes nothing.
    Does nothing for: vectors (an error).
    Does harm when: details are one pixel wide, as in small images, or thin lines decide.
    Source: Vincent, Larochelle, Lajoie, Bengio & Manzagol 2010, "Stacked denoising autoencoders" (the corruption of
    that name).
    """

    off: ClassVar[Mapping[str, float]] = {"fraction": 0.0}
    fraction: Annotated[float, Field(ge=0, le=1)] = 0.05

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return uniform numbers (n, 1, H, W), one for each pixel."""
        return torch.rand((n, 1, *shape[1:]), generator=generator)

    def apply(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the noisy images."""
        return x if self.is_off else salt_and_pepper(x, u.to(x.device), self.fraction)
