"""Translation: shift each image by a random distance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Warp


def translation_matrix(shift: Tensor) -> Tensor:
    """Return the sampling matrices (n, 3, 3) that move images by ``shift`` (n, 2) pixels: to the right, and down."""
    across, down = shift.unbind(1)
    zero, one = torch.zeros_like(across), torch.ones_like(across)
    return torch.stack([one, zero, -across, zero, one, -down, zero, zero, one], dim=1).view(-1, 3, 3)


class Translation(Warp):
    """Shifts each image by a distance drawn anew in each epoch, each axis by its own; bilinear, outside is black.

    Formula: t ~ U(-fraction, fraction) of the side, for each axis; x'(p) = x(p - t).
    Range: ``fraction`` in [0, 1], the largest shift as a fraction of the side; 0 changes nothing.
    Does little for: a convolutional network with pooling over the whole picture, which hardly minds a shift.
    Does harm when: the place carries the answer, or things at the border are pushed out of the picture.
    Source: LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document recognition",
    section III.B; Simard, Steinkraus & Platt 2003, "Best practices for convolutional neural networks", section 2.
    """

    off: ClassVar[Mapping[str, float]] = {"fraction": 0.0}
    fraction: Annotated[float, Field(ge=0, le=1)] = 0.1

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n, 2) uniform numbers."""
        return torch.rand(n, 2, generator=generator)

    def matrix(self, u: Tensor, shape: Sequence[int]) -> Tensor:
        """Return the matrices of the shifts ``(2u - 1) fraction`` of each side."""
        _, height, width = shape
        return translation_matrix((2 * u - 1) * self.fraction * u.new_tensor([width, height]))
