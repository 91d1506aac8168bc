"""Likely near neighbors among very many samples: a forest of random-projection trees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

TREES = 6
LEAF = 4096
"""Samples of a leaf, at most."""


def leaves(points: Floats, *, most: int, draw: np.random.Generator) -> list[Rows]:
    """Return the rows of ``points`` ``(N, D)`` in leaves of at most ``most``, each half of what lay above it.

    A node is cut at the median of a random direction (Dasgupta and Freund 2008, without their jitter): two points whose
    directions from the middle enclose an angle t are parted with a probability of about t / pi a cut.
    """
    waiting, found = [np.arange(len(points), dtype=np.int64)], []
    while waiting:
        rows = waiting.pop()
        if len(rows) <= most:
            found.append(rows)
            continue
        direction = draw.standard_normal((points.shape[1],), dtype=np.float32)
        # what all points of a node share says nothing: the direction is taken within their own spread
        sample = points[rows[:: max(1, len(rows) // 512)]]
        direction = direction * (sample.std(axis=0) + np.float32(1e-12))
        half = len(rows) // 2
        order = np.argpartition(points[rows] @ direction, half)
        waiting += [rows[order[half:]], rows[order[:half]]]
    return found


def likely(
    points: Floats,
    close: Callable[[Rows], npt.NDArray[np.bool_]],
    *,
    trees: int = TREES,
    leaf: int = LEAF,
    seed: int = 0,
    step: Callable[[float], None] = lambda done: None,
) -> Rows:
    """Return, ascending, the rows that ``close`` finds to have a near neighbor within their leaf of any tree.

    Parameters
    ----------
    points
        ``(N, D)``.
    close
        Says of the rows of a leaf which have one.
    trees, leaf, seed
        How many trees, how large a leaf is at most, and the seed of the directions.
    step
        Is told what part is done, 0 to 1.

    """
    found = np.zeros(len(points), dtype=np.bool_)
    draw = np.random.default_rng(seed)
    for tree in range(trees):
        cut = leaves(points, most=leaf, draw=draw)
        for at, rows in enumerate(cut, 1):
            open_rows = np.sort(rows)
            found[open_rows[close(open_rows)]] = True
            step((tree + at / len(cut)) / trees)
    return np.flatnonzero(found)
