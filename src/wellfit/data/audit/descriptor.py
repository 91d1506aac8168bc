"""Descriptors: a sample as a few numbers in which near duplicates lie close together."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from wellfit.data.dataset import Kind

SIDE = 8
"""Cells along each side of an image."""
STEPS = 64
"""Points along the time of a sequence."""
CHUNK = 4096

Floats = npt.NDArray[np.float32]


def descriptors(x: npt.NDArray[Any], kind: Kind) -> Floats:
    """Return float32 ``(N, D)``: for images and sequences the means over a coarse grid, centered and of length 1, so
    that |a - b|^2 = 2 (1 - correlation); for vectors the columns, each in robust standard deviations over sqrt(D).

    Brightness, contrast, recompression and small shifts change the former little. A blank sample is 0.
    """
    if kind == "vector":
        return _columns(x)
    made = [unit(_coarse(x[start : start + CHUNK], kind)) for start in range(0, len(x), CHUNK)]
    return np.concatenate(made) if made else np.zeros((0, 1), np.float32)


def unit(values: Floats) -> Floats:
    """Return rows ``(N, D)``, each centered and of length 1; what does not vary is 0."""
    centered = values - values.mean(axis=1, keepdims=True)
    length = np.sqrt(np.square(centered).sum(axis=1, keepdims=True))
    small = length <= 1e-6 * np.maximum(1.0, np.abs(values).max(axis=1, keepdims=True, initial=0.0))
    found: Floats = np.where(small, 0, centered / np.where(small, 1, length)).astype(np.float32)
    return found


def _coarse(x: npt.NDArray[Any], kind: Kind) -> Floats:
    values = torch.from_numpy(np.ascontiguousarray(x)).float()
    if kind == "image":
        side = (min(SIDE, values.shape[2]), min(SIDE, values.shape[3]))
        return F.adaptive_avg_pool2d(values, side).flatten(1).numpy()
    steps = min(STEPS, values.shape[1])
    return F.adaptive_avg_pool1d(values.transpose(1, 2), steps).flatten(1).numpy()


def _columns(x: npt.NDArray[Any]) -> Floats:
    values = x.astype(np.float64)
    present = np.where(np.isfinite(values), values, np.nan)
    keep = np.isfinite(present).any(axis=0)
    present = present[:, keep]
    if not present.shape[1]:
        return np.zeros((len(x), 1), np.float32)
    low, middle, high = np.nanpercentile(present, (25, 50, 75), axis=0)
    spread = np.where(high > low, (high - low) / 1.349, np.nanstd(present, axis=0))
    scaled = (present - middle) / np.where(spread > 0, spread, 1)
    filled = np.where(np.isfinite(scaled), np.clip(scaled, -1e3, 1e3), 0)
    found: Floats = (filled / np.sqrt(filled.shape[1])).astype(np.float32)
    return found


def full_squared(x: npt.NDArray[Any], left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]) -> Floats:
    """Return 2 (1 - correlation) of pairs of images at full resolution, lightly blurred, at the best of the shifts by
    up to 2 pixels; ``left`` and ``right`` are rows of ``x``, uint8 ``(N, C, H, W)``.
    """
    found = [_pairs(x[left[i : i + 256]], x[right[i : i + 256]]) for i in range(0, len(left), 256)]
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def _pairs(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> Floats:
    one, other = (_blurred(torch.from_numpy(np.ascontiguousarray(side)).float()) for side in (a, b))
    reach = min(2, (min(a.shape[2:]) - 1) // 8)
    height, width = a.shape[2] - 2 * reach, a.shape[3] - 2 * reach
    inner = unit(one[:, :, reach : reach + height, reach : reach + width].flatten(1).numpy())
    best = np.full(len(a), 2, np.float32)
    for down in range(2 * reach + 1):
        for aside in range(2 * reach + 1):
            moved = unit(other[:, :, down : down + height, aside : aside + width].flatten(1).numpy())
            best = np.minimum(best, np.square(inner - moved).sum(axis=1))
    return best


def _blurred(values: torch.Tensor) -> torch.Tensor:
    if min(values.shape[2:]) < 16:
        return values
    return F.avg_pool2d(F.pad(values, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
