"""What came of every remedy, on the sealed test set: the block ``fit`` of ``result.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wellfit.diagnosis import Diagnosis
from wellfit.fitting.gains import Sealed
from wellfit.fitting.judging import judge_arm
from wellfit.fitting.patches import patch_between
from wellfit.fitting.race import gain, holm_of
from wellfit.fitting.rounds import Round, values_of
from wellfit.fitting.session import Session
from wellfit.fitting.trials import Setting
from wellfit.stats.crossed import Crossed
from wellfit.stats.intervals import estimate
from wellfit.stats.outcome import Outcome, margin_of, outcome
from wellfit.study.design import PLAIN


@dataclass(frozen=True)
class Course:
    """How a fit went."""

    rounds: Sequence[Round]
    final: str
    """The arm that was taken in the end."""
    last: Mapping[str, Any]
    """The plan of a round over the final arm, with its diagnosis."""
    ended: str
    """``well-fit``, ``budget``, ``nothing helped`` or ``no remedy left``."""


def fit_block(session: Session, setting: Setting, course: Course) -> dict[str, Any]:
    """Return the block ``fit`` of the result, without its words; the test set was read before."""
    sealed = Sealed(session.folder.path, session.bench.spec.metric)
    final = _part(session, setting, course.final)
    whole = None if course.final == PLAIN else sealed.gain(course.final, PLAIN, setting.seeds)
    tried = [_trained(session, setting, each) for each in course.rounds]
    count = sum(map(len, tried))
    return {
        "rounds": [
            _round(session, setting, sealed, each, those, count)
            for each, those in zip(course.rounds, tried, strict=True)
        ],
        "baseline": _part(session, setting, PLAIN),
        "final": {**final, "gain": crossed_dict(whole)},
        "simple": None if setting.simple is None else setting.simple.to_dict(),
        "label_noise": setting.label_noise,
        "plan": setting.plan,
        "ended": course.ended,
        "budget": session.clock.budget,
        "skipped": course.last["skipped"],
        "advice": course.last["advice"],
    }


def crossed_dict(found: Crossed | None) -> dict[str, Any] | None:
    """Return a gain as plain values."""
    if found is None:
        return None
    ci95 = None if found.ci95 is None else list(found.ci95)
    return {
        "difference": found.difference,
        "ci95": ci95,
        "p": found.p,
        "per_seed": list(found.per_seed),
        "samples": found.samples,
    }


def diagnosis_of(session: Session, setting: Setting, arm: str) -> Diagnosis:
    """Return the diagnosis of an arm with all that was trained beside it."""
    return judge_arm(
        arm,
        {key: record for key, record in session.records().items() if key[1] in setting.seeds},
        chance=setting.chance,
        simple=None if setting.simple is None else setting.simple.val_loss,
        facts=setting.facts(session, arm),
    )


def _part(session: Session, setting: Setting, arm: str) -> dict[str, Any]:
    """Return what is said of the first and of the last arm."""
    records = session.records()
    found: dict[str, Any] = {"arm": arm, "verdict": diagnosis_of(session, setting, arm).verdict}
    for name in ("val_loss", "val_accuracy", "test_loss", "test_accuracy", "test_iou"):
        values = [records[arm, seed].value(name) for seed in setting.seeds if (arm, seed) in records]
        mean = estimate(values)
        if mean.mean is not None:
            found[name] = {"values": values, "mean": mean.mean, "ci95": None if mean.ci95 is None else list(mean.ci95)}
        elif not name.endswith("iou"):
            found[name] = None
    return found


def _trained(session: Session, setting: Setting, each: Round) -> list[Mapping[str, Any]]:
    """Return the trials of a round that have a finished run."""
    records = session.records()
    return [trial for trial in each.trials if any((trial["arm"], seed) in records for seed in setting.seeds)]


def _round(
    session: Session, setting: Setting, sealed: Sealed, each: Round, trained: Sequence[Mapping[str, Any]], count: int
) -> dict[str, Any]:
    """Return a round with every remedy's outcome; ``count``: the remedies of all rounds."""
    plan = each.plan
    values = values_of(session, [each.control, *(trial["arm"] for trial in trained)], setting.seeds)
    gains = {trial["arm"]: gain(values[trial["arm"]], values[each.control]) for trial in trained}
    corrected = holm_of(gains)
    remedies = []
    for trial in trained:
        arm = trial["arm"]
        mine = gains[arm]
        validation = {
            "difference": mine.difference,
            "ci95": None if mine.ci95 is None else list(mine.ci95),
            "p_holm": corrected[arm],
        }
        remedies.append(_remedy(session, setting, sealed, each, trial, count) | {"validation": validation})
    late = [{"name": trial["name"], "why": "budget"} for trial in each.trials if trial not in trained]
    return {
        "round": each.number,
        **{key: plan[key] for key in ("control", "verdict", "words", "findings", "risks")},
        "skipped": [*plan["skipped"], *late],
        "remedies": remedies,
        "winner": each.winner,
    }


def _remedy(
    session: Session, setting: Setting, sealed: Sealed, each: Round, trial: Mapping[str, Any], count: int
) -> dict[str, Any]:
    arm, bench = str(trial["arm"]), session.bench
    records = session.records()
    after = diagnosis_of(session, setting, arm)
    found = sealed.gain(arm, each.control, setting.seeds, simultaneous=count)
    is_gone = trial["finding"] in each.plan["findings"] and trial["finding"] not in {f.name for f in after.findings}
    cured = is_gone and after.verdict != "diverged"
    return {
        **{key: trial[key] for key in ("arm", "name", "finding", "change", "reason", "source", "harm")},
        "patch": patch_between(bench.recipe(each.control), bench.recipe(arm)),
        "seeds": [seed for seed in setting.seeds if (arm, seed) in records],
        "left": each.left.get(arm),
        "test": crossed_dict(found),
        "metric": sealed_metric(bench.spec.metric),
        "verdict_after": after.verdict,
        "outcome": _outcome(
            found,
            margin=_margin(session, setting, each.control),
            cured=cured,
            broken=_broken(session, setting, arm),
            control_broken=_broken(session, setting, each.control),
        ),
    }


def _outcome(found: Crossed | None, *, margin: float, cured: bool, broken: float, control_broken: float) -> Outcome:
    """Return the outcome of a remedy; ``broken``: the shares of runs that diverged and came to nothing.

    Those have no gain, or one as large as chance would have it: where most of an arm's are broken that decides, and
    where any of a remedy's is it is not called better.
    """
    if max(broken, control_broken) > 0.5:
        if min(broken, control_broken) > 0.5:
            return "INCONCLUSIVE"
        return "WORSE" if broken > control_broken else "CURED" if cured else "BETTER"
    word = outcome(None if found is None else found.ci95, margin=margin, cured=cured)
    return "INCONCLUSIVE" if broken and word in ("CURED", "BETTER") else word


def _broken(session: Session, setting: Setting, arm: str) -> float:
    """Return the share of an arm's finished runs that diverged and hand over no model, or one worse than guessing."""
    records = session.records()
    runs = [records[arm, seed] for seed in setting.seeds if (arm, seed) in records]
    lost = [run.best_epoch == 0 or run.value("val_loss") > setting.chance for run in runs if run.status == "diverged"]
    return sum(lost) / max(len(runs), 1)


def sealed_metric(metric: str) -> str:
    """Return what the gains on the test set are measured by."""
    return "test_accuracy" if metric == "val_accuracy" else "test_loss"


def _margin(session: Session, setting: Setting, control: str) -> float:
    """Return the smallest gain that matters, in units of what the gains are measured by."""
    metric, records = sealed_metric(session.bench.spec.metric), session.records()
    values = [records[control, seed].value(metric) for seed in setting.seeds if (control, seed) in records]
    return margin_of(metric, estimate(values).mean or 0.0)
