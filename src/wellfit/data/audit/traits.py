"""Traits: what a simple judge of labels reads from a sample."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from wellfit.data.audit.descriptor import descriptors
from wellfit.data.dataset import Kind

DIRECTIONS = 8
"""Directions of edges that are told apart, over 180 degrees."""
CELLS = 7
"""Cells along each side in which edges are counted."""
CHUNK = 2048

Floats = npt.NDArray[np.float32]


def traits(x: npt.NDArray[Any], kind: Kind) -> Floats:
    """Return float32 ``(N, D)``: for images the means over a coarse grid and histograms of oriented gradients (after
    Dalal and Triggs 2005, without blocks), for sequences their coarse form, for vectors the columns (NaN: -1e6).
    """
    if kind == "vector":
        found: Floats = np.where(np.isfinite(x), np.clip(x, -3e38, 3e38), -1e6).astype(np.float32)
        return found
    if kind == "sequence":
        return descriptors(x, kind)
    made = [_oriented(torch.from_numpy(np.ascontiguousarray(x[i : i + CHUNK]))) for i in range(0, len(x), CHUNK)]
    return np.concatenate([np.concatenate(made), _means(x)], axis=1)


def _means(x: npt.NDArray[Any]) -> Floats:
    side = (min(8, x.shape[2]), min(8, x.shape[3]))
    chunks = [
        F.adaptive_avg_pool2d(torch.from_numpy(np.ascontiguousarray(x[i : i + CHUNK])).float() / 255, side).flatten(1)
        for i in range(0, len(x), CHUNK)
    ]
    return torch.cat(chunks).numpy()


def _oriented(x: torch.Tensor) -> Floats:
    """Return the square root of the share of each direction's edges in each cell."""
    grey = x.float().mean(1, keepdim=True) / 255
    wide = F.pad(grey, (1, 1, 1, 1), mode="replicate")
    across, down = wide[:, :, 1:-1, 2:] - wide[:, :, 1:-1, :-2], wide[:, :, 2:, 1:-1] - wide[:, :, :-2, 1:-1]
    size = torch.sqrt(across.square() + down.square())
    turn = (torch.atan2(down, across) % torch.pi) * (DIRECTIONS / torch.pi)
    lower = turn.floor()
    share = turn - lower
    first = lower.long() % DIRECTIONS
    bins = torch.zeros(len(x), DIRECTIONS, *grey.shape[2:])
    bins.scatter_add_(1, first, size * (1 - share))
    bins.scatter_add_(1, (first + 1) % DIRECTIONS, size * share)
    side = (min(CELLS, grey.shape[2]), min(CELLS, grey.shape[3]))
    cells = F.adaptive_avg_pool2d(bins, side)
    around = F.avg_pool2d(cells.sum(1, keepdim=True), 3, stride=1, padding=1, count_include_pad=False)
    return (cells / (around + 0.02)).sqrt().flatten(1).numpy()
