"""The course of a fit: a baseline, then rounds of remedies over the best so far, until nothing more is to be gained."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from wellfit.fitting.labels import look_at_labels
from wellfit.fitting.outcomes import Course
from wellfit.fitting.race import OUT_OF_TIME
from wellfit.fitting.rounds import Round, run_round, values_of
from wellfit.fitting.session import Session
from wellfit.fitting.simple import Simple, simple_model
from wellfit.fitting.trials import Setting, plan_round
from wellfit.recipe.loss import CrossEntropySpec
from wellfit.record import is_share
from wellfit.study.circumstances import chance_loss, class_counts
from wellfit.study.design import PLAIN
from wellfit.train.losses import measured
from wellfit.train.replicate import Replicate

BASELINE_SHARE = 0.25
"""Part of the budget that the baseline may take: three arms beside it are to have the same."""
FEWEST = 3
"""Seeds without which a comparison hardly says anything."""
SIMPLE_SECONDS, SIMPLE_SHARE = 3.0, 0.1
"""What a simple model is taken to need (most of it to load its library), and the part of the budget that it may."""
LEARNED = 0.02
"""Part of what guessing reaches that an arm must be better, to be more than a guess."""
LUCK = 0.25
"""Times 1 / sqrt(n) of n validation samples that it must be better beside that: the best epoch on few samples is better
than guessing for labels by coin, too."""


def search(session: Session) -> tuple[Setting, Course]:
    """Train the baseline and round after round; return what all rounds share and how it went."""
    setting = _begin(session)
    control, tried = PLAIN, set[str]()
    rounds: list[Round] = []
    for number in count(1):
        name = f"round {number}"
        plan = session.journal.decide(name, lambda: plan_round(session, setting, number, control, tried))  # noqa: B023
        session.say(_about(number, plan))
        if not plan["trials"]:
            return setting, Course(rounds, control, plan, _ended(plan, rounds))
        done = run_round(session, setting, number, plan)
        rounds.append(done)
        tried = _tried(session, setting, tried, done)
        if done.winner is not None:
            session.say(f"{name}: goes on from {done.winner}")
            control = done.winner
        elif len(done.left) == len(done.trials) and set(map(_why, done.left.values())) == {OUT_OF_TIME}:
            session.say(f"{name}: the time did not suffice to train any with all seeds")
        else:
            session.say(f"{name}: nothing was surely better than {control}")
    raise AssertionError("the rounds never end by themselves")


def _begin(session: Session) -> Setting:
    """Train the baseline, with as many seeds as the budget has room for, and a simple model beside it."""
    bench = session.bench
    session.enter()
    seeds = bench.seeds
    session.say(f"baseline: trains {PLAIN} with {_seeds(seeds)}")
    units = {str(seed): bench.members(PLAIN, [seed]) for seed in seeds}
    done = session.train("baseline", units, until=BASELINE_SHARE * session.clock.budget, least=lambda: _fewest(session))
    if len(done) < len(seeds):
        session.say(f"the budget has room for {_seeds(done)} of {len(seeds)}")
    kept = tuple(seed for seed in seeds if str(seed) in done)
    found = session.journal.decide("simple model", lambda: _simple(session, kept))
    simple = None
    if found["kind"] is not None:
        simple = Simple(found["kind"], {int(seed): loss for seed, loss in found["val_loss"].items()})
    replicate = bench.replicates[kept[0]]
    chance = chance_loss(replicate)
    labels = session.journal.decide("labels", lambda: look_at_labels(session))
    return Setting(kept, chance, simple, _floor(session, replicate, chance), **labels)


def _fewest(session: Session) -> int:
    """Return the seeds that the baseline has whatever the time: so many that one arm more can be trained beside it."""
    run = session.cost(session.bench.members(PLAIN, session.bench.seeds[:1]))
    for seeds in (FEWEST, 2):
        if 2 * seeds * run <= session.clock.budget - session.reserve:
            return seeds
    return 1


def _simple(session: Session, seeds: Sequence[int]) -> dict[str, Any]:
    if SIMPLE_SHARE * session.clock.budget < SIMPLE_SECONDS:
        return {"kind": None}
    found = simple_model(session.bench.spec.recipe, session.bench.replicates, seeds)
    return {"kind": None} if found is None else {"kind": found.kind, "val_loss": dict(found.val_loss)}


def _floor(session: Session, replicate: Replicate, chance: float) -> float:
    """Return what guessing may reach by the metric, higher is better; minus infinity where that is not known."""
    spec, dataset = session.bench.spec, replicate.dataset
    margin = LEARNED + LUCK / math.sqrt(len(replicate.split.validation))
    if is_share(spec.metric):
        if dataset.task != "classification":
            return float("-inf")
        counts = class_counts(dataset, replicate.split.train)
        largest = float(max(counts) / sum(counts))
        return largest + margin * (1 - largest)
    recipe = spec.recipe
    given = recipe.measure or recipe.loss
    is_known = dataset.task == "regression" or (given is not None and measured(given) == CrossEntropySpec())
    return -(1 - margin) * chance if is_known else float("-inf")


def _tried(session: Session, setting: Setting, tried: set[str], done: Round) -> set[str]:
    """Return the names not to be offered again: over the same control all that were tried, over another one those of a
    dose of its own (``dropout=0.3``) that brought nothing; ``lr x3`` means something else there.
    """
    names = {str(trial["name"]): str(trial["arm"]) for trial in done.trials}
    if done.winner is None:
        return tried | set(names)
    values = values_of(session, [done.control, *names.values()], setting.seeds)
    control = sum(values[done.control])
    behind = {name for name, arm in names.items() if not sum(values[arm]) > control}
    return {name for name in tried | behind if "=" in name}


def _why(left: Mapping[str, Any]) -> str:
    return str(left["why"])


def _ended(plan: Mapping[str, Any], rounds: Sequence[Round]) -> str:
    """Return why there is nothing left to try."""
    if any(each["why"] == "budget" for each in plan["skipped"]):
        return "budget"
    if plan["verdict"] == "well-fit":
        return "well-fit"
    if rounds and all(each.winner is None for each in rounds):
        return "nothing helped"
    return "no remedy left"


def _about(number: int, plan: Mapping[str, Any]) -> str:
    found = f"round {number}: {plan['control']} is {plan['verdict']}"
    if not plan["trials"]:
        is_late = any(each["why"] == "budget" for each in plan["skipped"])
        return f"{found}; {'no time is left to try more' if is_late else 'nothing is left to try'}"
    return f"{found}; tries {', '.join(str(trial['name']) for trial in plan['trials'])}"


def _seeds(seeds: Sequence[object]) -> str:
    return f"{len(seeds)} seed{'' if len(seeds) == 1 else 's'}"
