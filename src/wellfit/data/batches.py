"""The order of an epoch's samples, and the samples of a batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from wellfit.data.stream import is_streamed, rows_of
from wellfit.random import generator


def epoch_order(n: int, *, seed: int, epoch: int) -> Tensor:
    """Return the order in which a seed sees its ``n`` training samples in an epoch: an int64 permutation ``(n,)``.

    It belongs to seed and epoch alone, so all arms of a seed see the same batches, and a resumed run goes on with the
    same.
    """
    return torch.randperm(n, generator=generator(seed, "order", epoch))


def batches(order: Tensor, size: int) -> tuple[Tensor, ...]:
    """Cut an order ``(..., n)`` into batches of ``size`` along its last dimension; the last one may be smaller."""
    return torch.split(order, size, dim=-1)


def at_a_time(shape: Sequence[int], *, most: int, numbers: int = 2**22) -> int:
    """Return how many samples of ``shape`` to work on at a time: ``most``, or fewer where they are large, so that they
    have at most ``numbers`` numbers together, but one at least.

    >>> at_a_time((3, 32, 32), most=512), at_a_time((3, 512, 512), most=512)
    (512, 5)
    """
    return max(1, min(most, numbers // math.prod(shape)))


def gather(x: Tensor, rows: Tensor) -> Tensor:
    """Return the samples ``x[rows]``: ``(N, ...)`` and int64 ``(...rows)`` give ``(...rows, ...)``, in the dtype of
    ``x``.

    ``index_select`` copies whole rows; ``x[rows]`` goes element by element, which takes many times longer on uint8.
    Where ``x`` stays on the disk (``stream.streamed``), only these rows come into memory.
    """
    flat = rows.reshape(-1)
    found = rows_of(x, flat) if is_streamed(x) else x.index_select(0, flat)
    return found if rows.dim() == 1 else found.view(*rows.shape, *x.shape[1:])
