"""Constant and near-constant columns: they tell a network nothing, or next to it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wellfit.data.audit.finding import Finding
from wellfit.data.audit.subject import Subject

NEARLY = 0.99
"""Part of a column that is one value, from which it is near-constant."""


def commonest_share(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return for each column of ``(N, D)`` how much of its finite values is its commonest value; 0 without any."""
    shares = []
    for column in x.T:
        present = column[np.isfinite(column)]
        shares.append(np.unique(present, return_counts=True)[1].max() / len(present) if len(present) else 0.0)
    return np.array(shares, dtype=np.float64)


def find_constant(subject: Subject) -> list[Finding]:
    """Return the constant and the near-constant columns of a table."""
    if subject.kind != "vector":
        return []
    names = subject.features or tuple(f"feature {i}" for i in range(subject.x.shape[1]))
    shares = commonest_share(subject.x[subject.train])
    found = []
    for kind, chosen, say in (
        ("constant", shares == 1, "hold one value only"),
        ("near_constant", (shares >= NEARLY) & (shares < 1), f"hold one value in {NEARLY:.0%} of the rows or more"),
    ):
        columns = np.flatnonzero(chosen)
        if len(columns):
            found.append(
                Finding(
                    kind=kind,
                    severity="warning" if kind == "constant" else "note",
                    words=f"{len(columns):,} of {len(names):,} columns {say}",
                    advice="drop them"
                    if kind == "constant"
                    else "look at them: a rare value may matter, or be noise to memorize",
                    where=tuple(names[i] for i in columns),
                    count=len(columns),
                    evidence={"share": shares[columns].tolist()},
                )
            )
    return found
