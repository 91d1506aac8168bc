"""One round of a fit: the remedies over a control race on validation, winners combine, the best becomes the control."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wellfit.errors import InputError
from wellfit.fitting.bench import arm_name
from wellfit.fitting.journal import Decision
from wellfit.fitting.race import (
    BEHIND,
    DIVERGED,
    OUT_OF_TIME,
    Values,
    chosen,
    likely_gain,
    looks,
    standing,
    to_combine,
)
from wellfit.fitting.session import Session
from wellfit.fitting.trials import Setting
from wellfit.recipe import apply_patch
from wellfit.record import better_sign
from wellfit.stats.racing import eliminate

Left = dict[str, dict[str, Any]]
"""Arm -> the look after which it left, and why."""


@dataclass(frozen=True)
class Round:
    """What a round tried, and what came of it."""

    number: int
    plan: Decision
    trials: tuple[Mapping[str, Any], ...]
    """Single remedies and combinations, as they were begun."""
    left: Left
    winner: str | None

    @property
    def control(self) -> str:
        """The arm that the others are compared with."""
        return str(self.plan["control"])


def run_round(session: Session, setting: Setting, number: int, plan: Decision) -> Round:
    """Try what a round has planned, as far as the budget goes."""
    name, control = f"round {number}", str(plan["control"])
    recipe = session.bench.recipe(control)
    for trial in plan["trials"]:
        session.bench.add(trial["arm"], apply_patch(recipe, trial["patch"], where=trial["name"]))
    session.enter()
    left: Left = {}
    whole = _race(session, setting, name, control, [trial["arm"] for trial in plan["trials"]], left)
    combined = _combine(session, setting, number, plan)
    arms = [control, *whole, *(each["arm"] for each in combined)]
    together = {each["arm"] for each in combined}
    decided = session.journal.decide(
        f"{name}, winner",
        lambda: {
            "winner": chosen(values_of(session, arms, setting.seeds), control, floor=setting.floor, together=together)
        },
    )
    return Round(number, plan, (*plan["trials"], *combined), left, decided["winner"])


def values_of(session: Session, arms: Sequence[str], seeds: Sequence[int]) -> Values:
    """Return the metric of arms by seed, higher is better; NaN where a run diverged or is not there."""
    metric = session.bench.spec.metric
    sign, records = better_sign(metric), session.records()
    return {
        arm: [sign * records[arm, seed].value(metric) if (arm, seed) in records else float("nan") for seed in seeds]
        for arm in arms
    }


def _race(session: Session, setting: Setting, name: str, control: str, arms: Sequence[str], left: Left) -> list[str]:
    """Train the arms look by look; return those that were trained with all seeds."""
    racing, began = list(arms), len(arms) + 1
    stages = looks(setting.seeds)
    for look, seeds in enumerate(stages, start=1):
        if not racing:
            return []
        seen = setting.seeds[: sum(len(stage) for stage in stages[:look])]
        session.say(f"{name}: trains {', '.join(racing)} with seeds {_range(seeds)}")
        units = {arm: session.bench.members(arm, seeds) for arm in racing}
        done = session.train(f"{name}, look {look}", units, until=session.until)
        for arm in racing:
            if arm not in done:
                left[arm] = {"look": look, "why": OUT_OF_TIME}
        after = session.journal.decide(
            f"{name}, after look {look}",
            lambda: _leaving(session, setting, [control, *done], seen, look, began),  # noqa: B023 - called at once
        )
        for arm, why in after["left"].items():
            left[arm] = {"look": look, "why": why}
            session.say(f"{name}: {arm} leaves the race ({why})")
        racing = [arm for arm in after["on"] if arm not in after["left"]]
    return racing


def _leaving(
    session: Session, setting: Setting, arms: Sequence[str], seeds: Sequence[int], look: int, began: int
) -> Decision:
    """Return which arms go on, best first, and which leave: beaten by another one, or for want of time.

    After the last look nobody leaves: there is nothing more to be saved.
    """
    control, values = arms[0], values_of(session, arms, seeds)
    racing = [arm for arm in standing(values) if arm != control]
    last = len(looks(setting.seeds))
    if look == last:
        return {"on": racing, "left": {}}
    gone = eliminate(values, looks=last - 1, arms=began)
    left = {arm: BEHIND if math.isfinite(sum(values[arm])) else DIVERGED for arm in gone if arm != control}
    on = [arm for arm in racing if arm not in left]
    rest = setting.seeds[len(seeds) :]
    needed = 0.0
    for place, arm in enumerate(on):
        needed += session.cost(session.bench.members(arm, rest))
        if place and needed > session.left:
            left |= dict.fromkeys(on[place:], OUT_OF_TIME)
            break
    return {"on": on, "left": left}


def _combine(session: Session, setting: Setting, number: int, plan: Decision) -> list[Mapping[str, Any]]:
    """Lay the changes of winners over each other, and train what fits into the time."""
    name, control = f"round {number}", str(plan["control"])
    decided = session.journal.decide(
        f"{name}, combinations", lambda: {"trials": _combinations(session, setting, number, plan)}
    )
    trials = [{**trial, "arm": _added(session, control, trial)} for trial in decided["trials"]]
    if not trials:
        return []
    session.enter()
    session.say(f"{name}: trains the winners together: {', '.join(trial['arm'] for trial in trials)}")
    units = {trial["arm"]: session.bench.members(trial["arm"], setting.seeds) for trial in trials}
    done = session.train(f"{name}, together", units, until=session.until)
    return [trial for trial in trials if trial["arm"] in done]


def _added(session: Session, control: str, trial: Mapping[str, Any]) -> str:
    """Enter a combination and return its arm."""
    recipe = session.bench.recipe(control)
    for patch in trial["patch"]:
        recipe = apply_patch(recipe, patch, where=trial["name"])
    return session.bench.add(trial["arm"], recipe)


def _likely_gains(session: Session, setting: Setting, control: str, arms: Sequence[str]) -> dict[str, float]:
    """Return what the arms that likely help gain, each over the seeds that it was trained with."""
    records = session.records()
    gains = {}
    for arm in arms:
        seeds = [seed for seed in setting.seeds if (arm, seed) in records]
        values = values_of(session, [arm, control], seeds)
        found = likely_gain(values[arm], values[control]) if seeds else None
        if found is not None:
            gains[arm] = found
    return gains


def _combinations(session: Session, setting: Setting, number: int, plan: Decision) -> list[dict[str, Any]]:
    """Return the combinations of a round that can be trained in the time that is left."""
    control = str(plan["control"])
    singles = {trial["arm"]: trial for trial in plan["trials"]}
    found: list[dict[str, Any]] = []
    needed = 0.0
    gains = _likely_gains(session, setting, control, list(singles))
    for parts in to_combine(gains, {arm: trial["fields"] for arm, trial in singles.items()}):
        together = [singles[arm] for arm in parts]
        words = " + ".join(each["name"] for each in together)
        trial = {
            "arm": arm_name(control, words, number),
            "name": words,
            "finding": together[0]["finding"],
            "change": " + ".join(each["change"] for each in together),
            "step": "change",
            "reason": "What helped alone, together.",
            "source": "; ".join(dict.fromkeys(each["source"] for each in together)),
            "harm": "Does harm when the parts do the same thing twice: together they are too much.",
            "patch": [each["patch"] for each in together],
            "parts": list(parts),
        }
        there = {arm.name for arm in session.bench.prepared.arms}
        try:
            trial["arm"] = _added(session, control, trial)
        except InputError:
            continue
        if trial["arm"] in there:
            continue
        cost = session.cost(session.bench.members(trial["arm"], setting.seeds))
        if needed + cost > session.left:
            session.bench.drop(trial["arm"])
            continue
        needed += cost
        found.append(trial)
    return found


def _range(seeds: Sequence[int]) -> str:
    return str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
