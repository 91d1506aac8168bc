"""Duplicates: the same sample twice, byte by byte or nearly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from wellfit.data.audit.descriptor import descriptors, full_squared
from wellfit.data.audit.finding import Finding
from wellfit.data.audit.neighbors import Neighbors, neighbors
from wellfit.data.audit.subject import Subject
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
ROW_CLOSE = 1e-3
"""Largest mean squared difference of near-duplicate rows of a table, in robust standard deviations."""
ROW_RATIO = 0.02
MOST = 100_000
"""Samples up to which near duplicates are looked for: the work grows with the square."""


def exact_groups(x: npt.NDArray[Any], y: npt.NDArray[Any] | None = None) -> list[list[int]]:
    """Return groups of rows whose bytes are equal, each ascending, by their first row; ``y`` must be equal too."""
    groups: dict[bytes, list[int]] = {}
    whole = x + 0.0 if x.dtype.kind == "f" else x  # -0.0 is 0.0
    for row in range(len(whole)):
        digest = hashlib.blake2b(whole[row].tobytes(), digest_size=16)
        if y is not None:
            digest.update(y[row].tobytes())
        groups.setdefault(digest.digest(), []).append(row)
    return [rows for rows in groups.values() if len(rows) > 1]


def near_pairs(
    x: npt.NDArray[Any], kind: Kind, found: Neighbors, base: npt.NDArray[np.int64], queries: npt.NDArray[np.int64]
) -> list[tuple[int, int, float]]:
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
    if not found.rows.size:
        return []
    ratio, most = (ROW_RATIO, ROW_CLOSE) if kind == "vector" else (RATIO, LOOSE)
    scale = found.squared[:, -1:] if found.squared.shape[1] == K else np.full((len(queries), 1), np.inf)
    at, column = np.nonzero((found.squared <= most) & (found.squared <= ratio * scale))
    left, right = queries[at], base[found.rows[at, column]]
    squared = found.squared[at, column]
    if kind == "image":
        squared = full_squared(x, left, right)
        kept = squared <= CLOSE
        left, right, squared = left[kept], right[kept], squared[kept]
    order = np.argsort(squared, kind="stable")
    return [(int(left[i]), int(right[i]), float(squared[i])) for i in order]


def distinct(x: npt.NDArray[Any], kind: Kind, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the rows that are not blank: all blank pictures look alike, and are another finding."""
    if kind == "vector":
        return rows
    flat = x[rows].reshape(len(rows), -1)
    return rows[flat.max(axis=1) > flat.min(axis=1)] if flat.size else rows


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


def find_duplicates(subject: Subject) -> list[Finding]:
    """Return exact and near duplicates among the samples that are no given test."""
    rows = subject.train
    # two rows of a regression with other targets are two measurements
    y = subject.y[rows] if subject.task == "regression" else None
    groups = [[int(rows[i]) for i in group] for group in exact_groups(subject.x[rows], y)]
    found = [_finding(subject, groups, "exact_duplicates")] if groups else []
    again = {row for group in groups for row in group[1:]}
    first = distinct(subject.x, subject.kind, rows[~np.isin(rows, sorted(again))])
    if len(first) <= MOST:
        near = neighbors(descriptors(subject.x[first], subject.kind), k=K)
        pairs = near_pairs(subject.x, subject.kind, near, first, first)
        close = joined((left, right) for left, right, _ in pairs)
        if close:
            found.append(_finding(subject, close, "near_duplicates"))
    return found


def _finding(subject: Subject, groups: list[list[int]], kind: str) -> Finding:
    count = sum(len(group) - 1 for group in groups)
    labels = subject.labels
    torn = [labels is not None and len({int(labels[row]) for row in group}) > 1 for group in groups]
    how = "the same as" if kind == "exact_duplicates" else "nearly the same as"
    words = f"{count:,} of {len(subject.train):,} samples are {how} another one"
    if any(torn):
        words += f"; {sum(torn):,} of the {len(groups):,} groups disagree on the class"
    return Finding(
        kind=kind,
        severity="warning" if kind == "exact_duplicates" or any(torn) else "note",
        words=words,
        advice="keep one of each group (deduplicate): copies that fall in train and validation make both look good"
        + ("; where the classes disagree, look and correct one" if any(torn) else ""),
        where=subject.named([row for group in groups for row in group[1:]]),
        count=count,
        evidence={"groups": len(groups), "classes_disagree": torn},
        groups=tuple(subject.named(group) for group in groups),
    )
