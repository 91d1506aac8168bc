"""What a round tries: the remedies of its control's diagnosis as arms, as many as the budget allows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wellfit.diagnosis.candidates import Candidate, advice, candidates
from wellfit.diagnosis.finding import Finding
from wellfit.diagnosis.risk import DataFacts, risks
from wellfit.diagnosis.verdict import Diagnosis
from wellfit.errors import InputError
from wellfit.fitting.bench import arm_name
from wellfit.fitting.facts import data_facts
from wellfit.fitting.journal import Decision
from wellfit.fitting.judging import judge_arm
from wellfit.fitting.session import Session
from wellfit.fitting.simple import Simple
from wellfit.recipe import Recipe, apply_patch

MOST = 8
"""Arms of a round beside the control: more cost power, as each must be told from chance."""
SHARE = 0.6
"""Part of the time left that the trials of a round may take; the rest is for combinations and what follows."""


@dataclass(frozen=True)
class Setting:
    """What all rounds share."""

    seeds: tuple[int, ...]
    chance: float
    """Loss of answering the class frequencies, or the mean."""
    simple: Simple | None
    floor: float
    """What guessing reaches by the metric, higher is better; an arm must be above."""
    label_noise: float | None = None
    plan: str | None = None

    def facts(self, session: Session, arm: str) -> DataFacts:
        """Return what is known of an arm beside its curves."""
        return data_facts(session.bench, arm, label_noise=self.label_noise, plan=self.plan)


def plan_round(session: Session, setting: Setting, number: int, control: str, tried: Collection[str]) -> Decision:
    """Diagnose the control and choose the remedies to try over it, best first; ``tried`` are names to leave out."""
    bench = session.bench
    facts = setting.facts(session, control)
    diagnosis = judge_arm(
        control,
        {key: record for key, record in session.records().items() if key[1] in setting.seeds},
        chance=setting.chance,
        simple=None if setting.simple is None else setting.simple.val_loss,
        facts=facts,
    )
    offered = worth_trying(diagnosis, bench.recipe(control), facts, tried)
    trials, skipped = _affordable(session, setting, number, control, offered)
    return {
        "control": control,
        "verdict": diagnosis.verdict,
        "confidence": diagnosis.confidence,
        "words": diagnosis.words,
        "findings": [finding.name for finding in diagnosis.findings],
        "risks": [{"name": risk.name, "words": risk.words} for risk in risks(facts)],
        "advice": [
            {"change": each.change, "reason": each.reason, "source": each.source} for each in advice(diagnosis, facts)
        ],
        "trials": trials,
        "skipped": skipped,
    }


def worth_trying(diagnosis: Diagnosis, recipe: Recipe, facts: DataFacts, tried: Collection[str]) -> list[Candidate]:
    """Return what the diagnosis calls for; then what commonly gains.

    Where it calls for nothing, what the seeds that differ from most call for stands between them, and a longer training
    and larger steps: whether a curve that looks flat is at its end, only they can tell.
    """
    offered = {each.name: each for each in candidates(diagnosis, recipe, facts, tried=tried)}
    if diagnosis.verdict in ("well-fit", "unclear"):
        for seed in diagnosis.seeds:
            if seed.verdict != diagnosis.verdict:
                offered = {**offered, **{each.name: each for each in candidates(seed, recipe, facts, tried=tried)}}
        offered = {**{each.name: each for each in _probes(diagnosis, recipe, facts, tried)}, **offered}
    more = {each.name: each for each in candidates(diagnosis, recipe, facts, tried=tried, improve=True)}
    return list({**offered, **{name: each for name, each in more.items() if name not in offered}}.values())


def _probes(diagnosis: Diagnosis, recipe: Recipe, facts: DataFacts, tried: Collection[str]) -> Iterator[Candidate]:
    """Yield the first dose of a longer training and of larger steps, as for a run that has not converged."""
    doubt = Finding("unconverged", recipe.epochs, {}, "Whether it has converged is not known for sure.")
    doubted = replace(diagnosis, verdict="unconverged", findings=(*diagnosis.findings, doubt))
    waiting = {"epochs", "optimizer.lr"}
    for each in candidates(doubted, recipe, facts):
        if each.remedy.change in waiting and each.remedy.step == "raise":
            waiting.discard(each.remedy.change)
            if each.name not in tried:
                yield each


def _affordable(
    session: Session, setting: Setting, number: int, control: str, offered: Sequence[Candidate]
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Return the trials that fit into the time, and what was offered and is not tried, with the reason."""
    bench, time = session.bench, session.left
    recipe = bench.recipe(control)
    trials: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    spent = 0.0
    for candidate in one_of_each_first(offered):
        if len(trials) == MOST:
            break
        there = {arm.name for arm in bench.prepared.arms}
        try:
            wanted = apply_patch(recipe, candidate.patch, where=candidate.name)
            arm = bench.add(arm_name(control, candidate.name, number), wanted)
        except InputError as error:
            skipped.append({"name": candidate.name, "why": str(error)})
            continue
        if arm in there:
            skipped.append({"name": candidate.name, "why": f"tried as {arm}"})
            continue
        cost = session.cost(bench.members(arm, setting.seeds))
        if spent + cost > SHARE * time and (trials or cost > time):
            bench.drop(arm)
            skipped.append({"name": candidate.name, "why": "budget"})
            continue
        spent += cost
        trials.append(_trial(arm, candidate))
    return trials, skipped


def one_of_each_first(offered: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates so that the first dose of every remedy stands before the second of any."""
    doses: defaultdict[str, int] = defaultdict(int)
    rank: list[tuple[int, Candidate]] = []
    for candidate in offered:
        change = candidate.remedy.change
        rank.append((doses[change], candidate))
        doses[change] += 1
    return [candidate for _, candidate in sorted(rank, key=lambda pair: pair[0])]


def _trial(arm: str, candidate: Candidate) -> dict[str, Any]:
    remedy = candidate.remedy
    return {
        "arm": arm,
        "name": candidate.name,
        "finding": remedy.finding,
        "change": remedy.change,
        "step": remedy.step,
        "reason": remedy.reason,
        "source": remedy.source,
        "harm": getattr(remedy, "harm", ""),
        "patch": dict(candidate.patch),
        "fields": sorted(candidate.fields),
    }
