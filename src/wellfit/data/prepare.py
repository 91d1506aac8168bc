"""Scaling: fitted on the train split, applied to batches. uint8 data is never converted whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from wellfit.data.batches import gather
from wellfit.data.dataset import Kind
from wellfit.data.stream import is_streamed

How = Literal["standardize", "minmax", "robust", "none"]

QUARTILES = (25, 50, 75)

CHUNK_BYTES = 2**24
"""Bytes of float64 that are held at a time while statistics are summed."""

EXACT = 256
"""Squares of bytes whose float32 sum is exact in any order, as 256 * 255**2 < 2**24: much faster than int64."""


@dataclass(frozen=True, eq=False)
class Scaler:
    """An affine map, ``(x - mean) / std``: per channel of images and sequences, per feature of vectors, per column of
    targets.

    It has two steps for images, since augmentation stands between them and knows 0 as black: ``to_unit`` (uint8 to
    0..1), then ``apply``. ``mean`` and ``std`` are float32, ``(C, 1, 1)`` for images, ``(D,)`` for vectors and ``(C,)``
    for sequences, and broadcast over any leading dimensions.
    """

    mean: Tensor
    std: Tensor

    @classmethod
    def fit(cls, x: Tensor, *, kind: Kind, how: How = "standardize", rows: Tensor | None = None) -> Scaler:
        """Fit on samples ``x[rows]`` (all where ``rows`` is ``None``): pass the train split, nothing else.

        ``standardize``: mean and population standard deviation. ``minmax``: least value and range, so that results lie
        in 0..1. ``robust``: median and interquartile range, so that outliers do not count. ``none``: 0 and 1. Images
        are measured in units of 0..1, sequences over samples and time. What does not vary is divided by 1. Sums are
        float64.

        Parameters
        ----------
        x
            uint8 ``(N, C, H, W)`` images, float32 ``(N, D)`` vectors or targets, or float32 ``(N, T, C)`` sequences.
        kind
            ``image``, ``vector`` or ``sequence``.
        how
            The field ``data.scale`` of a recipe.
        rows
            int64 indices.

        """
        if kind == "image":
            mean, std = _image_statistics(x, how, rows)
            return cls(mean.float().view(-1, 1, 1), std.float().view(-1, 1, 1))
        mean, std = _column_statistics(x, how, rows)
        return cls(mean.float(), std.float())

    def apply(self, x: Tensor, *, out: Tensor | None = None) -> Tensor:
        """Scale a batch; float32, in ``out`` if there is one. uint8 goes through ``to_unit`` first, floats are taken as
        they are.
        """
        return torch.sub(to_unit(x) if x.dtype == torch.uint8 else x, self.mean, out=out).div_(self.std)

    def invert(self, z: Tensor) -> Tensor:
        """Undo ``apply`` of floats: ``z * std + mean``, e.g. predictions back in units of the target."""
        return z * self.std + self.mean

    def to(self, device: torch.device | str) -> Scaler:
        """Return the scaler on another device."""
        return Scaler(self.mean.to(device), self.std.to(device))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; exact, as a float32 is a Python float."""
        return {
            "shape": list(self.mean.shape),
            "mean": self.mean.flatten().tolist(),
            "std": self.std.flatten().tolist(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scaler:
        """Take back what ``to_dict`` gave."""
        mean, std = (torch.tensor(values[key], dtype=torch.float32).view(values["shape"]) for key in ("mean", "std"))
        return cls(mean, std)


def to_unit(x: Tensor) -> Tensor:
    """Turn uint8 0..255 into float32 0..1."""
    return x.to(torch.float32).div_(255)


def fit_targets(y: Tensor, rows: Tensor) -> Scaler:
    """Standardize the targets of a regression, float32 ``(N, K)``, by the train split: its loss then has no unit."""
    return Scaler.fit(y, kind="vector", how="standardize", rows=rows)


def _image_statistics(x: Tensor, how: How, rows: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return shift and scale ``(C,)`` in units of 0..1, float64, from exact sums of integers."""
    channels, pixels = x.shape[1], x.shape[2] * x.shape[3]
    if how == "none":
        return torch.zeros(channels, dtype=torch.float64), torch.ones(channels, dtype=torch.float64)
    if how == "minmax":
        ends = [(block.amin((0, 2, 3)), block.amax((0, 2, 3))) for block in _blocks(x, rows)]
        low, high = torch.stack([end[0] for end in ends]).amin(0), torch.stack([end[1] for end in ends]).amax(0)
        return low.double() / 255, _nonzero((high.double() - low.double()) / 255)
    if how == "robust":
        return _robust_images(x, rows)
    total, squares = torch.zeros(2, channels * pixels, dtype=torch.float64)
    for block in _blocks(x, rows, at_most=EXACT):
        values = block.reshape(len(block), -1).float()
        total += values.sum(0)
        squares += values.square_().sum(0)
    n = (len(x) if rows is None else len(rows)) * pixels
    sums = [int(value) for value in total.view(channels, -1).sum(1).tolist()]
    sums_of_squares = [int(value) for value in squares.view(channels, -1).sum(1).tolist()]
    # Python's integers do not round, so the difference of large numbers cancels nothing
    variances = [(n * square - first**2) / n**2 for first, square in zip(sums, sums_of_squares, strict=True)]
    mean = torch.tensor([first / n for first in sums], dtype=torch.float64) / 255
    return mean, _nonzero(torch.tensor(variances, dtype=torch.float64).sqrt() / 255)


def _column_statistics(x: Tensor, how: How, rows: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return shift and scale of the last axis ``(D,)``, float64; two passes, since the sum of squares alone cancels for
    large means.
    """
    width = x.shape[-1]
    if how == "none":
        return torch.zeros(width, dtype=torch.float64), torch.ones(width, dtype=torch.float64)
    if how == "robust":
        return _robust_columns(x, rows)
    total = torch.zeros(width, dtype=torch.float64)
    low, high, n = torch.full_like(total, torch.inf), torch.full_like(total, -torch.inf), 0
    for block in _columns(x, rows):
        total += block.sum(0, dtype=torch.float64)
        low, high = torch.minimum(low, block.amin(0).double()), torch.maximum(high, block.amax(0).double())
        n += len(block)
    if how == "minmax":
        return low, _nonzero(high - low)
    mean = total / n
    squares = torch.zeros_like(total)
    for block in _columns(x, rows):
        squares += (block.double() - mean).square().sum(0)
    std = (squares / n).sqrt()
    # a constant column has a tiny std from rounding, which would blow its rounding up
    return torch.where(low == high, low, mean), torch.where(low == high, 1.0, _nonzero(std))


def _robust_columns(x: Tensor, rows: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return median and interquartile range ``(D,)``, float64, linear between ranks; one column at a time."""
    found = []
    for position in range(x.shape[-1]):
        column = x[..., position]
        values = (column if rows is None else column.index_select(0, rows)).flatten().double().numpy()
        found.append(np.percentile(values, QUARTILES))
    low, middle, high = torch.from_numpy(np.array(found, dtype=np.float64).reshape(-1, 3)).unbind(1)
    return middle, _nonzero(high - low)


def _robust_images(x: Tensor, rows: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return median and interquartile range ``(C,)`` in units of 0..1, float64, from exact counts of grey values."""
    channels = x.shape[1]
    counts = np.zeros((channels, 256), dtype=np.int64)
    for block in _blocks(x, rows):
        for channel in range(channels):
            counts[channel] += np.bincount(block[:, channel].flatten().numpy(), minlength=256)
    below = counts.cumsum(1)
    place = (below[0, -1] - 1) * np.array(QUARTILES) / 100
    first = np.floor(place)
    # the value at a rank is the first one that has more samples at or below it than the rank
    ends = [np.stack([np.searchsorted(row, rank, side="right") for row in below]) for rank in (first, np.ceil(place))]
    quartiles = torch.from_numpy(ends[0] + (ends[1] - ends[0]) * (place - first)) / 255
    return quartiles[:, 1], _nonzero(quartiles[:, 2] - quartiles[:, 0])


def _columns(x: Tensor, rows: Tensor | None) -> Iterator[Tensor]:
    """Yield blocks ``(n, D)``: of sequences each time step is a row."""
    return (block.flatten(0, -2) for block in _blocks(x, rows))


def _nonzero(scale: Tensor) -> Tensor:
    return torch.where(scale == 0, 1.0, scale)


def _blocks(x: Tensor, rows: Tensor | None, *, at_most: int | None = None) -> Iterator[Tensor]:
    """Yield the samples in blocks of at most CHUNK_BYTES as float64, and of at most so many samples."""
    step = max(1, CHUNK_BYTES // (8 * max(1, x[0].numel())))
    step = step if at_most is None else min(step, at_most)
    for start in range(0, len(x) if rows is None else len(rows), step):
        if rows is None and not is_streamed(x):
            yield x[start : start + step]
        else:
            stop = min(start + step, len(x) if rows is None else len(rows))
            yield gather(x, torch.arange(start, stop) if rows is None else rows[start:stop])
