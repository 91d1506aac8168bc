"""Label errors by confident learning, from probabilities of models that have not seen the sample."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wellfit.data.audit.finding import Finding
from wellfit.data.audit.subject import Subject

GOOD = 0.8
"""Accuracy below which a judge is weak: then only the labels that it is sure of are doubted."""
SURE = 0.9
"""Out-of-fold probability of another class from which a plan relabels; else a person looks first."""


class Suspects(NamedTuple):
    """Rows of samples whose label is in doubt, the surest first; the class they more likely are; its probability, and
    that of the given label.
    """

    rows: npt.NDArray[np.int64]
    suggested: npt.NDArray[np.int64]
    other: npt.NDArray[np.float64]
    own: npt.NDArray[np.float64]


def confident_thresholds(probabilities: npt.NDArray[np.float64], y: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return for each class j the mean of p(j) over the samples labelled j (Northcutt et al. 2021, equation 2).

    A class without samples has 1.

    Parameters
    ----------
    probabilities
        Out-of-fold ``(N, K)``, rows sum to 1.
    y
        Given labels ``(N,)``, 0..K-1.

    """
    classes = range(probabilities.shape[1])
    return np.array([probabilities[y == j, j].mean() if (y == j).any() else 1.0 for j in classes], dtype=np.float64)


def find_suspects(probabilities: npt.NDArray[np.float64], y: npt.NDArray[np.int64]) -> Suspects:
    """Return the off-diagonal of the confident joint: samples labelled i that are confidently a class j other than i,

    j = argmax over {j: p(j) >= threshold(j)} of p(j), where there is one, ordered by p(j) - p(i).

    Source: Northcutt, Jiang and Chuang (2021), Confident Learning, equation 1 and section 3.2. It finds nothing in
    samples that are confidently no class.
    """
    above = np.where(probabilities >= confident_thresholds(probabilities, y), probabilities, -1.0)
    likely = above.argmax(axis=1)
    every = np.arange(len(y))
    rows = np.flatnonzero((above[every, likely] >= 0) & (likely != y) & (probabilities.argmax(axis=1) == likely))
    other, own = probabilities[rows, likely[rows]], probabilities[rows, y[rows]]
    order = np.argsort(own - other, kind="stable")
    return Suspects(rows[order], likely[rows[order]], other[order], own[order])


def label_error_finding(
    subject: Subject, rows: npt.NDArray[np.int64], suspects: Suspects, *, accuracy: float
) -> list[Finding]:
    """Return the finding for suspects; ``rows`` are the samples that were judged, ``accuracy`` that of the judge."""
    labels = subject.labels
    if accuracy < GOOD:
        sure = suspects.other >= SURE
        suspects = Suspects(suspects.rows[sure], suspects.suggested[sure], suspects.other[sure], suspects.own[sure])
    if labels is None or not len(suspects.rows):
        return []
    at = rows[suspects.rows]
    share = len(at) / len(rows)
    return [
        Finding(
            kind="label_errors",
            severity="warning" if accuracy >= GOOD and share < 0.5 * (1 - accuracy) + 0.05 else "note",
            words=f"{len(at):,} of {len(rows):,} labels are in doubt ({share:.1%}); the judge, fitted on the other"
            f" folds, is right in {accuracy:.1%}",
            advice="look at the first ones and correct them (relabel); a weak judge doubts hard samples as much as"
            " wrong labels",
            where=subject.named(at),
            count=len(at),
            evidence={
                "given": [subject.classes[labels[row]] for row in at],
                "suggested": [subject.classes[j] for j in suspects.suggested],
                "probability": np.round(suspects.other, 4).tolist(),
                "probability_of_given": np.round(suspects.own, 4).tolist(),
                "judge_accuracy": accuracy,
                "share": share,
            },
        )
    ]
