"""From findings to a plan: only what is safe enough to be a default; the rest is left to a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from wellfit.data.audit.finding import Finding
from wellfit.data.audit.label_errors import GOOD, SURE
from wellfit.data.audit.missing import MOSTLY
from wellfit.data.audit.subject import Subject
from wellfit.data.clean.plan import Action, Plan

DROPPED = ("unreadable", "missing_partner", "size_mismatch", "empty_masks", "blank_pictures")
"""Kinds of findings whose samples go."""


def propose(subject: Subject, findings: Sequence[Finding]) -> Plan:
    """Return the plan: unreadable and blank samples, images and masks that do not fit together, constant and mostly
    empty columns and rows without a target are dropped, copies that agree on their class deduplicated, leaks dropped
    from train, sure label errors relabeled where the judge is good, other missing values imputed. Nothing is ever
    done to a given test set.

    The values to impute (medians, of text the commonest) are computed without the samples of the test set.
    """
    sealed = set(subject.named(subject.test)) if subject.test_is_given else set()
    gone: set[str] = set()
    actions: list[Action] = []
    for finding in findings:
        if finding.kind in DROPPED:
            actions += _drop(finding.where, finding.kind.replace("_", " "), gone, sealed)
        elif finding.kind == "exact_leaks" and subject.test_is_given:
            actions += _drop(finding.where, "also in the test set", gone, sealed)
        elif finding.kind == "missing" and finding.evidence.get("target"):
            actions += _drop(finding.where, "no target", gone, sealed)
        elif finding.kind == "constant":
            actions += [Action(action="drop", column=name, why="constant") for name in finding.where]
    for finding in findings:
        if finding.kind in ("exact_duplicates", "near_duplicates"):
            actions += _deduplicate(finding, gone)
    for finding in findings:
        if finding.kind == "label_errors" and float(finding.evidence["judge_accuracy"]) >= GOOD:
            actions += _relabel(finding, gone)
        elif finding.kind == "missing" and not finding.evidence.get("target"):
            actions += _impute(subject, finding, gone)
    return Plan(source=subject.source, fingerprint=subject.fingerprint, target=subject.target, actions=tuple(actions))


def _drop(where: Iterable[str], why: str, gone: set[str], sealed: set[str]) -> list[Action]:
    names = tuple(name for name in where if name not in gone and name not in sealed)
    gone.update(names)
    return [Action(action="drop", where=names, why=why)] if names else []


def _deduplicate(finding: Finding, gone: set[str]) -> list[Action]:
    """Groups that disagree on the class are left out: dropping one of two answers is a guess."""
    actions = []
    torn = finding.evidence["classes_disagree"]
    for group, disagrees in zip(finding.groups, torn, strict=True):
        left = tuple(name for name in group if name not in gone)
        if not disagrees and len(left) > 1:
            gone.update(left[1:])
            actions.append(Action(action="deduplicate", where=left, why=finding.kind.replace("_", " ")))
    return actions


def _relabel(finding: Finding, gone: set[str]) -> list[Action]:
    evidence = finding.evidence
    together: dict[tuple[str, str], list[str]] = {}
    for name, given, to, share in zip(
        finding.where, evidence["given"], evidence["suggested"], evidence["probability"], strict=True
    ):
        if share >= SURE and name not in gone:
            together.setdefault((given, to), []).append(name)
    return [
        Action(action="relabel", where=tuple(names), to=to, why=f"labeled {given}; {to} by {SURE:.0%} or more")
        for (given, to), names in together.items()
    ]


def _impute(subject: Subject, finding: Finding, gone: set[str]) -> list[Action]:
    name = str(finding.evidence["column"])
    column = subject.features.index(name)
    if finding.evidence["share"] >= MOSTLY:
        return [Action(action="drop", column=name, why=f"{finding.evidence['share']:.0%} missing")]
    rows = np.setdiff1d(subject.train, subject.test)
    values = subject.x[rows, column]
    values = values[np.isfinite(values)]
    where = tuple(one for one in finding.where if one not in gone)
    if not len(values) or not where:
        return []
    if subject.is_text[column]:
        codes, counts = np.unique(values, return_counts=True)
        to: str | float = subject.texts[column][int(codes[counts.argmax()])]
        return [Action(action="impute", column=name, where=where, to=to, why="missing; the commonest value")]
    middle = float(np.median(values))
    if (values == np.rint(values)).all():  # a column of integers has no room for a half
        middle = float(np.rint(middle))
    return [Action(action="impute", column=name, where=where, to=middle, why="missing; the median")]
