"""Targets of a classification in both their forms: class indices, and shares of the classes."""

from __future__ import annotations

import torch
from torch import Tensor


def shares(y: Tensor, z: Tensor) -> Tensor:
    """Return the targets as shares (..., B, C), in the dtype of the answers ``z`` (..., B, C)."""
    if y.is_floating_point():
        return y.to(z.dtype)
    return (y.unsqueeze(-1) == torch.arange(z.shape[-1], device=z.device)).to(z.dtype)


def classes(y: Tensor) -> Tensor:
    """Return the targets as indices (..., B): of shares the class with the largest, the first of equals."""
    return y.argmax(-1) if y.is_floating_point() else y


def expected(values: Tensor, y: Tensor) -> Tensor:
    """Return ``sum_c t_c values_c`` (...): the targets' expectation of ``values`` (..., C).

    A class without a share counts nothing, even if its value is infinite; so shares that are one-hot give, bit for
    bit, what an index picks out.
    """
    if y.is_floating_point():
        return torch.where(y != 0, y.to(values.dtype) * values, 0.0).sum(-1)
    return values.gather(-1, y.unsqueeze(-1)).squeeze(-1)


def weighted_mean(losses: Tensor, weights: Tensor, judged: Tensor | None = None) -> Tensor:
    """Return ``losses`` (..., B), which are times their weights, scaled so that their plain mean is the mean weighted
    by ``weights`` (..., B).

    ``judged`` (..., B): which of them count; ``None``: all. A batch without any weight gives 0.
    """
    if judged is not None:
        losses, weights = losses * judged, weights * judged
    total = weights.sum(-1, keepdim=True)
    # no quotient by a tiny number: many samples over it would be infinite, and 0 times that is NaN
    scale = torch.where(total > 0, losses.shape[-1] / torch.where(total > 0, total, 1.0), 0.0)
    return losses * scale
