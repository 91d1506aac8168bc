"""The judge of labels: scores of classes by models that have not seen the sample."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from wellfit.data.audit.copies import exact_groups
from wellfit.data.audit.descriptor import descriptors
from wellfit.data.audit.finding import Finding
from wellfit.data.audit.kernel_ridge import ridge_scores
from wellfit.data.audit.label_errors import (
    Noise,
    estimate_noise,
    find_suspects,
    label_error_finding,
    log_likelihood,
    softmax,
)
from wellfit.data.audit.patches import patch_features
from wellfit.data.audit.subject import Subject
from wellfit.data.audit.traits import traits
from wellfit.data.dataset import Kind

FOLDS = 5
LEAST = 8
"""Samples of a class from which its labels are judged."""
TREES = 300

Floats = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]


def judge_labels(subject: Subject) -> tuple[list[Finding], Noise | None]:
    """Return the labels in doubt, judged by scores from outside of the fold, and the part of labels that are wrong;
    ``None`` where there are no classes to judge.
    """
    labels = subject.labels
    if labels is None:
        return [], None
    rows = subject.train[labels[subject.train] >= 0]
    counts = np.bincount(labels[rows], minlength=len(subject.classes))
    rows = rows[counts[labels[rows]] >= LEAST]
    present, y = np.unique(labels[rows], return_inverse=True)
    if len(present) < 2:
        return [], None
    scores = out_of_fold(subject.x[rows], y, subject.kind)
    noise = estimate_noise(scores, y)
    suspects = find_suspects(scores, y, noise)
    named = suspects._replace(suggested=present[suspects.suggested])
    accuracy = float((scores.argmax(axis=1) == y).mean())
    return label_error_finding(subject, rows, named, accuracy=accuracy, noise=noise), noise


def out_of_fold(x: npt.NDArray[Any], y: Classes, kind: Kind) -> Floats:
    """Return scores ``(N, K)``, log probabilities up to a scale, by models that were fitted without the sample's fold.

    Images: kernel ridge regression on oriented gradients, coarse pixels and patch features. Sequences: the same on
    their coarse form. Vectors: the mean of 300 extremely randomized trees and kernel ridge regression on the columns in
    robust standard deviations. Its penalty is the one that makes the labels of the other folds likeliest.
    """
    return judged(seen(x, kind), traits(x, kind) if kind == "vector" else None, y, draw_folds(x, y))


def seen(x: npt.NDArray[Any], kind: Kind) -> npt.NDArray[np.float32]:
    """Return the features ``(N, D)`` that kernel ridge regression reads."""
    if kind == "vector":
        # one wild value shall not drown the other columns
        scaled = descriptors(x, kind)
        found: npt.NDArray[np.float32] = np.clip(scaled * np.float32(np.sqrt(scaled.shape[1])), -5, 5)
        return found
    features = traits(x, kind)
    return np.concatenate([features, patch_features(x)], axis=1) if kind == "image" else features


def judged(
    features: npt.NDArray[np.float32], columns: npt.NDArray[np.float32] | None, y: Classes, folds: Classes
) -> Floats:
    """Return the scores of ``out_of_fold`` from features, from the ``columns`` of a table for the trees, and folds."""
    smooth = _best(ridge_scores(features, y, folds), y)
    if columns is None:
        return smooth
    judges = [smooth, _trees(columns, y, folds)]
    made: Floats = np.log(np.mean([softmax(one, estimate_noise(one, y).scale) for one in judges], axis=0) + 1e-4)
    return made


def draw_folds(x: npt.NDArray[Any], y: Classes) -> Classes:
    """Return a fold ``(N,)`` for each sample, the classes spread evenly; copies of a sample lie in one fold, else each
    would vouch for the other's label.
    """
    order = np.random.default_rng(0).permutation(len(y))
    by_class = order[np.argsort(y[order], kind="stable")]
    folds = np.zeros(len(y), np.int64)
    folds[by_class] = np.arange(len(y)) % FOLDS
    for group in exact_groups(x):
        folds[group] = folds[group[0]]
    return folds


def _trees(features: npt.NDArray[np.float32], y: Classes, folds: Classes) -> Floats:
    from sklearn.ensemble import ExtraTreesClassifier

    found = np.zeros((len(y), int(y.max()) + 1))
    for fold in range(FOLDS):
        held = folds == fold
        if held.any() and not held.all():
            trees = ExtraTreesClassifier(TREES, min_samples_leaf=2, random_state=0).fit(features[~held], y[~held])
            found[np.ix_(held, trees.classes_)] = trees.predict_proba(features[held])
    made: Floats = np.log(found + 0.01)
    return made


def _best(candidates: list[Floats], y: Classes) -> Floats:
    def likelihood(scores: Floats) -> float:
        spread = float(scores.std()) + 1e-9
        trials = [log_likelihood(scores, y, scale=s / spread, share=e) for s in (0.5, 1, 2, 4, 8) for e in (0.01, 0.1)]
        return max(trials)

    return max(candidates, key=likelihood)
