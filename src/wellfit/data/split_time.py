"""A split by time: what comes last."""

from __future__ import annotations

import torch
from torch import Tensor


def last_part(order: Tensor, total: int, *, leave: int) -> Tensor | None:
    """Return sorted positions of about ``total`` samples that come last; no moment is cut in two.

    The part begins at the moment nearest to ``total`` samples from the end, of those that have at least ``leave``
    earlier moments. ``None``: there are not so many.

    >>> last_part(torch.tensor([5, 1, 3, 3, 2]), 2, leave=1)
    tensor([0, 2, 3])
    """
    times, indices = torch.sort(order, stable=True)
    begins = (times[1:] != times[:-1]).nonzero().squeeze(1)[leave - 1 :] + 1
    if not len(begins):
        return None
    begin = begins[(begins - (len(order) - total)).abs().argmin()]
    return indices[int(begin) :].sort().values
