"""Splits that keep groups together: a part of whole groups, and folds of whole groups."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

CANDIDATES = 64
"""Random choices of groups that are compared; the one nearest to the wished sizes is taken."""


def part_of_groups(groups: Tensor, labels: Tensor, total: int, *, leave: int, draw: torch.Generator) -> Tensor:
    """Return sorted positions of about ``total`` samples that are whole groups; at least one, and ``leave`` stay.

    Of CANDIDATES random orders of the groups, each cut where it is nearest to ``total``, the one is taken that leaves
    no class without samples and has the smallest sum over classes c of ``|n_c - total / N * N_c|``.

    Parameters
    ----------
    groups, labels
        int64 ``(N,)``; more than ``leave`` groups. Labels are classes, or all 0.
    total
        Samples wished for.
    leave
        Groups that must not be taken, at least 1.
    draw
        The generator of the orders.

    """
    table, index = _table(groups, labels)
    sizes, share = table.sum(1), table.sum(0) * (total / len(groups))
    best, lowest = torch.empty(0, dtype=torch.int64), float("inf")
    for _ in range(CANDIDATES):
        order = torch.randperm(len(table), generator=draw)
        nearest = int((sizes[order].cumsum(0) - total).abs().argmin()) + 1
        chosen = order[: min(nearest, len(table) - leave)]
        part = table[chosen].sum(0)
        emptied = int(((part == table.sum(0)) & (part > 0)).sum())
        cost = float((part - share).abs().sum()) + len(groups) * emptied
        if cost < lowest:
            best, lowest = chosen, cost
    return torch.isin(index, best).nonzero().squeeze(1)


def group_folds(groups: Tensor, labels: Tensor, folds: int, *, draw: torch.Generator) -> Tensor:
    """Return the fold of each sample, int64 ``(N,)``: whole groups, balanced by classes.

    Groups are taken from the largest down, those of one size in random order; each goes to the fold f that keeps
    ``sum_c (n_fc / N_c)^2`` smallest, among equals to the one with the fewest samples. There are at least as many
    groups as folds, so no fold is empty.
    """
    table, index = _table(groups, labels)
    shares = table / table.sum(0).clamp(min=1)
    held, sizes = torch.zeros(folds, table.shape[1], dtype=torch.float64), torch.zeros(folds, dtype=torch.float64)
    fold_of = torch.zeros(len(table), dtype=torch.int64)
    shuffled = torch.randperm(len(table), generator=draw)
    order = shuffled[table[shuffled].sum(1).argsort(descending=True, stable=True)]
    for at, group in enumerate(order.tolist()):
        # the growth of the sum, up to what is the same for all folds
        cost = held @ shares[group]
        if at < folds:
            cost[sizes > 0] = float("inf")  # the first ones go to a fold each
        equal = (cost <= cost.min() + 1e-12).nonzero().squeeze(1)
        fold = int(equal[sizes[equal].argmin()])
        fold_of[group] = fold
        held[fold] += shares[group]
        sizes[fold] += float(table[group].sum())
    return fold_of[index]


def _table(groups: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the samples of each group and class, float64 ``(G, K)``, and the group of each sample as an index."""
    names, found = np.unique(groups.numpy(), return_inverse=True)
    index = torch.from_numpy(found.astype(np.int64))
    classes = int(labels.max()) + 1
    counts = torch.bincount(index * classes + labels, minlength=len(names) * classes)
    return counts.view(len(names), classes).double(), index
