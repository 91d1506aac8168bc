"""Outliers: samples far from all others, and values far beyond the rest of their column."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wellfit.data.audit.descriptor import descriptors
from wellfit.data.audit.duplicates import MOST, K, distinct
from wellfit.data.audit.finding import Finding, counted
from wellfit.data.audit.neighbors import neighbors
from wellfit.data.audit.subject import Subject
from wellfit.data.audit.texture import robust_distance, textures

FAR = 10.0
"""Interquartile ranges beyond the quartiles from which a value is an outlier; Tukey (1977) calls 3 far out, which the
long tails of clean tables reach by the hundred.
"""
LONELY = 4.0
"""Robust standard deviations, of the logarithm of the distance to the K-th neighbor, above which a sample is lonely."""
STRANGE = 3.5
"""Those of the logarithm of the distance of its texture from the bulk, above which a picture is strange: about 6 in
1,000 photographs are.
"""
FEWEST = 100
"""Pictures from which the bulk of their textures is known."""


def far_values(x: npt.NDArray[np.float64], *, far: float = FAR) -> npt.NDArray[np.bool_]:
    """Return which values of columns ``(N, D)`` lie more than ``far`` interquartile ranges outside of the quartiles.

    A column without such a range (more than half is one value) has none, nor has one of two values.
    """
    present = np.where(np.isfinite(x), x, np.nan)
    some = np.isfinite(present).sum(axis=0) > 3
    low, high = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    if some.any():
        low[some], high[some] = np.nanpercentile(present[:, some], (25, 75), axis=0)
    wide = high > low
    outside = np.maximum(low - present, present - high) > far * (high - low)
    found: npt.NDArray[np.bool_] = outside & wide & some
    return found


def lonely_rows(distance: npt.NDArray[np.floating], *, lonely: float = LONELY) -> npt.NDArray[np.float64]:
    """Return how lonely samples are: robust standard deviations of log distance above the median; 0 up to ``lonely``.

    ``distance`` ``(N,)`` is that to the K-th neighbor.
    """
    logs = np.log(np.maximum(distance.astype(np.float64), 1e-9))
    low, middle, high = np.percentile(logs, (25, 50, 75))
    score = (logs - middle) / max((high - low) / 1.349, 0.05)
    found: npt.NDArray[np.float64] = np.where(score > lonely, score, 0)
    return found


def find_outliers(subject: Subject) -> list[Finding]:
    """Return the rows of a table that hold far values, or the images and sequences that are like no other."""
    rows = subject.train
    if subject.kind == "vector":
        numeric = ~np.array(subject.is_text or (False,) * subject.x.shape[1])
        far = far_values(subject.x[rows]) & numeric
        at = np.flatnonzero(far.any(axis=1))
        names = subject.features or tuple(f"feature {i}" for i in range(subject.x.shape[1]))
        evidence = {"columns": [[names[i] for i in np.flatnonzero(far[row])] for row in at]}
        rows_hold = counted(len(at), "row holds", "rows hold")
        words = f"{rows_hold} a value more than {FAR:g} interquartile ranges from the rest of its column"
    else:
        rows = distinct(subject.x, subject.kind, rows)  # blank ones are another finding
        if not K < len(rows) <= MOST:
            return []
        distance = np.sqrt(neighbors(descriptors(subject.x[rows], subject.kind), k=K).squared[:, -1])
        score = lonely_rows(distance)
        if subject.kind == "image" and len(rows) >= FEWEST:
            strange = robust_distance(textures(subject.x[rows]))
            score = np.maximum(score, lonely_rows(strange, lonely=STRANGE))
        at = np.argsort(-score, kind="stable")[: int((score > 0).sum())]
        evidence = {"score": np.round(score[at], 2).tolist()}
        words = f"{counted(len(at), 'sample is', 'samples are')} unlike all others"
    if not len(at):
        return []
    return [
        Finding(
            kind="outliers",
            severity="note",
            words=words,
            advice="look at each: a mistake is to be corrected or dropped, a rare true sample is to be kept",
            where=subject.named(rows[at]),
            count=len(at),
            evidence=evidence,
        )
    ]
