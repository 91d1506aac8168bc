"""The verdict on one run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from wellfit.diagnosis.calibration import known_of, verdict_confidence, weighed
from wellfit.diagnosis.cures import shares
from wellfit.diagnosis.doubt import CLEAR, FACTORS
from wellfit.diagnosis.features import Features, measure
from wellfit.diagnosis.finding import Finding, FindingName
from wellfit.diagnosis.findings import FEWEST, find
from wellfit.diagnosis.thresholds import DEFAULT, Thresholds
from wellfit.record import EpochRow

Verdict = Literal["underfit", "well-fit", "overfit", "diverged", "unconverged", "unclear"]

VERDICTS: Mapping[FindingName, Verdict] = {
    "divergence": "diverged",
    "overfitting": "overfit",
    "unconverged": "unconverged",
    "underfitting": "underfit",
}
"""What a finding makes of a run; ``noisy_validation`` decides nothing."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A verdict with its evidence."""

    verdict: Verdict
    confidence: float
    """0 to 1: the share of such verdicts that were right on labelled runs (``wellfit.diagnosis.calibration``); for an
    arm, the mean over its seeds, where a seed with another verdict counts 0. Of ``unclear`` it is the robustness."""
    findings: tuple[Finding, ...]
    """What was found, the gravest first; for an arm, what more than half of its seeds show."""
    words: str
    """The verdict in a sentence; for ``unclear``, what would clear it."""
    evidence: Mapping[str, float]
    """All finite features of the curves by their names in ``Features``; for an arm, the medians over seeds."""
    remarks: tuple[str, ...] = ()
    """What limits the conclusions: series that are missing, or not comparable."""
    seeds: tuple[Diagnosis, ...] = ()
    """For an arm: the diagnosis of each seed, in the order given. Empty for a single run."""
    robustness: float = 0.0
    """0 to 1: the weight of the thresholds around ours that give the same verdict (``wellfit.diagnosis.doubt``); for an
    arm, the mean over its seeds, where a seed with another verdict counts 0."""

    @property
    def is_clear(self) -> bool:
        """Whether it would stay with all thresholds multiplied and divided by 1.5."""
        return self.robustness >= CLEAR


def judge(
    curves: Sequence[EpochRow],
    *,
    reference: float | None = None,
    chance_loss: float | None = None,
    diverged: bool = False,
    validation: int | None = None,
) -> Diagnosis:
    """Judge one run by its two losses: does it under- or overfit?

    The more is known the more can be said. ``chance_loss`` (of predicting the class frequencies, or the mean) gives the
    scale of what can be won. ``reference`` (the best validation loss of any arm with this seed, see ``reference_loss``)
    tells a network that cannot fit from data that cannot be fitted, and a gap that can be avoided from one that cannot.
    All losses must be in the same units; which units does not matter. The verdict is on the curves up to their end, not
    on the weights of the best epoch. ``diverged`` marks a run that broke off (``RunRecord.status``). ``validation``,
    the number of validation samples, tells a rise of the validation loss from what a few of them do.

    Raises
    ------
    InputError
        If the epochs do not increase.

    """
    features = measure(curves, reference=reference, chance_loss=chance_loss, validation=validation)
    last_epoch = curves[-1].epoch if curves else 0

    def at(limits: Thresholds) -> tuple[Verdict, tuple[Finding, ...]]:
        findings = find(features, last_epoch=last_epoch, diverged=diverged, limits=limits)
        return decide(features, findings, limits=limits), findings

    verdict, findings = at(DEFAULT)
    same = 0.0
    shown: dict[FindingName, float] = {}
    for factor, weight in FACTORS:
        other, those = at(DEFAULT.scaled(factor))
        same += weight * (other == verdict)
        for finding in those:
            shown[finding.name] = shown.get(finding.name, 0.0) + weight
    known = known_of(features)
    return Diagnosis(
        verdict=verdict,
        confidence=verdict_confidence(verdict, min(same, 1.0), known),
        findings=tuple(weighed(each, shown[each.name], known) for each in findings),
        words=_words(verdict, features, findings),
        evidence=_evidence(features),
        robustness=min(same, 1.0),
    )


def decide(features: Features, findings: Sequence[Finding], *, limits: Thresholds = DEFAULT) -> Verdict:
    """Return the verdict that features and findings give; of several findings, the one that explains most of the
    loss.
    """
    names = {finding.name for finding in findings}
    if "divergence" in names:
        return "diverged"
    if features.evaluations < FEWEST:
        return "unconverged" if "unconverged" in names else "unclear"
    if features.regret is not None and features.regret > limits.regret:
        parts = shares(features, limits)
        found = [name for name in parts if name in names]
        if found:
            return VERDICTS[max(found, key=lambda name: parts[name])]
    for finding in findings:
        if finding.name in VERDICTS:
            return VERDICTS[finding.name]
    return "unclear" if undecided(features, limits=limits) else "well-fit"


def undecided(features: Features, *, limits: Thresholds = DEFAULT) -> str:
    """Return what is missing for a verdict and would clear it, as a sentence; empty if nothing is."""
    if features.evaluations < FEWEST:
        count = f"{features.evaluations} evaluation{'s' * (features.evaluations != 1)}"
        return f"Only {count}: train for at least {FEWEST} epochs, or evaluate more often."
    if features.noise_share > limits.unreadable:
        return "Validation is too noisy to read: lower the learning rate, enlarge the validation set or add seeds."
    if features.learned_share is None and features.start - features.train_end < limits.nothing * abs(features.start):
        return "The loss hardly moved since its first epoch: it is well-fit or stuck at guessing. Give the chance loss."
    if features.regret is not None:
        if features.regret <= limits.regret:
            return ""
        return "Another arm does better, but these curves do not say why: train longer, or add seeds."
    if features.learned_share is None:
        if features.gap_share < limits.hint_of_gap:
            return "There is hardly any gap: a good fit, or too small a network. Give the chance loss, or a larger arm."
        if features.gap_share > limits.gap:
            return "A gap shows, but not against what: give the chance loss, or train a regularized network as an arm."
        return ""
    if features.learned_share >= limits.learned_enough:
        return ""
    if features.gap_share < limits.no_gap:
        return "A part of the loss stays, with hardly any gap: noisy targets, or too small a network. Add a larger arm."
    if features.learned_share < limits.learned:
        return "Little was learned, and a gap shows: a larger and a regularized network, as arms, would tell."
    return ""


def _words(verdict: Verdict, features: Features, findings: Sequence[Finding]) -> str:
    decisive = next((finding for finding in findings if VERDICTS.get(finding.name) == verdict), None)
    if decisive is not None:
        return decisive.words
    if verdict == "unclear":
        return undecided(features)
    return (
        f"Validation loss ended at {features.val_end:.3g}, above its best by {features.rise_share:.0%} of what can be "
        f"won; the gap to the train loss is {features.gap_share:.0%} of what was won."
    )


def _evidence(features: Features) -> dict[str, float]:
    found = {field.name: getattr(features, field.name) for field in fields(features)}
    return {name: float(value) for name, value in found.items() if value is not None and math.isfinite(value)}
