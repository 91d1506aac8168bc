"""Choose remedies: those the findings and risk factors call for and the evidence does not contradict."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from wellfit.diagnosis.contradiction import Effect, effect, forbidden, opposite
from wellfit.diagnosis.doses.strengths import holding_back, names_of
from wellfit.diagnosis.further_remedies import FURTHER
from wellfit.diagnosis.remedies import TABLE
from wellfit.diagnosis.remedy import ONCE, Bound, Cause, Entry, Remedy
from wellfit.diagnosis.risk import UNKNOWN, DataFacts, Kind, RiskName, risks
from wellfit.diagnosis.risk_remedies import DOUBTS, FAVORS, HEADROOM, RISKS
from wellfit.diagnosis.verdict import Diagnosis

LINES: tuple[Entry, ...] = (*TABLE, *FURTHER, *RISKS, *HEADROOM)
"""All tables."""
RANK = {(entry.remedy.finding, entry.remedy.change): rank for rank, entry in reversed(list(enumerate(LINES)))}
"""Where a change for a cause first stands in the tables."""
STEP_SIZE: tuple[Cause, ...] = ("divergence", "exploding_gradients", "lr_too_high", "lr_too_low")
"""Findings that know best about the size of steps, the gravest first."""


def prescribe(
    diagnosis: Diagnosis,
    *,
    regularizers: Collection[str] | None = None,
    kind: Kind | None = None,
    facts: DataFacts = UNKNOWN,
    improve: bool = False,
) -> tuple[Remedy, ...]:
    """Return the remedies for the findings of a diagnosis, best first: by the findings' gravity, then by the table's
    rank, in which those that a risk factor favors come first; then those for the risk factors themselves. Cleaning
    stands at the head where there is a plan, transfer where there are weights that fit.

    ``regularizers`` are the names in use (``None``: not known): what is in use is raised rather than added, and "less
    regularization" is not offered where there is none. ``kind`` of data (``facts.kind`` serves as well): augmentation
    is offered for images and sequences, and where it is not known. A well-fit run gets none; with ``improve`` it and
    an unclear one get what commonly gains at low risk. No two remedies contradict each other, and none a finding.
    Ranks are a judgement (cheapest and best attested first), not measured on this data.
    """
    well = diagnosis.verdict == "well-fit"
    causes: list[Cause] = [] if well else [each.name for each in diagnosis.findings]
    if improve and (well or diagnosis.verdict == "unclear"):
        causes.append("headroom")
    if not well or improve:
        causes += [risk.name for risk in risks(facts) if risk.name not in causes]
    by_cause = {
        cause: remedies_of(cause, diagnosis, regularizers=regularizers, kind=kind, facts=facts) for cause in causes
    }
    offered: dict[str, Remedy] = {}
    for remedies in agreed(by_cause).values():
        for remedy in remedies:
            known = offered.get(remedy.change)
            if known is None or (known.step == "change" and remedy.step in ("raise", "lower")):
                offered[remedy.change] = remedy  # one way is better than a search in both
    at_hand = {"clean": facts.plan, "transfer": facts.pretrained}
    return tuple(sorted(offered.values(), key=lambda remedy: at_hand.get(remedy.change) is None))


def remedies_of(
    name: Cause,
    diagnosis: Diagnosis,
    *,
    regularizers: Collection[str] | None = None,
    kind: Kind | None = None,
    facts: DataFacts = UNKNOWN,
) -> tuple[Remedy, ...]:
    """Return the remedies for one finding or risk factor, best first, as ``prescribe`` does; among those of several
    there may be contradictions, which ``agreed`` drops.
    """
    present = {finding.name for finding in diagnosis.findings}
    known = kind or facts.kind
    offered: dict[str, Remedy] = {}
    for entry in LINES:
        remedy = entry.remedy
        if remedy.finding != name or forbidden(remedy.change, remedy.step, present):
            continue
        if entry.kinds and known is not None and known not in entry.kinds:
            continue
        if all(_agrees(bound, diagnosis) for bound in entry.when):
            adapted = _adapted(remedy, regularizers)
            if adapted is not None:
                offered.setdefault(adapted.change, adapted)
    found = [risk.name for risk in risks(facts)]
    return tuple(sorted(offered.values(), key=lambda remedy: _doubt(remedy, found)))


def agreed(by_cause: Mapping[Cause, Sequence[Remedy]]) -> dict[Cause, tuple[Remedy, ...]]:
    """Drop the remedies that undo what another does: of two, the one for the graver finding stays, but about the size
    of steps the findings of ``STEP_SIZE`` know best.
    """
    chosen: dict[str, Effect] = {}
    for remedy in _by_authority(by_cause):
        does = effect(remedy.change, remedy.step)
        if does is not None:
            chosen.setdefault(does[0], does)
    return {
        cause: tuple(one for one in remedies if not _undone(one, chosen.values()))
        for cause, remedies in by_cause.items()
    }


def _by_authority(by_cause: Mapping[Cause, Sequence[Remedy]]) -> Iterator[Remedy]:
    for name in STEP_SIZE:
        yield from (one for one in by_cause.get(name, ()) if (effect(one.change, one.step) or ("",))[0] == "steps")
    for remedies in by_cause.values():
        yield from sorted(remedies, key=lambda one: RANK[one.finding, one.change])


def _undone(remedy: Remedy, chosen: Iterable[Effect]) -> bool:
    does = effect(remedy.change, remedy.step)
    return does is not None and opposite(does) in chosen


def _doubt(remedy: Remedy, found: Sequence[RiskName]) -> int:
    """Return where a remedy belongs among those for its finding: before (-1) or after (1) the table's rank."""
    favored = any(remedy.change in FAVORS.get(risk, ()) for risk in found)
    doubted = any(remedy.change in DOUBTS.get(risk, ()) for risk in found)
    return doubted - favored


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
    if remedy.change == "regularizers" and not holding_back(regularizers):
        return None
    if remedy.step == "add" and not set(names_of(remedy.change)).isdisjoint(regularizers):
        return None if remedy.change in ONCE else replace(remedy, step="raise")
    return remedy
