"""Rotation: turn each image by a random angle about its center."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Warp


def rotation_matrix(degrees: Tensor) -> Tensor:
    """Return the sampling matrices (n, 3, 3) that turn images counter-clockwise by ``degrees`` (n,)."""
    angle = degrees * (math.pi / 180)
    cos, sin, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    # y points down: the counter-clockwise turn that a person sees samples the input at R(+angle) of the output's place.
    rows = [cos, -sin, zero, sin, cos, zero, zero, zero, one]
    return torch.stack(rows, dim=1).view(-1, 3, 3)


class Rotation(Warp):
    """Turns each image about its center by an angle drawn anew in each epoch; bilinear, outside is black.

    Formula: angle ~ U(-degrees, degrees); x'(p) = x(R(angle) p).
    Range: ``degrees`` in [0, 180]; 0 changes nothing.
    Does nothing for: vectors (an error); what looks the same from all sides.
    Does harm when: the angle carries the answer, as of 6 and 9, of arrows and maps; or it is large for things upright.
    Source: Simard, Steinkraus & Platt 2003, "Best practices for convolutional neural networks", section 2.
    """

    off: ClassVar[Mapping[str, float]] = {"degrees": 0.0}
    degrees: Annotated[float, Field(ge=0, le=180)] = 10.0

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n,) uniform numbers."""
        return torch.rand(n, generator=generator)

    def matrix(self, u: Tensor, shape: Sequence[int]) -> Tensor:
        """Return the matrices of the angles ``(2u - 1) degrees``."""
        return rotation_matrix((2 * u - 1) * self.degrees)
