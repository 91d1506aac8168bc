"""Histogram equalization of uint8 images, over the whole image or adaptively in tiles (CLAHE)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wellfit.errors import DataError

Equalize = Literal["none", "histogram", "clahe"]
Planes = npt.NDArray[np.uint8]

LEVELS = 256
CHUNK = 2**22
"""Pixels that are worked on at a time."""


def equalize(x: Tensor, how: Equalize, *, clip: float = 2.0, tiles: Sequence[int] = (8, 8)) -> Tensor:
    """Equalize each channel of each image by itself: uint8 ``(N, C, H, W)`` in and out; nothing is fitted.

    Parameters
    ----------
    x
        Images; they are not changed.
    how
        ``histogram`` (``equalize_histogram``), ``clahe`` (``equalize_adaptive``) or ``none``.
    clip, tiles
        Of CLAHE.

    Raises
    ------
    DataError
        More tiles than pixels.

    """
    if how == "none" or not len(x):
        return x
    if how == "clahe" and (tiles[0] > x.shape[2] or tiles[1] > x.shape[3]):
        what = f"received {list(tiles)} for images of {x.shape[2]} x {x.shape[3]} pixels"
        raise DataError("data.clahe_tiles", what, "no more tiles than pixels")
    found = torch.empty_like(x, memory_format=torch.contiguous_format)
    step = max(1, CHUNK // x[0].numel())
    for start in range(0, len(x), step):
        part = x[start : start + step]
        planes = part.flatten(0, 1).numpy()
        done = equalize_histogram(planes) if how == "histogram" else equalize_adaptive(planes, clip=clip, tiles=tiles)
        found[start : start + step] = torch.from_numpy(done).view(part.shape)
    return found


def equalize_histogram(planes: Planes) -> Planes:
    """Map each grey value to 255 times the fraction of the plane's pixels that are not above it, rounded.

    uint8 ``(n, H, W)`` in and out. As scikit-image's ``equalize_hist`` with 256 bins, which returns the fraction
    itself. Source: Gonzalez & Woods, Digital Image Processing, 3.3.1.
    """
    counts = _histograms(planes.reshape(len(planes), -1))
    shares = counts.cumsum(1) / counts.sum(1, keepdims=True)
    table = np.rint(shares * (LEVELS - 1)).astype(np.uint8)
    return np.take_along_axis(table, planes.reshape(len(planes), -1).astype(np.intp), 1).reshape(planes.shape)


def equalize_adaptive(planes: Planes, *, clip: float = 2.0, tiles: Sequence[int] = (8, 8)) -> Planes:
    """Equalize by the histograms of tiles, clipped, and interpolate between the four nearest tiles (CLAHE).

    No grey value of a tile counts for more than ``clip`` times the even share; what is cut off is shared out among
    all. Where the tiles do not divide the image it is continued by its mirror image. As OpenCV's ``createCLAHE``, to
    the bit.
    Source: Zuiderveld 1994, "Contrast limited adaptive histogram equalization", Graphics Gems IV.

    Parameters
    ----------
    planes
        uint8 ``(n, H, W)``.
    clip
        Above 0.
    tiles
        Rows and columns of tiles, at most H and W.

    """
    n, height, width = planes.shape
    rows, columns = tiles
    whole = planes
    if height % rows or width % columns:
        # like OpenCV, which adds a full row of tiles' pixels to the axis that needs none, if the other one does
        more = ((0, 0), (0, rows - height % rows), (0, columns - width % columns))
        whole = np.pad(planes, more, mode="reflect")
    high, wide = whole.shape[1] // rows, whole.shape[2] // columns
    cut = whole.reshape(n, rows, high, columns, wide).transpose(0, 1, 3, 2, 4).reshape(-1, high * wide)
    counts = _clipped(_histograms(cut), max(int(clip * high * wide / LEVELS), 1))
    scale = np.float32(LEVELS - 1) / np.float32(high * wide)
    table = np.rint(np.minimum(counts.cumsum(1).astype(np.float32) * scale, LEVELS - 1)).astype(np.uint8)
    table = table.reshape(n, rows, columns, LEVELS)
    (top, bottom, down), (left, right, across) = _between(height, high, rows), _between(width, wide, columns)
    down = down[:, None]
    image, values = np.arange(n)[:, None, None], planes.astype(np.intp)

    def looked_up(y: npt.NDArray[np.intp], x: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
        found: npt.NDArray[np.float32] = table[image, y[:, None], x[None, :], values].astype(np.float32)
        return found

    one = np.float32(1)
    above = looked_up(top, left) * (one - across) + looked_up(top, right) * across
    below = looked_up(bottom, left) * (one - across) + looked_up(bottom, right) * across
    found: Planes = np.rint(above * (one - down) + below * down).astype(np.uint8)
    return found


def _histograms(values: Planes) -> npt.NDArray[np.int64]:
    """Return counts ``(n, 256)`` of uint8 ``(n, m)``."""
    offsets = np.arange(len(values), dtype=np.int64)[:, None] * LEVELS
    counts: npt.NDArray[np.int64] = np.bincount((values + offsets).reshape(-1), minlength=len(values) * LEVELS)
    return counts.reshape(len(values), LEVELS)


def _clipped(counts: npt.NDArray[np.int64], limit: int) -> npt.NDArray[np.int64]:
    """Cut histograms off at a limit and share out what was cut: evenly, the rest in even steps from grey value 0."""
    cut = np.minimum(counts, limit)
    excess = (counts - cut).sum(1, keepdims=True)
    rest = excess % LEVELS
    step = np.maximum(LEVELS // np.maximum(rest, 1), 1)
    level = np.arange(LEVELS)
    extra = (level % step == 0) & (level // step < rest)
    shared: npt.NDArray[np.int64] = cut + excess // LEVELS + extra
    return shared


def _between(size: int, tile: int, tiles: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Any]:
    """Return for each pixel along an axis the tiles before and after it, and its float32 way from one to the other."""
    place = np.arange(size, dtype=np.float32) * (np.float32(1) / np.float32(tile)) - np.float32(0.5)
    before = np.floor(place).astype(np.intp)
    return np.maximum(before, 0), np.minimum(before + 1, tiles - 1), place - before.astype(np.float32)
