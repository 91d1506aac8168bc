"""The nearest neighbors of each sample, exact, by blocked matrix products."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

BLOCK = 256
"""Queries at a time, at most."""
PRODUCTS = 2**25
"""Products that a block holds: 128 MiB."""
GROUP = 64
"""Samples whose largest product is taken first: the k nearest lie in the k groups with the largest."""


class Neighbors(NamedTuple):
    """Squared Euclidean distances float32 ``(Q, k)``, ascending, and the rows int64 ``(Q, k)`` of the base."""

    squared: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int64]


def neighbors(
    base: npt.NDArray[np.float32],
    queries: npt.NDArray[np.float32] | None = None,
    *,
    k: int = 8,
    own: npt.NDArray[np.int64] | None = None,
) -> Neighbors:
    """Return the ``k`` nearest rows of ``base`` for each query; without ``queries``, of each row but itself.

    |q - b|^2 = |q|^2 - (2 q.b - |b|^2): the bracket is one matrix product, and its largest values are found group by
    group. The distances of those are then computed anew, without cancellation.

    Parameters
    ----------
    base
        float32 ``(N, D)``, finite.
    queries
        float32 ``(Q, D)``; ``None``: the base itself.
    k
        At most as many as there are others.
    own
        int64 ``(Q,)``: the row of ``base`` that each query is itself, -1 for none; such a row is no neighbor of its
        own. ``None``: no query is one (and without ``queries``, each).

    """
    if queries is None:
        own = np.arange(len(base))
    asked = torch.from_numpy(np.ascontiguousarray(base if queries is None else queries))
    k = max(0, min(k, len(base) - (own is not None)))
    if not k or not len(asked):
        return Neighbors(np.zeros((len(asked), k), np.float32), np.zeros((len(asked), k), np.int64))
    known = torch.from_numpy(np.ascontiguousarray(base))
    short = -len(known) % GROUP
    padded = torch.nn.functional.pad(known, (0, 0, 0, short))
    bias = torch.cat([-known.square().sum(1), torch.full((short,), -torch.inf)])
    groups = min(k, len(padded) // GROUP)
    squared, rows = torch.empty(len(asked), k), torch.empty(len(asked), k, dtype=torch.int64)
    within = torch.arange(GROUP)
    step = max(1, min(BLOCK, PRODUCTS // len(padded)))
    for start in range(0, len(asked), step):
        block = asked[start : start + step]
        score = torch.addmm(bias, block, padded.T, alpha=2)
        if own is not None:
            mine = torch.from_numpy(own[start : start + step])
            there = torch.nonzero(mine >= 0)[:, 0]
            score[there, mine[there]] = -torch.inf
        best = score.view(len(block), -1, GROUP).amax(2).topk(groups).indices
        places = (best[:, :, None] * GROUP + within).flatten(1)
        near = places.gather(1, score.gather(1, places).topk(k).indices)
        exact = (known[near] - block[:, None]).square().sum(2)
        order = exact.argsort(dim=1, stable=True)
        squared[start : start + len(block)] = exact.gather(1, order)
        rows[start : start + len(block)] = near.gather(1, order)
    return Neighbors(squared.numpy(), rows.numpy())
