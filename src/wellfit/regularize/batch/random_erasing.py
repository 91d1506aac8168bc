"""Random erasing: paint over one random rectangle of random images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from wellfit.regularize.batch.box import inside
from wellfit.regularize.stages import Augmentation

TRIES = 10
"""Rectangles that are tried for a sample, until one fits into the image."""
SCALARS = 1 + 2 * TRIES + 2
"""Numbers of a sample's draw: whether, the tries' area and ratio, row and column; its noise follows them."""


class RandomErasing(Augmentation):
    """Paints over one rectangle of an image with a probability; its size, shape and place are drawn in each epoch.

    Formula: with probability p, a rectangle of area A H W, A ~ U(min_area, max_area), and height / width = r,
    ln r ~ U(ln ratio, -ln ratio), both sides rounded to pixels, at a uniform place: the first of 10 tries that fits
    into the image, else the image stays as it is. It is filled with noise, U(0, 1) for each pixel and channel, or
    black.
    Range: ``probability`` in [0, 1]; 0 changes nothing. ``min_area`` and ``max_area`` in [0, 1], fractions of the
    image, the first at most the second. ``ratio`` in (0, 1], of the sides of the narrowest rectangle; 1: squares.
    ``fill``: ``noise`` or ``black``.
    Does nothing for: vectors (an error).
    Does harm when: things are small or decided by a detail that it may cover.
    Source: Zhong, Zheng, Kang, Li & Yang 2020, "Random erasing data augmentation", algorithm 1 (there r is uniform, and
    a rectangle is tried until it fits).
    """

    off: ClassVar[Mapping[str, float]] = {"probability": 0.0}
    probability: Annotated[float, Field(ge=0, le=1)] = 0.5
    min_area: Annotated[float, Field(ge=0, le=1)] = 0.02
    max_area: Annotated[float, Field(ge=0, le=1)] = 0.4
    ratio: Annotated[float, Field(gt=0, le=1)] = 0.3
    fill: Literal["noise", "black"] = "noise"

    @model_validator(mode="after")
    def _areas_in_order(self) -> Self:
        if self.min_area > self.max_area:
            raise ValueError(f"min_area ({self.min_area:g}) at most max_area ({self.max_area:g})")
        return self

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return uniform numbers (n, SCALARS + C H W); the noise is drawn whatever the fill."""
        return torch.rand(n, SCALARS + math.prod(shape), generator=generator)

    def boxes(self, u: Tensor, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return each sample's rectangle: its first and its stop (n, 2), row and column; empty where nothing fits."""
        size = torch.tensor(shape[1:], device=u.device)
        tries = u[:, 1 : 1 + 2 * TRIES].view(-1, TRIES, 2)
        area = (self.min_area + tries[..., 0] * (self.max_area - self.min_area)) * size.prod()
        root = (0.5 * (1 - 2 * tries[..., 1]) * math.log(self.ratio)).exp()  # of the ratio of height to width
        sides = torch.stack([area.sqrt() * root, area.sqrt() / root], dim=-1).round()  # (n, TRIES, 2)
        fits = (sides <= size).all(-1)
        best = fits.to(torch.uint8).argmax(1)[:, None, None]  # the first that fits; the first of all where none does
        chosen = sides.gather(1, best.expand(-1, 1, 2))[:, 0] * fits.any(1, keepdim=True)
        first = (u[:, 1 + 2 * TRIES : SCALARS] * (size - chosen + 1)).floor()
        return first, first + chosen

    def apply(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the images with their rectangles painted over."""
        if self.is_off:
            return x
        u = u.to(x.device)
        first, stop = self.boxes(u, x.shape[1:])
        erased = inside(x, first, stop) & (u[:, :1, None, None] < self.probability)
        if self.fill == "black":
            return x.masked_fill(erased, 0)
        return torch.where(erased, u[:, SCALARS:].reshape(x.shape).to(x.dtype), x)
