"""Losses that ask for a margin between the true class and the others."""

from __future__ import annotations

import torch
from torch import Tensor

from wellfit.train.losses.targets import classes


def hinge(z: Tensor, y: Tensor, *, margin: float, p: int) -> Tensor:
    """Return ``max(0, margin - s (z_1 - z_0))^p``, where s is -1 for class 0 and +1 for class 1: (..., B, 2) gives
    (..., B).
    """
    sign = (2 * classes(y) - 1).to(z.dtype)
    return _power((margin - sign * (z[..., 1] - z[..., 0])).relu(), p)


def multiclass_hinge(z: Tensor, y: Tensor, *, margin: float, p: int) -> Tensor:
    """Return ``1/C sum_{c != y} max(0, margin - z_y + z_c)^p``: (..., B, C) gives (..., B)."""
    true = classes(y).unsqueeze(-1)
    missing = _power((margin - z.gather(-1, true) + z).relu(), p)
    other = torch.arange(z.shape[-1], device=z.device) != true
    return torch.where(other, missing, 0.0).sum(-1) / z.shape[-1]


def _power(missing: Tensor, p: int) -> Tensor:
    return missing if p == 1 else missing.square()
