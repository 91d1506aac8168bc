"""Shear: slant each image by random angles."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Warp


def shear_matrix(degrees: Tensor) -> Tensor:
    """Return the sampling matrices (n, 3, 3) that slant images by ``degrees`` (n, 2): along x, then along y."""
    along_x, along_y = (degrees * (math.pi / 180)).tan().unbind(1)
    zero, one = torch.zeros_like(along_x), torch.ones_like(along_x)
    rows = [1 + along_x * along_y, along_x, zero, along_y, one, zero, zero, zero, one]
    return torch.stack(rows, dim=1).view(-1, 3, 3)


class Shear(Warp):
    """Slants each image along both axes by angles drawn anew in each epoch; bilinear, outside is black.

    Formula: a, b ~ U(-degrees, degrees); x'(p) = x(X Y p) with X = [[1, tan a], [0, 1]], Y = [[1, 0], [tan b, 1]].
    Areas stay as they are.
    Range: ``degrees`` in [0, 80]; 0 changes nothing.
    Does nothing for: vectors (an error). Small angles look like rotations, so next to ``rotation`` it adds little.
    Does harm when: angles carry the answer; large ones make letters of another script or slant.
    Source: LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document recognition",
    section III.B (along x alone); Simard, Steinkraus & Platt 2003, "Best practices for convolutional neural networks",
    section 2 ("skewing").
    """

    off: ClassVar[Mapping[str, float]] = {"degrees": 0.0}
    degrees: Annotated[float, Field(ge=0, le=80)] = 10.0

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n, 2) uniform numbers."""
        return torch.rand(n, 2, generator=generator)

    def matrix(self, u: Tensor, shape: Sequence[int]) -> Tensor:
        """Return the matrices of the angles ``(2u - 1) degrees``."""
        return shear_matrix((2 * u - 1) * self.degrees)
