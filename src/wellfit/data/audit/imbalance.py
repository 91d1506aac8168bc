"""Imbalance: classes that are much rarer than others, or too rare to be learned."""

from __future__ import annotations

import numpy as np

from wellfit.data.audit.finding import Finding
from wellfit.data.audit.subject import Subject

UNEVEN, VERY_UNEVEN = 3.0, 10.0
"""The commonest class over the rarest, from which it is said, and from which it is a warning."""
FEW = 20
"""Samples below which a class can hardly be learned or measured."""


def find_imbalance(subject: Subject) -> list[Finding]:
    """Return uneven and tiny classes."""
    labels = subject.labels
    if labels is None:
        return []
    known = labels[subject.train]
    counts = np.bincount(known[known >= 0], minlength=len(subject.classes))
    evidence = {"samples": dict(zip(subject.classes, counts.tolist(), strict=True))}
    found = []
    ratio = float(counts.max() / max(1, counts.min()))
    if ratio >= UNEVEN:
        rare = np.flatnonzero(counts * UNEVEN <= counts.max())
        found.append(
            Finding(
                kind="imbalance",
                severity="warning" if ratio >= VERY_UNEVEN else "note",
                words=f"the commonest class has {ratio:.1f} times the samples of the rarest",
                advice="read balanced measures beside accuracy; weight the loss, or collect more of the rare classes",
                where=tuple(subject.classes[i] for i in rare[np.argsort(counts[rare], kind="stable")]),
                count=len(rare),
                evidence=evidence | {"ratio": ratio},
            )
        )
    tiny = np.flatnonzero(counts < FEW)
    if len(tiny):
        found.append(
            Finding(
                kind="tiny_classes",
                severity="warning",
                words=f"{len(tiny):,} of {len(counts):,} classes have fewer than {FEW} samples",
                advice="collect more, or merge classes: neither training nor validation can say much about these",
                where=tuple(subject.classes[i] for i in tiny),
                count=len(tiny),
                evidence=evidence,
            )
        )
    return found
