"""Choose remedies: those the findings call for and the evidence does not contradict."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from wellfit.diagnosis.finding import FindingName
from wellfit.diagnosis.further_remedies import FURTHER
from wellfit.diagnosis.remedies import ONCE, TABLE, Bound, Remedy
from wellfit.diagnosis.verdict import Diagnosis


def prescribe(
    diagnosis: Diagnosis,
    *,
    regularizers: Collection[str] | None = None,
    kind: Literal["image", "vector", "sequence"] | None = None,
) -> tuple[Remedy, ...]:
    """Return the remedies for the findings of a diagnosis, best first: by the findings' gravity, then by the table's
    rank.

    ``regularizers`` are the names in use (``None``: not known): what is in use is raised rather than added, and "less
    regularization" is not offered where there is none. ``kind`` of data: augmentation of images is offered for
    images, and where it is not known. A well-fit run gets none. Ranks are a judgement (cheapest and best attested
    first), not measured on this data.
    """
    if diagnosis.verdict == "well-fit":
        return ()
    offered: list[Remedy] = []
    for finding in diagnosis.findings:
        for remedy in remedies_of(finding.name, diagnosis, regularizers=regularizers, kind=kind):
            if all(remedy.change != other.change for other in offered):
                offered.append(remedy)
    return tuple(offered)


def remedies_of(
    name: FindingName,
    diagnosis: Diagnosis,
    *,
    regularizers: Collection[str] | None = None,
    kind: Literal["image", "vector", "sequence"] | None = None,
) -> tuple[Remedy, ...]:
    """Return the remedies for one finding of a diagnosis, best first, as ``prescribe`` does."""
    present = {finding.name for finding in diagnosis.findings}
    offered = []
    for entry in (*TABLE, *FURTHER):
        if entry.remedy.finding != name or present & set(entry.against):
            continue
        if kind not in (None, "image") and entry.kind == "image":
            continue
        if all(_agrees(bound, diagnosis) for bound in entry.when):
            adapted = _adapted(entry.remedy, regularizers)
            offered += [] if adapted is None else [adapted]
    return tuple(offered)


def _agrees(bound: Bound, diagnosis: Diagnosis) -> bool:
    value = diagnosis.evidence.get(bound.feature)
    if value is None:
        return not bound.needed
    return bound.at_least <= value <= bound.at_most


def _adapted(remedy: Remedy, regularizers: Collection[str] | None) -> Remedy | None:
    """Return the remedy as it fits to what is in use; ``None`` where it is done already, or nothing is there to
    lower.
    """
    if regularizers is None:
        return remedy
    if remedy.change == "regularizers" and not regularizers:
        return None
    if remedy.step == "add" and remedy.change in regularizers:
        if remedy.change in ONCE:
            return None
        return Remedy(remedy.finding, remedy.change, "raise", remedy.reason, remedy.source)
    return remedy
