"""Copies: which samples are the same, or nearly, found in one search for duplicates and leaks alike."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from wellfit.data.audit.descriptor import descriptors, full_squared
from wellfit.data.audit.forest import likely
from wellfit.data.audit.neighbors import Neighbors, neighbors
from wellfit.data.audit.subject import Rows, Subject
from wellfit.data.dataset import Kind

K = 8
"""Neighbors of each sample that are looked at."""
LOOSE = 0.1
"""Largest 2 (1 - correlation) of near duplicates in the coarse grid: a correlation of 0.95."""
CLOSE = 0.04
"""Largest one at full resolution: a correlation of 0.98."""
RATIO = 0.25
"""Near duplicates are so much closer (in squared distance) than the K-th neighbor: where a whole class looks alike
(digits 1), closeness alone proves nothing (the ratio test of Lowe 2004, section 7.1).
"""
ALIKE = 0.005
"""One that proves a near duplicate by itself: the least difference that a picture moved by a pixel, recompressed or
noisy shows; about 1 in 1,000 clothes of Fashion-MNIST has another one so close.
"""
SHIFTED = 0.2
"""Largest one in the coarse grid of the two nearest neighbors that are tried for that: a shift changes it much."""
TRIED = 2
ROW_CLOSE = 1e-3
"""Largest mean squared difference of near-duplicate rows of a table, in robust standard deviations."""
ROW_RATIO = 0.02
MOST = 100_000
"""Samples up to which all pairs are compared; among more only likely ones are (``forest.likely``)."""
BLANKS = 4096
CHUNK = 8192

Pair = tuple[int, int, float]
"""Two rows and their squared distance."""


@dataclass(frozen=True, eq=False)
class Copies:
    """What is the same among the train and test samples of a subject."""

    exact: list[list[int]]
    """Groups of rows that are equal, each ascending, by their first row."""
    near: list[Pair]
    """(row, a row of train, squared distance) of near duplicates, the nearest first; of equal rows one stands for all.
    """


class Told:
    """Says every few seconds what part of a long search is done."""

    def __init__(self, say: Callable[[str], None], *, seconds: float = 5.0) -> None:
        self._say, self._seconds, self._last = say, seconds, time.monotonic()

    def __call__(self, done: float) -> None:
        """Take what part is done, 0 to 1."""
        if time.monotonic() - self._last >= self._seconds:
            self._last = time.monotonic()
            self._say(f"duplicates and leaks, {done:.0%}")


def search(subject: Subject, *, most: int = MOST, step: Callable[[float], None] = lambda done: None) -> Copies:
    """Return all copies among train and test, and near copies of either in train.

    Parameters
    ----------
    subject
        What is searched. Blank pictures and copies of a sample are compared with none.
    most
        Samples up to which all pairs are compared.
    step
        Is told what part is done, 0 to 1.

    """
    both = np.unique(np.concatenate([subject.train, subject.test]))
    exact = exact_groups(subject.x, both, subject.y if subject.task == "regression" else None)
    known = np.isin(np.arange(len(subject)), subject.train)
    again: set[int] = set()
    for group in exact:
        first = next((row for row in group if known[row]), group[0])
        again.update(row for row in group if row != first)
    rows = distinct(subject.x, subject.kind, both[~np.isin(both, sorted(again))])
    return Copies(exact, _near(subject, rows, known[rows], most, step))


def _near(
    subject: Subject, rows: Rows, known: npt.NDArray[np.bool_], most: int, step: Callable[[float], None]
) -> list[Pair]:
    """Return the near pairs among rows; only those that are ``known`` count as neighbors."""
    if not known.any():
        return []
    points = _descriptors(subject, rows)
    kind = subject.kind

    def among(asked: Rows, base: Rows) -> Neighbors:
        place = np.full(len(points), -1, np.int64)
        place[base] = np.arange(len(base))
        return neighbors(points[base], points[asked], k=K, own=place[asked])

    def close(leaf: Rows) -> npt.NDArray[np.bool_]:
        base = leaf[known[leaf]]
        found = _is_close(among(leaf, base), kind)
        return np.asarray(found.any(axis=1), dtype=np.bool_)

    everything = np.arange(len(rows), dtype=np.int64)
    base = everything[known]
    asked = everything if len(rows) <= most else likely(points, close, step=lambda done: step(done / 2))
    pairs: list[Pair] = []
    # the second time with all neighbors: what a leaf calls close need not be so among all
    for start in range(0, len(asked), CHUNK):
        part = asked[start : start + CHUNK]
        pairs += near_pairs(subject.x, kind, among(part, base), rows[base], rows[part])
        step(1 - (1 - min(1.0, (start + CHUNK) / len(asked))) * (1.0 if len(rows) <= most else 0.5))
    return sorted(pairs, key=lambda pair: pair[2])


def _descriptors(subject: Subject, rows: Rows) -> npt.NDArray[np.float32]:
    if subject.kind == "vector" or not len(rows):  # scaled by all rows together
        return descriptors(subject.x[rows], subject.kind)
    parts = [descriptors(subject.x[rows[i : i + CHUNK]], subject.kind) for i in range(0, len(rows), CHUNK)]
    return np.concatenate(parts)


def exact_groups(x: npt.NDArray[Any], rows: Rows | None = None, y: npt.NDArray[Any] | None = None) -> list[list[int]]:
    """Return groups of rows whose bytes are equal, each ascending, by their first row; ``y`` must be equal too.

    ``rows``, ascending, are those that are compared; ``None``: all.
    """
    groups: dict[bytes, list[int]] = {}
    for row in range(len(x)) if rows is None else rows.tolist():
        sample = x[row] + 0.0 if x.dtype.kind == "f" else x[row]  # -0.0 is 0.0
        digest = hashlib.blake2b(sample.tobytes(), digest_size=16)
        if y is not None:
            digest.update(y[row].tobytes())
        groups.setdefault(digest.digest(), []).append(row)
    return [found for found in groups.values() if len(found) > 1]


def _is_close(found: Neighbors, kind: Kind) -> npt.NDArray[np.bool_]:
    """Return which neighbors ``(Q, k)`` are close, by descriptors."""
    if not found.rows.size:
        return np.zeros(found.rows.shape, np.bool_)
    ratio, most = (ROW_RATIO, ROW_CLOSE) if kind == "vector" else (RATIO, LOOSE)
    few = np.full((len(found.rows), 1), np.inf, np.float32)
    scale = found.squared[:, -1:] if found.squared.shape[1] == K else few
    is_close: npt.NDArray[np.bool_] = (found.squared <= most) & (found.squared <= ratio * scale)
    return is_close


def _is_tried(found: Neighbors, kind: Kind) -> npt.NDArray[np.bool_]:
    """Return which neighbors ``(Q, k)`` full resolution alone may prove."""
    is_tried: npt.NDArray[np.bool_] = found.squared <= SHIFTED
    is_tried[:, TRIED if kind == "image" else 0 :] = False
    return is_tried


def near_pairs(x: npt.NDArray[Any], kind: Kind, found: Neighbors, base: Rows, queries: Rows) -> list[Pair]:
    """Return (query row, base row, squared distance) of near duplicates, the nearest first.

    Parameters
    ----------
    x, kind
        All samples.
    found
        The neighbors of each query in the base, by descriptors.
    base, queries
        Rows of ``x`` that those are.

    """
    close = _is_close(found, kind)
    at, column = np.nonzero(close | _is_tried(found, kind))
    left, right = queries[at], base[found.rows[at, column]]
    squared = found.squared[at, column]
    if kind == "image" and len(left):
        squared = full_squared(x, left, right)
        kept = squared <= np.where(close[at, column], CLOSE, ALIKE)
        left, right, squared = left[kept], right[kept], squared[kept]
    order = np.argsort(squared, kind="stable")
    return [(int(left[i]), int(right[i]), float(squared[i])) for i in order]


def distinct(x: npt.NDArray[Any], kind: Kind, rows: Rows) -> Rows:
    """Return the rows that are not blank: all blank pictures look alike, and are another finding."""
    if kind == "vector" or not len(rows):
        return rows
    seen = []
    for start in range(0, len(rows), BLANKS):
        part = x[rows[start : start + BLANKS]]
        flat = part.reshape(len(part), -1)
        seen.append(flat.max(axis=1) > flat.min(axis=1) if flat.size else np.ones(len(part), np.bool_))
    kept: Rows = rows[np.concatenate(seen)]
    return kept


def joined(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return the groups that pairs connect, each ascending, by their first row."""
    parent: dict[int, int] = {}

    def root(row: int) -> int:
        while parent.setdefault(row, row) != row:
            parent[row] = row = parent[parent[row]]
        return row

    for left, right in pairs:
        a, b = root(left), root(right)
        parent[max(a, b)] = min(a, b)
    groups: dict[int, list[int]] = {}
    for row in sorted(parent):
        groups.setdefault(root(row), []).append(row)
    return list(groups.values())
