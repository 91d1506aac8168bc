"""Random bands of an axis, as SpecAugment's masks are drawn."""

from __future__ import annotations

import torch
from torch import Tensor

MOST = 8
"""Bands that are drawn for each sample, however many are used: so the draws do not depend on the count."""


def draw_bands(n: int, generator: torch.Generator) -> Tensor:
    """Return (n, MOST, 2) uniform numbers: for the width and the place of each band."""
    return torch.rand(n, MOST, 2, generator=generator)


def bands(u: Tensor, size: int, *, fraction: float, count: int) -> Tensor:
    """Return which places of an axis of ``size`` lie in a band: bool (n, size), from the draws (n, MOST, 2).

    Each of ``count`` bands has a width w ~ U{0, ..., W}, W = fraction size, rounded, and begins at U{0, ..., size - w}.
    """
    most = round(fraction * size)
    places = torch.arange(size, device=u.device)
    inside = torch.zeros(len(u), size, dtype=torch.bool, device=u.device)
    for band in range(count):
        width, start = u[:, band, 0], u[:, band, 1]
        wide = (width * (most + 1)).floor().clamp(max=most)
        first = (start * (size - wide + 1)).floor().minimum(size - wide)
        inside |= (places >= first[:, None]) & (places < (first + wide)[:, None])
    return inside
