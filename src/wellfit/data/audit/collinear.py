"""Collinear columns: one is a multiple of the other; or a column that gives the target away."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wellfit.data.audit.finding import Finding, counted
from wellfit.data.audit.subject import Subject

LEAST = 0.999
"""Absolute correlation from which two columns say the same."""
TELLS = 0.9999
"""Absolute correlation with the target of a regression from which a column is that target in disguise."""
MOST_COLUMNS = 5000


def correlations(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the correlations ``(D, D)`` of columns ``(N, D)``: NaN counts as the column's mean, a constant as 0."""
    present = np.where(np.isfinite(x), x, np.nan)
    count = np.maximum(np.isfinite(present).sum(axis=0), 1)
    centered = present - np.nansum(present, axis=0) / count
    filled = np.where(np.isfinite(centered), centered, 0)
    length = np.sqrt(np.square(filled).sum(axis=0))
    rounding = 1e-12 * np.sqrt(len(x)) * np.abs(np.where(np.isfinite(x), x, 0)).max(axis=0, initial=0)
    scaled = np.where(length > rounding, filled / np.where(length > 0, length, 1), 0)
    found: npt.NDArray[np.float64] = scaled.T @ scaled
    return found


def find_collinear(subject: Subject) -> list[Finding]:
    """Return pairs of columns that say the same, and columns that are the target in disguise."""
    if subject.kind != "vector" or subject.x.shape[1] > MOST_COLUMNS:
        return []
    names = subject.features or tuple(f"feature {i}" for i in range(subject.x.shape[1]))
    numeric = np.flatnonzero(~np.array(subject.is_text or (False,) * len(names)))
    x = subject.x[subject.train][:, numeric]
    found = []
    if subject.task == "regression":
        together = correlations(np.concatenate([x, subject.y[subject.train]], axis=1))[: len(numeric), len(numeric) :]
        telling = np.flatnonzero(np.abs(together).max(axis=1, initial=0) >= TELLS)
        if len(telling):
            found.append(
                Finding(
                    kind="target_leaks",
                    severity="error",
                    words=counted(
                        len(telling), "column is the target in disguise", "columns are the target in disguise"
                    ),
                    advice="drop them, unless they are known when a prediction is asked for",
                    where=tuple(names[numeric[i]] for i in telling),
                    count=len(telling),
                    evidence={"correlation": np.abs(together).max(axis=1)[telling].tolist()},
                )
            )
    matrix = np.triu(correlations(x), 1)
    left, right = np.nonzero(np.abs(matrix) >= LEAST)
    if len(left):
        pairs = [(names[numeric[a]], names[numeric[b]]) for a, b in zip(left, right, strict=True)]
        spare = tuple(dict.fromkeys(other for _, other in pairs))
        found.append(
            Finding(
                kind="collinear",
                severity="note",
                words=f"{len(spare):,} of {len(names):,} columns say what another says (correlation {LEAST} or more)",
                advice="keep one of each pair",
                where=spare,
                count=len(spare),
                evidence={"correlation": matrix[left, right].tolist()},
                groups=tuple(pairs),
            )
        )
    return found
