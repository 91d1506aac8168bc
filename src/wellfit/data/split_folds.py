"""Folds of a cross-validation, stratified."""

from __future__ import annotations

import torch
from torch import Tensor


def stratified_folds(labels: Tensor, folds: int, *, draw: torch.Generator) -> Tensor:
    """Return the fold of each sample, int64 ``(N,)``: the folds' sizes differ by one at most, and so do the samples of
    each class in them.

    The samples, in random order and then sorted by class, are dealt out in turn.
    """
    order = torch.randperm(len(labels), generator=draw)
    by_class = order[torch.sort(labels[order], stable=True).indices]
    found = torch.empty(len(labels), dtype=torch.int64)
    found[by_class] = torch.arange(len(labels)) % folds
    return found
