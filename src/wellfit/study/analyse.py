"""From finished runs to the study's tables: the content of ``result.json``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wellfit.diagnosis import diagnose_arm, reference_loss
from wellfit.recipe import StudySpec
from wellfit.record import RunRecord, better_sign, is_share
from wellfit.stats.epoch_race import winners
from wellfit.stats.factorial import Effect, analyze_factorial
from wellfit.stats.intervals import estimate
from wellfit.stats.multiplicity import holm
from wellfit.stats.paired import paired_difference
from wellfit.study.design import OFF, Arm

QUANTITIES = ("loss", "accuracy", "iou")
MEASURES = (*(f"{part}_{each}" for part in ("val", "train", "test") for each in QUANTITIES), "gap")
SHARE_HALF_WIDTH = 0.005
LOSS_HALF_WIDTH = 0.05
"""Half-widths that matter unless the study says otherwise: half a point of a share; 5 % of the control's loss."""


@dataclass(frozen=True)
class Facts:
    """All that the tables are made from."""

    spec: StudySpec
    arms: Sequence[Arm]
    control: str
    status: str
    records: Sequence[RunRecord]
    data: Mapping[str, Any]
    cleaning: Mapping[str, Mapping[str, Any]]
    """Arm -> what a plan did to its train samples; without those that have none."""
    chance: float
    """Loss of answering without looking at the sample."""
    activations: Mapping[str, Mapping[str, Any]]
    """Arm -> statistics of the hidden activations of its first run."""
    advice: Mapping[str, Sequence[str]]
    """What does nothing or little -> the arms that have it."""
    racing: Mapping[str, Any] | None
    """The race, if it was one (``study.race.raced``)."""
    plan: Sequence[Mapping[str, Any]]
    certificate: Mapping[str, Any] | None
    environment: Mapping[str, Any]
    seconds: float


def analyse(facts: Facts) -> dict[str, Any]:
    """Return the study's result as plain values; numbers that are not finite are to be written as null."""
    by_arm = {arm.name: [r for r in facts.records if r.arm == arm.name] for arm in facts.arms}
    metric = facts.spec.metric
    known = [each for each in QUANTITIES if each == "loss" or any(r.value(f"val_{each}") >= 0 for r in facts.records)]
    metrics = [metric, *(name for each in known if (name := f"val_{each}") != metric)]
    if facts.status == "complete":
        metrics += [f"test_{each}" for each in known]
    return {
        "name": facts.spec.name,
        "status": facts.status,
        "data": {**facts.data, "chance_loss": facts.chance},
        "metric": metric,
        "control": facts.control,
        "seeds": list(facts.spec.seeds),
        "arms": [_arm(arm, by_arm[arm.name], facts) for arm in facts.arms],
        "contrasts": [row for m in metrics for row in _contrasts(facts, by_arm, m)],
        **_factorials(facts, by_arm, metrics),
        "best": _best(facts),
        **({} if facts.racing is None else {"racing": {**facts.racing, "winners": _winners(facts, by_arm)}}),
        "advice": [{"words": words, "arms": list(arms)} for words, arms in facts.advice.items()],
        "plan": {"populations": [dict(note) for note in facts.plan]},
        "certificate": facts.certificate,
        "environment": dict(facts.environment),
        "seconds": facts.seconds,
    }


def _values(records: Sequence[RunRecord], seeds: Sequence[int], metric: str) -> list[float]:
    """Return one value a seed, in the order of the seeds; NaN where a run is missing or diverged."""
    found = {record.seed: record.value(metric) for record in records}
    return [found.get(seed, math.nan) for seed in seeds]


def _measure(records: Sequence[RunRecord], metric: str) -> dict[str, Any] | None:
    values = [record.value(metric) for record in records]
    if not any(math.isfinite(value) for value in values):
        return None
    found = estimate(values)
    return {"values": values, "mean": found.mean, "ci95": _interval(found.ci95)}


def _interval(interval: Sequence[float] | None) -> list[float] | None:
    return None if interval is None else [interval[0], interval[1]]


def _arm(arm: Arm, records: Sequence[RunRecord], facts: Facts) -> dict[str, Any]:
    verdict, findings, words = "unclear", [], "No run has finished."
    if records:
        references = [_reference(facts.records, record.seed) for record in records]
        diagnosis = diagnose_arm(
            [record.curves for record in records],
            reference=references,
            chance_loss=facts.chance,
            diverged=[record.status == "diverged" for record in records],
            validation=None if facts.data.get("task") == "segmentation" else facts.data.get("validation"),
        )
        verdict, words = diagnosis.verdict, diagnosis.words
        findings = [
            {"name": f.name, "epoch": f.epoch, "evidence": dict(f.evidence), "words": f.words}
            for f in diagnosis.findings
        ]
    return {
        "name": arm.name,
        "recipe": arm.recipe.to_dict(),
        "seeds": [record.seed for record in records],
        "levels": None if arm.levels is None else dict(arm.levels),
        "status": [record.status for record in records],
        "epochs_run": [record.epochs_run for record in records],
        "best_epoch": [record.best_epoch for record in records],
        "seconds": sum(record.seconds for record in records),
        "activations": facts.activations.get(arm.name),
        **({"cleaning": dict(facts.cleaning[arm.name])} if arm.name in facts.cleaning else {}),
        **{m: found for m in MEASURES if (found := _measure(records, m)) is not None or not m.endswith("iou")},
        "verdict": verdict,
        "words": words,
        "findings": findings,
    }


def _reference(records: Sequence[RunRecord], seed: int) -> float | None:
    """Return what is reachable with this seed: the best validation loss of any arm."""
    return reference_loss([record.curves for record in records if record.seed == seed])


def _contrasts(facts: Facts, by_arm: Mapping[str, Sequence[RunRecord]], metric: str) -> list[dict[str, Any]]:
    """Compare every arm with the control, paired by seed; Holm corrects over the arms of a metric."""
    seeds = facts.spec.seeds
    control = _values(by_arm[facts.control], seeds, metric)
    width = facts.spec.half_width if metric == facts.spec.metric else None
    width = width or _half_width(metric, control)
    others = [arm.name for arm in facts.arms if arm.name != facts.control]
    found = [paired_difference(_values(by_arm[name], seeds, metric), control, half_width=width) for name in others]
    left = _left(facts)
    # what an arm had when it left is no end: it has no p, and counts as one comparison for the others' correction
    known = [1.0 if name in left and each.p is not None else each.p for name, each in zip(others, found, strict=True)]
    corrected = holm(known)
    return [
        {
            "arm": name,
            "against": facts.control,
            "metric": metric,
            "difference": each.difference,
            "ci95": _interval(each.ci95),
            "p": None if name in left else each.p,
            "p_holm": None if name in left else p_holm,
            "dz": each.dz,
            "n": each.n,
            "seeds_needed": None if name in left else each.seeds_needed,
            "half_width": width,
            **({"left": left[name]["epoch"]} if name in left else {}),
        }
        for name, each, p_holm in zip(others, found, corrected, strict=True)
    ]


def _left(facts: Facts) -> Mapping[str, Mapping[str, Any]]:
    """Return the arms that left a race, with when and against whom."""
    return {} if facts.racing is None else {one["arm"]: one for one in facts.racing["left"]}


def _winners(facts: Facts, by_arm: Mapping[str, Sequence[RunRecord]]) -> list[str]:
    """Return the arms that ran to their end and are not surely worse than another (``stats.epoch_race.winners``)."""
    metric = facts.spec.metric
    values = [_values(by_arm[arm.name], facts.spec.seeds, metric) for arm in facts.arms]
    stays = winners(better_sign(metric) * np.array(values, dtype=np.float64))
    wins = [arm.name for arm, stay in zip(facts.arms, stays, strict=True) if stay]
    return [name for name in wins if name not in _left(facts)]


def _half_width(metric: str, control: Sequence[float]) -> float | None:
    if is_share(metric):
        return SHARE_HALF_WIDTH
    mean = estimate(control).mean
    return LOSS_HALF_WIDTH * mean if mean else None


def _factorials(
    facts: Facts, by_arm: Mapping[str, Sequence[RunRecord]], metrics: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Return main effects and two-way interactions of the factors, for each metric; empty without a full factorial.

    A cell that left a race has no value at its end: the factorial is not full.
    """
    names = list(facts.spec.factors)
    cells = [arm for arm in facts.arms if arm.levels is not None]
    if not names or not facts.spec.plain or any(arm.name in _left(facts) for arm in cells):
        return {"main_effects": [], "interactions": []}
    levels = {
        name: [OFF, *dict.fromkeys(a.levels[name] for a in cells if a.levels and a.levels[name] != OFF)]
        for name in names
    }
    main: list[dict[str, Any]] = []
    pairs: list[dict[str, Any]] = []
    for metric in metrics:
        table = {
            tuple(levels[name].index((arm.levels or {})[name]) for name in names): _values(
                by_arm[arm.name], facts.spec.seeds, metric
            )
            for arm in cells
        }
        found = analyze_factorial(names, table)
        main += [_effect(effect, metric, levels) for effect in found.main]
        pairs += [_effect(effect, metric, levels) for effect in found.interactions]
    return {"main_effects": main, "interactions": pairs}


def _effect(effect: Effect, metric: str, levels: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    at = [levels[name][level] for name, level in zip(effect.factors, effect.levels, strict=True)]
    who: dict[str, Any] = (
        {"factor": effect.factors[0], "level": at[0]}
        if len(effect.factors) == 1
        else {"factors": list(effect.factors), "levels": at}
    )
    numbers = {"difference": effect.difference, "ci95": _interval(effect.ci95), "p": effect.p, "p_holm": effect.p_holm}
    return {**who, "metric": metric, **numbers}


def _best(facts: Facts) -> dict[str, Any] | None:
    """Return the run with the best mean arm, and within it the best seed, by the metric on validation.

    An arm that left a race is none.
    """
    sign = better_sign(facts.spec.metric)
    means: dict[str, float] = {}
    for arm in (arm for arm in facts.arms if arm.name not in _left(facts)):
        values = _values([r for r in facts.records if r.arm == arm.name], facts.spec.seeds, facts.spec.metric)
        mean = estimate(values).mean
        if mean is not None:
            means[arm.name] = sign * mean
    if not means:
        return None
    best = max(means, key=lambda name: means[name])
    runs = [r for r in facts.records if r.arm == best and math.isfinite(r.value(facts.spec.metric))]
    run = max(runs, key=lambda record: sign * record.value(facts.spec.metric))
    return {"arm": best, "seed": run.seed, "model": f"models/{best}/{run.seed}.safetensors"}
