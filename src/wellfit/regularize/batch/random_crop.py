"""Random crop: pad each image with black and cut its size out again, somewhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.batch.translation import translation_matrix
from wellfit.regularize.stages import Warp


def padded_pixels(padding: float, side: int) -> int:
    """Return how many pixels are added at each end of ``side``: rounded, a half up."""
    return int(padding * side + 0.5)


class RandomCrop(Warp):
    """Pads each image with black and cuts its size out again at a place drawn anew in each epoch.

    Formula: k = round(padding side), t ~ U{-k, ..., k} for each axis; x'(p) = x(p - t): whole pixels,
    so nothing is blurred.
    Range: ``padding`` in [0, 1], a fraction of the side (4 pixels of 32 are 0.125); 0 changes nothing.
    Does nothing for: images so small that the padding rounds to no pixel; ``translation`` shifts by less.
    Does harm when: the place carries the answer, or what decides stands at the border and is cut off.
    Source: He, Zhang, Ren & Sun 2016, "Deep residual learning for image recognition", section 4.2.
    """

    off: ClassVar[Mapping[str, float]] = {"padding": 0.0}
    padding: Annotated[float, Field(ge=0, le=1)] = 0.125

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n, 2) uniform numbers."""
        return torch.rand(n, 2, generator=generator)

    def matrix(self, u: Tensor, shape: Sequence[int]) -> Tensor:
        """Return the matrices of the shifts ``floor((2k + 1) u) - k``."""
        _, height, width = shape
        most = u.new_tensor([padded_pixels(self.padding, width), padded_pixels(self.padding, height)])
        return translation_matrix(((2 * most + 1) * u).floor() - most)
