"""The diagnosis of one run, from whatever is known of it: verdict, findings, remedies."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np

from wellfit.diagnosis.calibration import known_of, weighed
from wellfit.diagnosis.curves import Curves, Measured, as_curves
from wellfit.diagnosis.doubt import FACTORS
from wellfit.diagnosis.features import measure
from wellfit.diagnosis.finding import Finding, FindingName
from wellfit.diagnosis.generalizing import label_noise, missed_early_stopping, overconfidence, validation_better
from wellfit.diagnosis.inside import dead_units, exploding_gradients, saturation, vanishing_gradients
from wellfit.diagnosis.prescribe import agreed, remedies_of
from wellfit.diagnosis.risk import UNKNOWN, DataFacts, Kind
from wellfit.diagnosis.thresholds import DEFAULT, STANDARD, Limits
from wellfit.diagnosis.track import Track, track
from wellfit.diagnosis.training import lr_too_high, lr_too_low, plateau
from wellfit.diagnosis.verdict import Diagnosis, judge
from wellfit.record import EpochRow

Rule = Callable[[Track, Limits], Finding | None]
FURTHER_RULES: tuple[Rule, ...] = (
    missed_early_stopping,
    overconfidence,
    label_noise,
    plateau,
    lr_too_high,
    lr_too_low,
    validation_better,
)
INSIDE: tuple[Rule, ...] = (exploding_gradients, vanishing_gradients, dead_units, saturation)
OF_DIVERGED: tuple[Rule, ...] = (lr_too_high, *INSIDE)
"""These hold also for a run that diverged."""
NO_VALIDATION = "No validation curve: whether what was learned holds elsewhere cannot be seen. Log val_loss."
NO_TRAIN = "No train curve: what is the network's and what is the data's cannot be told. Log train_loss."


def diagnose(
    curves: object,
    *,
    reference: float | None = None,
    chance_loss: float | None = None,
    baseline: float | None = None,
    diverged: bool = False,
    measured: Measured | None = None,
    regularizers: Collection[str] | None = None,
    kind: Kind | None = None,
    facts: DataFacts = UNKNOWN,
) -> Diagnosis:
    """Judge one run by its curves: does it under- or overfit, what else is wrong, and what would help?

    Parameters
    ----------
    curves
        A mapping or table from names to equally long lists (``train_loss``, ``val_loss``, ``train_accuracy``,
        ``val_accuracy``, ``lr``, ``epoch``, ``grad_norm``, ``dead``, ``saturated``; any may be missing), a sequence of
        ``EpochRow``, a ``RunRecord``, or a ``LogRun``. ``dead`` (share of units that are 0 for every sample),
        ``saturated`` (share of activations at an end of their range) and ``grad_norm`` may be given by layer. Without
        any loss, accuracies are judged, as error rates.
    reference
        The best validation loss that is known to be reachable, as of a stronger run; see ``reference_loss``.
    chance_loss
        The loss of predicting the class frequencies, or the mean; see ``class_frequency_loss``.
    baseline
        The validation loss of a simple model (linear, majority). Where it is below what the run reached it is the
        reference; where not it says nothing.
    diverged
        Whether the run broke off because a loss or weight was not finite.
    measured
        How the train series were measured: ``eval`` as validation is, or ``train`` with dropout, augmentation and
        penalty on. Known for wellfit's own runs and some logs.
    regularizers, kind, facts
        For the remedies, as in ``prescribe``. ``facts.validation``, the number of validation samples, also tells a rise
        of the validation loss from what a few samples do.

    Raises
    ------
    InputError
        The curves are none of that, have no loss and no accuracy, or their epochs do not increase.

    """
    found = as_curves(curves)
    remarks = list(found.remarks)
    found, chance_loss, reference, baseline = _with_losses(found, chance_loss, reference, baseline, remarks)
    found = replace(found, measured=measured or found.measured, diverged=found.diverged or diverged)
    rows = _rows(found, remarks)
    best = _reachable(rows, reference, baseline, chance_loss)
    samples = None if facts.task == "segmentation" else facts.validation  # an image's loss is a mean over many answers
    core = judge(rows, reference=best, chance_loss=chance_loss, diverged=found.diverged, validation=samples)
    core = _limited(core, found)
    features = measure(rows, reference=best, chance_loss=chance_loss, validation=samples)
    seen = track(found, features)
    rules = OF_DIVERGED if core.verdict == "diverged" else (*FURTHER_RULES, *INSIDE)
    core = replace(core, findings=(*core.findings, *_further(seen, rules)), remarks=tuple(remarks))
    return _named(_prescribed(core, regularizers, kind, facts), found.unit)


def _reachable(
    rows: Sequence[EpochRow], reference: float | None, baseline: float | None, chance_loss: float | None
) -> float | None:
    """Return the reference, or the baseline where that is better than it, or clearly than what the run reached.

    A network that does about as well as a simple model is not thereby as good as it can be: that says nothing.
    """
    if baseline is None or not math.isfinite(baseline):
        return reference
    if reference is not None and math.isfinite(reference):
        return min(reference, baseline)
    regret = measure(rows, reference=baseline, chance_loss=chance_loss).regret
    return baseline if regret is not None and regret > DEFAULT.regret else None


def _with_losses(
    found: Curves,
    chance: float | None,
    reference: float | None,
    baseline: float | None,
    remarks: list[str],
) -> tuple[Curves, float | None, float | None, float | None]:
    """Take error rates for the losses where no loss was given; levels of loss mean nothing to them."""
    if any(name in found.series for name in ("train_loss", "val_loss")):
        return found, chance, reference, baseline
    errors = {
        f"{part}_loss": 1 - found.series[f"{part}_accuracy"]
        for part in ("train", "val")
        if f"{part}_accuracy" in found.series
    }
    remarks.append("No loss was given: error rates (1 - accuracy) are judged instead, which change later and less.")
    return replace(found, series={**found.series, **errors}), None, None, None


def _rows(found: Curves, remarks: list[str]) -> list[EpochRow]:
    """Return rows where both losses are known; one that is missing altogether is stood in for.

    Without validation the train loss stands in: no gap can be seen. Without train loss the lowest validation loss so
    far does: what a training that goes on would at least not lose.
    """
    train, val = found.series.get("train_loss"), found.series.get("val_loss")
    if val is None or not np.isfinite(val).any():
        if found.broken_at is None:
            remarks.append(NO_VALIDATION)
        val = train
    elif train is None or not np.isfinite(train).any():
        if found.broken_at is None:
            remarks.append(NO_TRAIN)
        train = np.fmin.accumulate(val)
    if train is None or val is None:
        return []
    there = np.isfinite(val)
    if there.any() and not (there & np.isfinite(train)).any():
        remarks.append("Train and validation loss were never measured at the same point: the nearest are compared.")
    index = np.flatnonzero(np.isfinite(train))
    if index.size:
        train = np.interp(np.arange(train.size), index, train[index])
    accuracy = found.series.get("val_accuracy")
    rows = [
        EpochRow(
            epoch=found.at[i],
            train_loss=float(train[i]),
            val_loss=float(val[i]),
            train_accuracy=None,
            val_accuracy=None if accuracy is None or not math.isfinite(accuracy[i]) else float(accuracy[i]),
            objective=float(train[i]),
            penalty=0.0,
            lr=math.nan,
            grad_norm=math.nan,
            seconds=0.0,
        )
        for i in np.flatnonzero(there)
    ]
    if found.broken_at is not None:
        blank = EpochRow(found.broken_at, math.nan, math.nan, None, None, math.nan, 0.0, math.nan, math.nan, 0.0)
        rows.append(blank)
    return rows


def _limited(core: Diagnosis, found: Curves) -> Diagnosis:
    """Take back what cannot be said where one of the two losses is missing."""
    has_train, has_val = (name in found.series for name in ("train_loss", "val_loss"))
    if has_train and has_val:
        return core
    missing = NO_TRAIN if has_val else NO_VALIDATION
    silent: tuple[FindingName, ...] = ("underfitting",) if has_val else ("overfitting", "noisy_validation")
    kept = tuple(finding for finding in core.findings if finding.name not in silent)
    stands = core.verdict in ("diverged", "unconverged", "overfit" if has_val else "underfit")
    if stands and (kept or not core.findings):
        # One of the two signs is not there to contradict.
        return replace(core, findings=kept, confidence=core.confidence * (1 if core.verdict == "diverged" else 0.7))
    return replace(core, verdict="unclear", findings=kept, words=missing, confidence=min(core.confidence, 0.5))


def _further(seen: Track, rules: Collection[Rule]) -> Iterator[Finding]:
    """Yield what the rules find, with the weight of the thresholds around ours that find it too."""
    for rule in rules:
        finding = rule(seen, STANDARD)
        if finding is not None:
            shown = sum(weight for factor, weight in FACTORS if rule(seen, STANDARD.scaled(factor)) is not None)
            yield weighed(finding, shown, known_of(seen.features))


def _prescribed(
    core: Diagnosis, regularizers: Collection[str] | None, kind: Kind | None, facts: DataFacts
) -> Diagnosis:
    """Return the diagnosis with the remedies of its findings, of which none undoes what another does."""
    called_for = agreed(
        {
            each.name: remedies_of(each.name, core, regularizers=regularizers, kind=kind, facts=facts)
            for each in core.findings
        }
    )
    return replace(core, findings=tuple(replace(each, remedies=called_for[each.name]) for each in core.findings))


def _named(core: Diagnosis, unit: str) -> Diagnosis:
    """Say ``step`` or ``evaluation`` where the axis is not one of epochs."""
    if unit == "epoch":
        return core

    def other(words: str) -> str:
        return re.sub(r"\bepoch (?=\d)", f"{unit} ", words)

    findings = tuple(replace(each, words=other(each.words)) for each in core.findings)
    return replace(core, words=other(core.words), findings=findings)
