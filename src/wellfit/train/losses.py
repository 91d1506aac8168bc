"""Losses of a stack of members: one number a sample, pure functions."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(z: Tensor, y: Tensor) -> Tensor:
    """Return ``-log softmax(z)[y]`` in nats: logits (..., C) and class indices (...) give (...)."""
    return F.cross_entropy(z.flatten(0, -2), y.flatten(), reduction="none").view(y.shape)


def mse(z: Tensor, y: Tensor) -> Tensor:
    """Return the mean over the K outputs of ``(z - y)^2``: (..., K) and (..., K) give (...)."""
    return (z - y).square().mean(-1)


LOSSES: dict[str, Loss] = {"cross_entropy": cross_entropy, "mse": mse}
