"""What a fit tried and what came of it: the block ``fit`` of ``result.json``, read once for page and terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from wellfit.record import is_share
from wellfit.stats.outcome import Outcome
from wellfit.views.metric_value import MetricValue, bounds, number, read_value
from wellfit.views.outcome import Outcome as Tone

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
TONES: dict[Outcome, Tone] = {"CURED": "better", "BETTER": "better", "WORSE": "worse"}
"""Outcome -> how it is colored; those that are not here are ``unclear``."""
TESTED = ("test_iou", "test_accuracy", "test_loss")


@dataclass(frozen=True, slots=True)
class Gain:
    """A paired gain, positive where the arm is better whatever the metric; NaN where there is no number."""

    difference: float
    low: float
    high: float
    per_seed: tuple[float, ...] = ()

    @property
    def half_width(self) -> float:
        """Half the width of the interval; NaN without one."""
        return (self.high - self.low) / 2

    @property
    def tone(self) -> Tone:
        """Whether the interval excludes zero, and on which side."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "unclear"


@dataclass(frozen=True, slots=True)
class Left:
    """When an arm left the race, and why."""

    look: int
    why: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One remedy that was tried, as an arm over the control of its round."""

    arm: str
    name: str
    finding: str
    reason: str
    source: str
    harm: str
    """When it does harm; empty where nothing is known."""
    seeds: int
    """Seeds that it was trained with."""
    left: Left | None
    """``None``: it stayed to the end of its round."""
    validation: Gain | None
    """What the choice was made by."""
    test: Gain | None
    """On the sealed test set, which no choice has seen."""
    metric: str
    """Of ``test``."""
    verdict: str
    """Of the arm, after the remedy."""
    outcome: Outcome
    is_winner: bool
    """Whether the next round went on from it."""

    @property
    def tone(self) -> Tone:
        """How its outcome is colored."""
        return TONES.get(self.outcome, "unclear")


@dataclass(frozen=True, slots=True)
class Round:
    """The remedies over one control."""

    number: int
    control: str
    verdict: str
    words: str
    """What was seen in the control's curves; empty where the round before has said it."""
    risks: tuple[str, ...]
    attempts: tuple[Attempt, ...]
    winner: Attempt | None
    skipped: tuple[tuple[str, str], ...]
    """(remedy, why) of what was offered and not tried."""


@dataclass(frozen=True, slots=True)
class Part:
    """The first arm, or the last one."""

    arm: str
    verdict: str
    tested: tuple[tuple[str, MetricValue], ...]
    """(metric, value) on the sealed test set, shares first."""

    def value(self, metric: str) -> MetricValue | None:
        """Return a metric's value on the test set, if it was measured."""
        return dict(self.tested).get(metric)


@dataclass(frozen=True, slots=True)
class Advice:
    """What would help and is no change of recipe."""

    change: str
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class Fit:
    """How a fit went."""

    words: str
    rounds: tuple[Round, ...]
    baseline: Part
    final: Part
    gain: Gain | None
    """Of the final arm over the baseline, on the sealed test set; ``None`` where they are the same."""
    metric: str
    """Of ``gain``."""
    simple: tuple[str, float] | None
    """A simple model and its validation loss, as a yardstick."""
    ended: str
    """``well-fit``, ``budget``, ``nothing helped`` or ``no remedy left``."""
    budget: float
    """Seconds; NaN: none."""
    advice: tuple[Advice, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    """(remedy, why) of what was offered over the final arm and not tried."""

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """All remedies, in the order of the rounds."""
        return tuple(attempt for each in self.rounds for attempt in each.attempts)

    @property
    def applied(self) -> tuple[Attempt, ...]:
        """The remedies that the final arm is made of: the winner of each round, in their order."""
        return tuple(each.winner for each in self.rounds if each.winner is not None)

    @property
    def to_watch(self) -> tuple[tuple[str, str], ...]:
        """(remedy, when it does harm) of what the final arm is made of; of a combination its parts as well."""
        found: dict[str, str] = {}
        for each in self.rounds:
            if each.winner is not None:
                parts = each.winner.name.split(" + ")
                found |= {one.name: one.harm for one in each.attempts if one.name in parts and one.harm}
                found |= {each.winner.name: each.winner.harm} if each.winner.harm else {}
        return tuple(found.items())

    @property
    def untried(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """(why, remedies) of what was offered and never tried; of several reasons the last one."""
        last = dict([*(pair for each in self.rounds for pair in each.skipped), *self.skipped])
        tried = {one.name for one in self.attempts}
        found: dict[str, list[str]] = {}
        for name, why in last.items():
            if name not in tried:
                found.setdefault(why, []).append(name)
        return tuple((why, tuple(names)) for why, names in found.items())

    @property
    def is_changed(self) -> bool:
        """Whether the final arm is another than the baseline."""
        return self.final.arm != self.baseline.arm


def read_fit(result: Mapping[str, Any]) -> Fit | None:
    """Return the fit of a result; ``None`` for a study. What is missing or broken in the file is NaN or empty."""
    block = result.get("fit")
    if not isinstance(block, Mapping):
        return None
    rounds = _rounds(_mappings(block.get("rounds")))
    metrics = [attempt.metric for each in rounds for attempt in each.attempts]
    baseline = _part(block.get("baseline"))
    share = is_share(str(result.get("metric"))) and baseline.value("test_accuracy") is not None
    simple = _mapping(block.get("simple"))
    final = _mapping(block.get("final"))
    return Fit(
        words=_text(block, "words"),
        rounds=rounds,
        baseline=baseline if not rounds else replace(baseline, verdict=rounds[0].verdict or baseline.verdict),
        final=_part(final),
        gain=_gain(final.get("gain")),
        metric=metrics[0] if metrics else "test_accuracy" if share else "test_loss",
        simple=(_text(simple, "kind"), number(simple.get("val_loss"))) if simple.get("kind") else None,
        ended=_text(block, "ended"),
        budget=number(block.get("budget")),
        advice=tuple(
            Advice(_text(one, "change"), _text(one, "reason"), _text(one, "source"))
            for one in _mappings(block.get("advice"))
        ),
        skipped=_skipped(block),
    )


def _rounds(raw: Sequence[Mapping[str, Any]]) -> tuple[Round, ...]:
    """Return the rounds; what the round before has said of the same control is not said again."""
    rounds: list[Round] = []
    said = ("", "")
    for one in map(_round, raw):
        rounds.append(replace(one, words="") if (one.control, one.words) == said else one)
        said = (one.control, one.words)
    return tuple(rounds)


def _round(raw: Mapping[str, Any]) -> Round:
    winner = raw.get("winner")
    attempts = tuple(_attempt(one, winner=winner) for one in _mappings(raw.get("remedies")))
    place = number(raw.get("round"))
    return Round(
        number=int(place) if math.isfinite(place) else 0,
        control=_text(raw, "control"),
        verdict=_text(raw, "verdict"),
        words=_text(raw, "words"),
        risks=tuple(_text(one, "words") for one in _mappings(raw.get("risks"))),
        attempts=attempts,
        winner=next((attempt for attempt in attempts if attempt.is_winner), None),
        skipped=_skipped(raw),
    )


def _skipped(raw: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((_text(one, "name"), _text(one, "why")) for one in _mappings(raw.get("skipped")))


def _attempt(raw: Mapping[str, Any], *, winner: Any) -> Attempt:
    given = _text(raw, "outcome")
    left = _mapping(raw.get("left"))
    look = number(left.get("look"))
    seeds = raw.get("seeds")
    return Attempt(
        arm=_text(raw, "arm"),
        name=_text(raw, "name") or _text(raw, "arm"),
        finding=_text(raw, "finding"),
        reason=_text(raw, "reason"),
        source=_text(raw, "source"),
        harm=_text(raw, "harm"),
        seeds=len(seeds) if isinstance(seeds, Sequence) and not isinstance(seeds, str) else 0,
        left=Left(int(look) if math.isfinite(look) else 0, _text(left, "why")) if left else None,
        validation=_gain(raw.get("validation")),
        test=_gain(raw.get("test")),
        metric=_text(raw, "metric") or "test_loss",
        verdict=_text(raw, "verdict_after"),
        outcome=next((one for one in OUTCOMES if one == given), "INCONCLUSIVE"),
        is_winner=winner is not None and raw.get("arm") == winner,
    )


def _part(raw: Any) -> Part:
    values = _mapping(raw)
    tested = [(metric, value) for metric in TESTED if (value := read_value(values.get(metric))) is not None]
    return Part(_text(values, "arm"), _text(values, "verdict"), tuple(tested))


def _gain(raw: Any) -> Gain | None:
    values = _mapping(raw)
    difference = number(values.get("difference"))
    if math.isnan(difference):
        return None
    low, high = bounds(values.get("ci95"))
    seeds = values.get("per_seed")
    each = seeds if isinstance(seeds, Sequence) and not isinstance(seeds, str) else ()
    return Gain(difference, low, high, tuple(number(one) for one in each))


def _mapping(raw: Any) -> Mapping[str, Any]:
    return raw if isinstance(raw, Mapping) else {}


def _mappings(raw: Any) -> list[Mapping[str, Any]]:
    return [one for one in raw if isinstance(one, Mapping)] if isinstance(raw, Sequence) else []


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    return value if isinstance(value, str) else ""
