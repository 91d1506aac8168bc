"""Boxes in images, for what is drawn over a picture or cut out of it."""

from __future__ import annotations

import torch
from torch import Tensor


def inside(x: Tensor, first: Tensor, stop: Tensor) -> Tensor:
    """Return which pixels of the images ``x`` (n, C, H, W) lie in each sample's box: bool (n, 1, H, W).

    ``first`` and ``stop`` (n, 2) are row and column: the first inside and the first beyond.
    """
    rows = torch.arange(x.shape[2], device=x.device)
    columns = torch.arange(x.shape[3], device=x.device)
    in_rows = (rows >= first[:, :1]) & (rows < stop[:, :1])  # (n, H)
    in_columns = (columns >= first[:, 1:]) & (columns < stop[:, 1:])  # (n, W)
    return in_rows[:, None, :, None] & in_columns[:, None, None, :]
