"""The whole audit of a data set: every kind of fault, label errors by models that have not seen the sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wellfit.data.audit import Finding, Subject, read_subject
from wellfit.data.audit.collinear import find_collinear
from wellfit.data.audit.constant import find_constant
from wellfit.data.audit.copies import Told, search
from wellfit.data.audit.duplicates import find_duplicates
from wellfit.data.audit.finding import by_severity
from wellfit.data.audit.imbalance import find_imbalance
from wellfit.data.audit.judge import judge_labels
from wellfit.data.audit.label_errors import Noise
from wellfit.data.audit.leaks import find_leaks
from wellfit.data.audit.limits import find_limits
from wellfit.data.audit.mask_classes import find_mask_classes
from wellfit.data.audit.missing import find_missing
from wellfit.data.audit.outliers import find_outliers
from wellfit.data.audit.pair_faults import find_pair_faults
from wellfit.data.audit.pictures import find_pictures
from wellfit.data.audit.risk import Sizes, find_risk
from wellfit.data.audit.unreadable import find_unreadable
from wellfit.data.naming import shown
from wellfit.data.source_forms import left_out
from wellfit.errors import WellfitError
from wellfit.models import build, resolve_model
from wellfit.models.build import describe
from wellfit.recipe import Recipe

FINDERS: Mapping[str, Callable[[Subject], list[Finding]]] = {
    "unreadable": find_unreadable,
    "pairs": find_pair_faults,
    "missing": find_missing,
    "constant": find_constant,
    "collinear": find_collinear,
    "duplicates and leaks": find_duplicates,
    "imbalance": find_imbalance,
    "mask classes": find_mask_classes,
    "outliers": find_outliers,
    "pictures": find_pictures,
    "limits": find_limits,
}


@dataclass(frozen=True, eq=False)
class Audit:
    """What was looked at, and what was found, errors first."""

    subject: Subject
    findings: Sequence[Finding]
    network: str
    """The network that the data would be given to, as the recipe says it or inferred."""
    network_inferred: bool
    left_out: Mapping[str, Sequence[str]]
    """Field of the recipe's ``data`` -> columns of the table that it takes out of the features."""

    @property
    def columns(self) -> list[tuple[str, str]]:
        """Name and kind of each column of a table that is a feature; ``unclear`` where none could be inferred."""
        subject = self.subject
        kinds = subject.kinds or ("number",) * len(subject.features)
        gone = {name for names in self.left_out.values() for name in names}
        return [(name, kind) for name, kind in zip(subject.features, kinds, strict=True) if name not in gone]

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
            "columns": [{"name": name, "kind": kind} for name, kind in self.columns],
            "left_out": {field: list(names) for field, names in self.left_out.items()},
            "network": self.network,
            "network_inferred": self.network_inferred,
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
        if find is find_duplicates:  # one search for both, which may take long
            copies = search(subject, step=Told(step))
            found += find_duplicates(subject, copies) + find_leaks(subject, copies)
            continue
        found += find(subject)
    step("label errors")
    doubted, noise = judge_labels(subject)
    step("risk")
    found += doubted + risk_of(subject, recipe, noise)
    spec = resolve_model(recipe.model, subject.kind, subject.task or "classification")
    return Audit(
        subject,
        by_severity(found),
        network=describe(spec),
        network_inferred=recipe.model is None,
        left_out={
            field: [shown(name) for name in names if shown(name) in subject.features]
            for field, names in left_out(recipe.data).items()
        },
    )


def risk_of(subject: Subject, recipe: Recipe, noise: Noise | None) -> list[Finding]:
    """Return the risk of overfitting of the recipe's network (or the default one) on this data."""
    if subject.task is None:
        return []
    labels = subject.labels
    rest = np.setdiff1d(subject.train, subject.test)
    counts = None if labels is None else np.bincount(np.maximum(labels[rest], 0), minlength=len(subject.classes))
    spec = resolve_model(recipe.model, subject.kind, subject.task)
    try:
        outputs = len(subject.classes) or subject.y.shape[1]
        module = build(spec, shape=subject.x.shape[1:], outputs=outputs, seed=0, pixels=subject.task == "segmentation")
        parameters: int | None = sum(one.numel() for one in module.parameters() if one.requires_grad)
    except WellfitError:
        parameters = None
    return find_risk(
        Sizes(
            samples=round(len(rest) * (1 - recipe.data.split.validation)),
            features=int(np.prod(subject.x.shape[1:])),
            parameters=parameters,
            rarest_class=None if counts is None else int(counts.min()),
            label_noise=None if noise is None else noise.high,
            network=f"the {'default ' if recipe.model is None else ''}{spec.kind}",
            is_vector=subject.kind == "vector",
        )
    )
