"""Perspective: show each image as a picture on a wall seen from the side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Warp

CORNERS = ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))
"""Of the picture, in half sides from its center: x, y; around it from the upper left."""


def quadrilateral_matrix(corners: Tensor, *, height: int, width: int) -> Tensor:
    """Return the sampling matrices (n, 3, 3) that bring the picture's corners to ``corners`` (n, 4, 2).

    These are x, y in half sides from the center, in the order of ``CORNERS``; as ``CORNERS`` stand, the matrix is the
    identity, bit for bit.
    """
    square = torch.tensor(CORNERS).to(corners)
    p = torch.cat([corners, torch.ones_like(corners[..., :1])], dim=2)  # (n, 4, 3)
    # Four points of a plane, a the determinant of the other three: a0 p0 - a1 p1 + a2 p2 - a3 p3 = 0. The square's
    # corners c fulfil c0 - c1 + c2 - c3 = 0, so the mapping that takes each c to its a p is sum(a p c^T) / 4.
    others = p[:, [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]]  # (n, 4, 3, 3)
    a = (others[:, :, 0] * torch.linalg.cross(others[:, :, 1], others[:, :, 2])).sum(2, keepdim=True)
    along_x, along_y = (a * p * square[:, :1]).sum(1), (a * p * square[:, 1:]).sum(1)
    middle = (a * p).sum(1)
    # from the quadrilateral to the square: the inverse of [along_x along_y middle], up to a factor
    cross = torch.linalg.cross
    inverse = torch.stack([cross(along_y, middle), cross(middle, along_x), cross(along_x, along_y)], dim=1)
    inverse = inverse / inverse.abs().amax((1, 2), keepdim=True)
    half = corners.new_tensor([width / 2, height / 2, 1.0])
    return inverse * half[:, None] / half


class Perspective(Warp):
    """Moves each image's four corners inwards with a probability, each by its own draw, anew in each epoch.

    Formula: with probability p, each corner moves inwards by U(0, distortion) of the half side, along x and along y;
    x'(p) = x(S p) with the homography S that takes the moved corners back. Bilinear, outside is black.
    Range: ``distortion`` in [0, 1); 0 changes nothing, and beyond 2/3 some draws tear the picture (three corners in a
    line). ``probability`` in [0, 1]; 0 changes nothing.
    Does nothing for: vectors (an error). Does little for pictures that are all taken from the front: scans, digits.
    Does harm when: the distortion is large and shapes carry the answer: angles, ratios, straight lines.
    Source: Heckbert 1989, "Fundamentals of texture mapping and image warping", chapter 2 (projective mappings); the
    draws are those of torchvision's RandomPerspective, without its rounding to whole pixels.
    """

    off: ClassVar[Mapping[str, float]] = {"distortion": 0.0}
    distortion: Annotated[float, Field(ge=0, lt=1)] = 0.3
    probability: Annotated[float, Field(ge=0, le=1)] = 0.5

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n, 9) uniform numbers: whether, then x and y of each corner."""
        return torch.rand(n, 9, generator=generator)

    def matrix(self, u: Tensor, shape: Sequence[int]) -> Tensor:
        """Return the homographies where ``u[:, 0] < probability``, else the identity."""
        _, height, width = shape
        corners = torch.tensor(CORNERS).to(u) * (1 - self.distortion * u[:, 1:].view(-1, 4, 2))
        seen = quadrilateral_matrix(corners, height=height, width=width)
        return torch.where((u[:, 0] < self.probability)[:, None, None], seen, torch.eye(3).to(u))
