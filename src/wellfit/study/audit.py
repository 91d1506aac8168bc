"""The whole audit of a data set: every kind of fault, label errors by models that have not seen the sample."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from wellfit.data.audit import Finding, Subject, read_subject
from wellfit.data.audit.collinear import find_collinear
from wellfit.data.audit.constant import find_constant
from wellfit.data.audit.duplicates import find_duplicates
from wellfit.data.audit.finding import by_severity
from wellfit.data.audit.imbalance import find_imbalance
from wellfit.data.audit.label_errors import GOOD, find_suspects, label_error_finding
from wellfit.data.audit.leaks import find_leaks
from wellfit.data.audit.missing import find_missing
from wellfit.data.audit.outliers import find_outliers
from wellfit.data.audit.pictures import find_pictures
from wellfit.data.audit.risk import Sizes, find_risk
from wellfit.data.audit.traits import traits
from wellfit.data.audit.unreadable import find_unreadable
from wellfit.errors import WellfitError
from wellfit.models import build, resolve_model
from wellfit.recipe import Recipe

FINDERS: Mapping[str, Callable[[Subject], list[Finding]]] = {
    "unreadable": find_unreadable,
    "missing": find_missing,
    "constant": find_constant,
    "collinear": find_collinear,
    "duplicates": find_duplicates,
    "leaks": find_leaks,
    "imbalance": find_imbalance,
    "outliers": find_outliers,
    "pictures": find_pictures,
}
FOLDS = 3
LEAST = 8
"""Samples of a class from which its labels are judged."""


@dataclass(frozen=True, eq=False)
class Audit:
    """What was looked at, and what was found, errors first."""

    subject: Subject
    findings: Sequence[Finding]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        subject = self.subject
        return {
            "data": subject.name,
            "source": subject.source,
            "fingerprint": subject.fingerprint,
            "kind": subject.kind,
            "task": subject.task,
            "samples": len(subject),
            "looked_at": len(subject.train),
            "given_test": len(subject.test) if subject.test_is_given else None,
            "shape": list(subject.x.shape[1:]),
            "classes": list(subject.classes),
            "findings": [finding.to_dict() for finding in self.findings],
        }


def audit(recipe: Recipe, *, step: Callable[[str], None] = lambda name: None) -> Audit:
    """Look for every kind of fault in a recipe's data. A given test set is looked at for leaks only: it stays sealed.

    Parameters
    ----------
    recipe
        Its data; its model, for the risk of overfitting.
    step
        Is told what is looked for next.

    Raises
    ------
    InputError
        The data is not found, or nothing in it can be read.

    """
    subject = read_subject(recipe.data)
    found: list[Finding] = []
    for name, find in FINDERS.items():
        step(name)
        found += find(subject)
    step("label errors")
    doubted = judge_labels(subject)
    step("risk")
    found += doubted + risk_of(subject, recipe, doubted)
    return Audit(subject, by_severity(found))


def judge_labels(subject: Subject) -> list[Finding]:
    """Return the label errors that confident learning finds, judged by out-of-fold probabilities.

    Images and sequences: logistic regression on their traits; vectors: 300 extremely randomized trees. 3 stratified
    folds. Copies of a sample lie in one fold, else each would vouch for the other's label.
    """
    labels = subject.labels
    if labels is None:
        return []
    rows = subject.train[labels[subject.train] >= 0]
    counts = np.bincount(labels[rows], minlength=len(subject.classes))
    rows = rows[counts[labels[rows]] >= LEAST]
    present, y = np.unique(labels[rows], return_inverse=True)
    if len(present) < 2:
        return []
    probabilities = out_of_fold(traits(subject.x[rows], subject.kind), y, is_vector=subject.kind == "vector")
    accuracy = float((probabilities.argmax(axis=1) == y).mean())
    suspects = find_suspects(probabilities, y)
    named = suspects._replace(suggested=present[suspects.suggested])
    return label_error_finding(subject, rows, named, accuracy=accuracy)


def out_of_fold(
    features: npt.NDArray[np.float32], y: npt.NDArray[np.int64], *, is_vector: bool
) -> npt.NDArray[np.float64]:
    """Return probabilities ``(N, K)`` by models that were fitted without the sample."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if is_vector:
        judge: Any = ExtraTreesClassifier(300, min_samples_leaf=2, random_state=0)
    else:
        judge = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=60, tol=1e-3))
    groups = np.unique(features, axis=0, return_inverse=True)[1].reshape(-1)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a judge that is nearly fitted judges nearly as well
        warnings.simplefilter("ignore", UserWarning)
        found: npt.NDArray[np.float64] = cross_val_predict(
            judge, features, y, groups=groups, cv=folds, method="predict_proba"
        )
    return found


def risk_of(subject: Subject, recipe: Recipe, doubted: Sequence[Finding]) -> list[Finding]:
    """Return the risk of overfitting of the recipe's network (or the default one) on this data."""
    if subject.task is None:
        return []
    labels = subject.labels
    rest = np.setdiff1d(subject.train, subject.test)
    counts = None if labels is None else np.bincount(np.maximum(labels[rest], 0), minlength=len(subject.classes))
    spec = resolve_model(recipe.model, subject.kind)
    try:
        outputs = len(subject.classes) or subject.y.shape[1]
        module = build(spec, shape=subject.x.shape[1:], outputs=outputs, seed=0)
        parameters: int | None = sum(one.numel() for one in module.parameters() if one.requires_grad)
    except WellfitError:
        parameters = None
    return find_risk(
        Sizes(
            samples=round(len(rest) * (1 - recipe.data.split.validation)),
            features=int(np.prod(subject.x.shape[1:])),
            parameters=parameters,
            rarest_class=None if counts is None else int(counts.min()),
            label_noise=next((float(one.evidence["share"]) for one in doubted if _is_good(one)), None),
            network=f"the {'default ' if recipe.model is None else ''}{spec.kind}",
            is_vector=subject.kind == "vector",
        )
    )


def _is_good(finding: Finding) -> bool:
    """Whether the judge of labels is good enough for its doubts to be an estimate of the noise."""
    return float(finding.evidence["judge_accuracy"]) >= GOOD
