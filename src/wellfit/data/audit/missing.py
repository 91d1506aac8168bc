"""Missing values of a table."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wellfit.data.audit.finding import Finding, counted
from wellfit.data.audit.subject import Subject

MOSTLY = 0.5
"""Part of missing values from which a column is better dropped than filled."""


def missing_rows(x: npt.NDArray[np.float64]) -> list[npt.NDArray[np.int64]]:
    """Return for each column of ``(N, D)`` the rows that hold no finite number."""
    return [np.flatnonzero(~np.isfinite(column)) for column in x.T]


def find_missing(subject: Subject) -> list[Finding]:
    """Return one finding a column that lacks values; the target's rows come first."""
    if subject.kind != "vector" or not subject.features:
        return []
    found = [_target(subject)] if len(_lacking(subject)) else []
    for name, rows in zip(subject.features, missing_rows(subject.x[subject.train]), strict=True):
        if not len(rows):
            continue
        share = len(rows) / len(subject.train)
        empty = share == 1
        advice = "drop the column" if share >= MOSTLY else "impute (fitted on train only), or drop the rows"
        found.append(
            Finding(
                kind="missing",
                severity="error" if empty else "warning",
                words=f"the column '{name}' has {'no values' if empty else f'{len(rows):,} missing ({share:.1%})'}",
                advice=advice,
                where=subject.named(subject.train[rows]),
                count=len(rows),
                evidence={"column": name, "share": share},
            )
        )
    return found


def _lacking(subject: Subject) -> npt.NDArray[np.int64]:
    y = subject.y[subject.train]
    bad = y < 0 if subject.task == "classification" else ~np.isfinite(y).all(axis=1)
    return subject.train[bad]


def _target(subject: Subject) -> Finding:
    rows = _lacking(subject)
    return Finding(
        kind="missing",
        severity="error",
        words=f"the target '{subject.target}' is missing in {counted(len(rows), 'row', 'rows')}",
        advice="drop the rows, or find the answers: a target is never imputed",
        where=subject.named(rows),
        count=len(rows),
        evidence={"column": subject.target, "share": len(rows) / len(subject.train), "target": True},
    )
