"""Losses of numbers: means over the K targets, (..., B, K) and (..., B, K) give (..., B)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def mse(z: Tensor, y: Tensor) -> Tensor:
    """Return the mean of ``(z - y)^2``."""
    return (z - y).square().mean(-1)


def mae(z: Tensor, y: Tensor) -> Tensor:
    """Return the mean of ``|z - y|``; its derivative at 0 is 0."""
    return (z - y).abs().mean(-1)


def huber(z: Tensor, y: Tensor, *, delta: float) -> Tensor:
    """Return the mean of ``e^2 / 2`` where ``|e| <= delta``, else ``delta (|e| - delta / 2)``, with ``e = z - y``."""
    return F.huber_loss(z, y, reduction="none", delta=delta).mean(-1)
