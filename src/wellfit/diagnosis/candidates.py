"""Candidate arms: the remedies of a diagnosis as changes of a recipe that can be typed, trained and compared. No
torch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from wellfit.diagnosis.contradiction import Direction, effect, forbidden_effects
from wellfit.diagnosis.doses import NO_RECIPE, Case, Dose, doses
from wellfit.diagnosis.doses.strengths import in_use
from wellfit.diagnosis.prescribe import prescribe
from wellfit.diagnosis.remedy import Remedy
from wellfit.diagnosis.risk import DataFacts
from wellfit.diagnosis.verdict import Diagnosis
from wellfit.recipe import Patch, Recipe, apply_patch

OTHER_DATA = frozenset({"data.split.validation"})
"""Changes that measure on other samples: what they bring cannot be compared on validation."""
WAYS: tuple[Direction, ...] = ("more", "less")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A change of recipe that may help: an arm of a study."""

    name: str
    """Safe as a folder's name; ``lr x3``, ``epochs x2``, ``wider`` and the like are relative to the recipe."""
    remedy: Remedy
    patch: Patch
    """For ``wellfit.recipe.apply_patch``; valid for the recipe, and changes it."""
    fields: frozenset[str]
    """What it sets; two candidates that share one are not combined."""


def candidates(
    diagnosis: Diagnosis, recipe: Recipe, facts: DataFacts, *, tried: Collection[str] = (), improve: bool = False
) -> tuple[Candidate, ...]:
    """Return the candidate arms for a run of ``recipe`` with this diagnosis, the likeliest to help first.

    Doses of one remedy are neighbors, the one that suits the evidence first. What is in use is raised rather than
    added; what the evidence contradicts is not offered, nor is what changes nothing. Only two doses of one remedy can
    contradict each other: where nothing was learned, the learning rate is searched in both directions. ``recipe`` is
    whole: its network, loss and regularizers resolved. ``tried`` are names that are left out; drop the relative ones
    from it when the recipe has changed. ``improve`` offers, for a well-fit or unclear run too, what commonly gains at
    low risk. Early stopping stands last where the best epoch's weights are handed over anyway: it saves time only.
    """
    used = in_use(recipe)
    known = Case(recipe, facts, diagnosis.evidence)
    remedies = prescribe(diagnosis, regularizers=used, kind=known.kind, facts=facts, improve=improve)
    case = replace(known, steps=_steps(diagnosis, remedies))
    offered: dict[str, Candidate] = {}
    for candidate in _expanded(case, remedies):
        if candidate.name not in tried:
            offered.setdefault(candidate.name, candidate)
    idle = recipe.restore == "best"
    return tuple(sorted(offered.values(), key=lambda each: idle and each.remedy.change == "early_stopping"))


def advice(diagnosis: Diagnosis, facts: DataFacts) -> tuple[Remedy, ...]:
    """Return the remedies that no change of recipe brings about: more data, a closer look, what is not at hand yet."""
    said = NO_RECIPE | OTHER_DATA | _absent(facts)
    return tuple(remedy for remedy in prescribe(diagnosis, facts=facts) if remedy.change in said)


def _expanded(case: Case, remedies: Collection[Remedy]) -> Iterator[Candidate]:
    for remedy in remedies:
        if remedy.change in OTHER_DATA:
            continue
        for dose in doses(case, remedy):
            if apply_patch(case.recipe, dose.patch, where=dose.name) != case.recipe:
                yield _candidate(remedy, dose)


def _candidate(remedy: Remedy, dose: Dose) -> Candidate:
    return Candidate(dose.name, replace(remedy, harm=dose.harm or remedy.harm), dose.patch, dose.fields)


def _steps(diagnosis: Diagnosis, remedies: Collection[Remedy]) -> tuple[Direction, ...]:
    """Return which ways the size of steps may go, by the remedies that are offered and by what findings forbid."""
    wanted = {does[1] for one in remedies if (does := effect(one.change, one.step)) and does[0] == "steps"}
    banned = forbidden_effects(finding.name for finding in diagnosis.findings)
    return tuple(way for way in WAYS if ("steps", way) not in banned and wanted <= {way})


def first_doses(diagnosis: Diagnosis, recipe: Recipe, facts: DataFacts) -> dict[tuple[str, str], Patch | None]:
    """Return the patch of the first dose of each remedy of the findings, by (change, step): for a recipe that is at
    hand, what to type. ``None``: no change of recipe. What has nothing to change in this recipe is missing.
    """
    remedies = [remedy for finding in diagnosis.findings for remedy in finding.remedies]
    case = Case(recipe, facts, diagnosis.evidence, _steps(diagnosis, remedies))
    patches: dict[tuple[str, str], Patch | None] = {}
    for remedy in remedies:
        key = (remedy.change, remedy.step)
        changing = (d.patch for d in doses(case, remedy) if apply_patch(recipe, d.patch, where=d.name) != recipe)
        patch = next(changing, None)
        if patch is not None or remedy.change in NO_RECIPE | _absent(facts):
            patches.setdefault(key, patch)
    return patches


def _absent(facts: DataFacts) -> frozenset[str]:
    """Return the changes whose means are not at hand."""
    return frozenset(name for name, path in (("clean", facts.plan), ("transfer", facts.pretrained)) if path is None)
