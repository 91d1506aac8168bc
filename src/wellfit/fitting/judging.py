"""The diagnosis of an arm of a fit: each seed by its curves, combined by vote, and the mean over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from wellfit.diagnosis import Diagnosis, diagnose, reference_loss
from wellfit.diagnosis.arm import combine
from wellfit.diagnosis.risk import DataFacts
from wellfit.record import EpochRow, RunRecord
from wellfit.train.events import Key

AVERAGED = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")


def judge_arm(
    arm: str,
    records: Mapping[Key, RunRecord],
    *,
    chance: float,
    simple: Mapping[int, float] | None,
    facts: DataFacts,
) -> Diagnosis:
    """Return the diagnosis of an arm from its finished runs, at least one.

    The reference of a seed is the best validation loss of any *other* arm with it: what a run itself reached says
    nothing of what can be reached. ``simple`` are the losses of a simple model by seed. Where single seeds show
    nothing, or do not agree, the mean of their curves decides, which has less noise.
    """
    runs = [record for key, record in records.items() if key[0] == arm]
    vote = combine([_judge(run, records, chance, simple, facts) for run in runs])
    if vote.verdict not in ("well-fit", "unclear") or any(run.status == "diverged" for run in runs) or len(runs) < 2:
        return vote
    mean = _mean(runs)
    seen = replace(facts, validation=None if facts.validation is None else facts.validation * len(runs))
    together = _judge(mean, _means(records), chance, _mean_of(simple), seen)
    if together.verdict in ("well-fit", "unclear"):
        # the arms of a fit are given about the same epochs: the best of them may be as far from its end
        together = _judge(mean, {}, chance, _mean_of(simple), seen)
    if together.verdict in ("well-fit", "unclear"):
        return vote
    return replace(
        together,
        findings=tuple(replace(each, words=f"mean of {len(runs)} seeds: {each.words}") for each in together.findings),
        words=f"The mean of {len(runs)} seeds shows it: {together.words}",
        seeds=vote.seeds,
    )


def _means(records: Mapping[Key, RunRecord]) -> dict[Key, RunRecord]:
    """Return each arm's mean run, of those whose seeds all ended with finite losses."""
    arms: dict[str, list[RunRecord]] = {}
    for (arm, _), record in records.items():
        arms.setdefault(arm, []).append(record)
    return {(arm, 0): _mean(runs) for arm, runs in arms.items() if all(run.status != "diverged" for run in runs)}


def _mean(runs: Sequence[RunRecord]) -> RunRecord:
    """Return a run whose losses and accuracies are the means over runs, up to the epoch that all of them had."""
    rows = zip(*(run.curves for run in runs), strict=False)
    return replace(runs[0], seed=0, curves=tuple(replace(row[0], **_mean_row(row)) for row in rows))


def _mean_row(row: Sequence[EpochRow]) -> dict[str, Any]:
    columns = {name: [getattr(each, name) for each in row] for name in AVERAGED}
    return {name: None if None in values else fmean(values) for name, values in columns.items()}


def _mean_of(simple: Mapping[int, float] | None) -> dict[int, float] | None:
    return {0: fmean(simple.values())} if simple else None


def _judge(
    run: RunRecord,
    records: Mapping[Key, RunRecord],
    chance: float,
    simple: Mapping[int, float] | None,
    facts: DataFacts,
) -> Diagnosis:
    others: Sequence[RunRecord] = [r for r in records.values() if r.seed == run.seed and r.arm != run.arm]
    own = [run] if others else []
    return diagnose(
        run,
        reference=reference_loss([record.curves for record in (*own, *others)]) if others else None,
        chance_loss=chance,
        baseline=None if simple is None else simple.get(run.seed),
        diverged=run.status == "diverged",
        measured="eval",
        regularizers=tuple(run.recipe["regularizers"]),
        facts=facts,
    )
