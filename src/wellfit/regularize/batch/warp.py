"""One resampling for all geometric augmentations of an arm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

CACHED = 2**16
"""Numbers of images that are resampled at a time."""

FAR = 3.0
"""In units of the padded picture's half side, from its center: surely outside."""


def compose(matrices: Sequence[Tensor]) -> Tensor:
    """Return the sampling matrix (n, 3, 3) of warps applied one after another.

    Sampling matrices go from output to input, so the last warp stands on the right: S = S1 S2 ... Sk.
    """
    composed = matrices[0]
    for following in matrices[1:]:
        # no matmul: a GPU may be set to round its factors to ten bits, and a pixel's place needs all of them
        composed = (composed[:, :, :, None] * following[:, None, :, :]).sum(2)
    return composed


def warp_masks(masks: Tensor, matrix: Tensor, field: Tensor | None = None, *, outside: int) -> Tensor:
    """Resample masks uint8 (n, H, W) as ``warp`` does the images: the nearest pixel's class, ``outside`` outside."""
    found = warp(masks.unsqueeze(1).float() + 1, matrix, field, mode="nearest").squeeze(1)
    return torch.where(found == 0, outside, found - 1).to(torch.uint8)


def warp(
    x: Tensor, matrix: Tensor, field: Tensor | None = None, *, mode: Literal["bilinear", "nearest"] = "bilinear"
) -> Tensor:
    """Resample images at the places that ``matrix`` names: black outside.

    A place at a pixel's center gives this pixel bit for bit, and no sample depends on the others in the tensor; a few
    are resampled at a time, so that their grids stay in the cache.

    Parameters
    ----------
    x
        Float images (n, C, H, W) in which 0 is black.
    matrix
        (n, 3, 3), from output to input pixels, origin at the image's center; homogeneous, so perspective too.
    field
        (n, 2, H, W): how far from its own place each output pixel is sampled before the matrix acts, x then y, in
        pixels; ``None``: nowhere.
    mode
        What stands between pixels: a blend of four, or the nearest.

    Returns
    -------
    Tensor
        (n, C, H, W). Pixel centers stand at half-integers, so a mirror maps pixels onto pixels.

    """
    size = max(1, CACHED // math.prod(x.shape[1:])) if x.device.type == "cpu" else max(1, len(x))
    if len(x) <= size:
        return _warp(x, matrix, field, mode)
    found = torch.empty_like(x)
    for start in range(0, len(x), size):
        part = slice(start, start + size)
        found[part] = _warp(x[part], matrix[part], None if field is None else field[part], mode)
    return found


def _warp(x: Tensor, matrix: Tensor, field: Tensor | None, mode: Literal["bilinear", "nearest"]) -> Tensor:
    height, width = x.shape[2:]
    dtype = torch.promote_types(x.dtype, torch.float32)  # half precision is too coarse for places
    # grid_sample counts in half sides from the center. With sides that are powers of two this is exact for whole
    # pixels, with others it blends neighbors by rounding; black to the right and below changes nothing else.
    padded_height, padded_width = _power_of_two(height), _power_of_two(width)
    canvas = x.to(dtype)
    if (padded_height, padded_width) != (height, width):
        canvas = torch.nn.functional.pad(canvas, (0, padded_width - width, 0, padded_height - height))
    m = matrix.to(dtype)
    flat = bool((m[:, 2] == m.new_tensor([0.0, 0.0, 1.0])).all())
    unit = m.new_tensor([[2 / padded_width], [2 / padded_height]])
    center = m.new_tensor([[width / padded_width - 1], [height / padded_height - 1]])
    m = torch.cat([m[:, :2] * unit + m[:, 2:] * center, m[:, 2:]], dim=1).to(x.device)
    across, down = _centered(width, like=m)[None, None, :], _centered(height, like=m)[None, :, None]
    if field is not None:
        shift = field.to(device=x.device, dtype=dtype)
        across, down = across + shift[:, 0], down + shift[:, 1]
    grid = m.new_empty(len(x), 2, height, width)
    for axis in (0, 1):
        torch.add(*_terms(m[:, axis], across, down), out=grid[:, axis])
    if not flat:
        depth = torch.add(*_terms(m[:, 2], across, down))
        # on the horizon the depth is 0
        grid = grid.div_(depth[:, None]).clamp_(-FAR, FAR).nan_to_num_(nan=FAR)
    places = grid.movedim(1, 3)
    sample = torch.nn.functional.grid_sample
    return sample(canvas, places, mode=mode, padding_mode="zeros", align_corners=False).to(x.dtype)


def _terms(row: Tensor, across: Tensor, down: Tensor) -> tuple[Tensor, Tensor]:
    """Return the two summands of a matrix's ``row`` (n, 3) applied to all places: small where nothing is displaced."""
    a, b, c = row[:, :, None, None].unbind(1)
    return down * b + c, across * a


def _centered(size: int, *, like: Tensor) -> Tensor:
    return torch.arange(size, device=like.device, dtype=like.dtype) - (size - 1) / 2


def _power_of_two(size: int) -> int:
    return 1 << (size - 1).bit_length()
