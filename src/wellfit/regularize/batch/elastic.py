"""Elastic deformation: bend each image as if it were drawn on rubber."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Displacement


def gaussian_matrix(size: int, sigma: float) -> Tensor:
    """Return the float64 matrix (size, size) that smooths a line of pixels by a Gaussian of ``sigma`` pixels.

    Cut off at 4 sigma, weights sum to 1; the line is mirrored at its first and last pixel, again and again if need be.
    """
    radius = int(4 * sigma + 0.5)
    offset = torch.arange(-radius, radius + 1)
    weight = (-((offset.double() / sigma) ** 2) / 2).softmax(0)
    period = max(2 * (size - 1), 1)
    at = (torch.arange(size)[:, None] + offset) % period  # (size, 2 radius + 1)
    at = torch.minimum(at, period - at)
    return torch.zeros(size, size, dtype=torch.float64).scatter_add_(1, at, weight.expand(size, -1))


def smooth(field: Tensor, sigma: float) -> Tensor:
    """Return ``field`` (..., H, W) smoothed along both axes."""
    height, width = field.shape[-2:]
    # matrices, not a convolution: twenty times as fast for small pictures
    return gaussian_matrix(height, sigma).to(field) @ (field @ gaussian_matrix(width, sigma).to(field).T)


class Elastic(Displacement):
    """Bends each image by a smooth random field drawn anew in each epoch; bilinear, outside is black.

    Formula: x'(p) = x(p + alpha (G_sigma * d)(p)), d(p) ~ U(-1, 1) for each pixel and axis, G_sigma a Gaussian. A
    typical shift along an axis is alpha / (6 sigma) pixels for a sigma of a pixel or more; none exceeds alpha.
    Range: ``alpha`` in [0, inf), the strength in pixels; 0 changes nothing. ``sigma`` in (0, 100], the smoothness in
    pixels: small ones shred the picture, large ones shift it as a whole. Both belong to a size of picture: for one of
    twice the side double sigma and take four times alpha.
    Does nothing for: vectors (an error).
    Does harm when: things are rigid: printed text, photographs with straight lines; or alpha is so large that classes
    run into one another.
    Source: Simard, Steinkraus & Platt 2003, "Best practices for convolutional neural networks", section 2 (sigma 4 and
    alpha 34 for handwritten digits of 29 x 29 pixels). The alpha of torchvision's ElasticTransform is twice ours.
    """

    off: ClassVar[Mapping[str, float]] = {"alpha": 0.0}
    alpha: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 34.0
    sigma: Annotated[float, Field(gt=0, le=100)] = 4.0

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n, 2, H, W) uniform numbers."""
        _, height, width = shape
        return torch.rand(n, 2, height, width, generator=generator)

    def field(self, u: Tensor, shape: Sequence[int]) -> Tensor:
        """Return the smoothed field in pixels."""
        return smooth(2 * u - 1, self.sigma).mul_(self.alpha)
