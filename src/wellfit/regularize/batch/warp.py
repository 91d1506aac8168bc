"""One resampling for all geometric augmentations of an arm."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def compose(matrices: Sequence[Tensor]) -> Tensor:
    """Return the sampling matrix (n, 3, 3) of warps applied one after another.

    Sampling matrices go from output to input, so the last warp stands on the right: S = S1 S2 ... Sk.
    """
    composed = matrices[0]
    for following in matrices[1:]:
        composed = composed @ following
    return composed


def warp(x: Tensor, matrix: Tensor) -> Tensor:
    """Resample images at the places that ``matrix`` names: bilinear, black outside.

    Parameters
    ----------
    x
        Float images (n, C, H, W) in which 0 is black.
    matrix
        (n, 3, 3), from output to input pixels, origin at the image's center.

    Returns
    -------
    Tensor
        (n, C, H, W). Pixel centers stand at half-integers, so a mirror maps pixels onto pixels.

    """
    height, width = x.shape[2:]
    columns = torch.arange(width, device=x.device, dtype=x.dtype) - (width - 1) / 2
    rows = torch.arange(height, device=x.device, dtype=x.dtype) - (height - 1) / 2
    # grid_sample wants x in units of half the width and y in units of half the height
    m = matrix[:, :2].to(x) / torch.tensor([width / 2, height / 2], device=x.device, dtype=x.dtype)[:, None]
    by_row = (rows[:, None] * m[:, None, :, 1] + m[:, None, :, 2])[:, :, None, :]  # (n, H, 1, 2)
    by_column = (columns[:, None] * m[:, None, :, 0])[:, None, :, :]  # (n, 1, W, 2)
    return torch.nn.functional.grid_sample(x, by_row + by_column, padding_mode="zeros", align_corners=False)
