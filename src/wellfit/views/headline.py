"""The verdict of a study in one plain sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wellfit.record import better_sign
from wellfit.stats.paired import MAX_SEEDS
from wellfit.views.contrasts import Contrast, read_contrasts
from wellfit.views.metric_value import MetricValue, number, read_value
from wellfit.views.numbers import (
    bounds_text,
    count_text,
    difference_text,
    interval_text,
    is_fraction,
    p_text,
    shown_decimals,
    value_text,
)
from wellfit.views.outcome import Outcome
from wellfit.views.racing import left_race


@dataclass(frozen=True, slots=True)
class Headline:
    """The sentence, and its sense: some arm is ``better`` than the control, some only ``worse``, or neither."""

    sentence: str
    tone: Outcome


def headline(result: Mapping[str, Any]) -> Headline:
    """Return the verdict: a winner is named only where its Holm-corrected contrast excludes zero.

    Says what is missing otherwise: one seed gives no interval, noise hides a difference (and how many seeds would
    resolve it), arms diverged, the study was interrupted.
    """
    metric = str(result["metric"])
    arms = {str(arm["name"]): arm for arm in result.get("arms") or ()}
    known = {name: value for name, arm in arms.items() if (value := read_value(arm.get(metric))) is not None}
    control = str(result.get("control"))
    tone: Outcome = "unclear"
    if not known:
        main = _nothing(arms, metric)
    elif len(arms) == 1:
        main = _alone(metric, *next(iter(known.items())))
    elif control not in known:
        main = _without_control(metric, control, known, arms)
    else:
        main, tone = _compared(result, metric, control, known)
    others = {name: arm for name, arm in arms.items() if name in known or name != control}
    left = f"{len(gone)} of {len(arms)} arms left the race early" if (gone := left_race(result)) else ""
    tail = [left, _control_verdict(arms, control if len(arms) > 1 else next(iter(arms), "")), _diverged(others)]
    sentence = "; ".join(clause for clause in (main, *tail) if clause)
    prefix = _interrupted(result, arms)
    if prefix:
        return Headline(f"{prefix}: {sentence}.", tone)
    begins_with_name = any(sentence.startswith((f"{name} ", f"{name},")) for name in arms)
    return Headline((sentence if begins_with_name else sentence[:1].upper() + sentence[1:]) + ".", tone)


def _nothing(arms: Mapping[str, Mapping[str, Any]], metric: str) -> str:
    statuses = [status for arm in arms.values() for status in arm.get("status") or ()]
    if statuses and all(status == "diverged" for status in statuses):
        return f"every run diverged before it had a usable {metric}"
    return f"no run has a {metric} yet"


def with_interval(metric: str, value: MetricValue) -> str:
    """Return ``0.352 [0.341, 0.363]``, with the digits that the interval carries; the value alone without one."""
    if not value.has_interval:
        return value_text(metric, value.mean)
    places = shown_decimals(metric, [value.half_width])
    return (
        f"{value_text(metric, value.mean, places=places)} {bounds_text(metric, value.low, value.high, places=places)}"
    )


def _alone(metric: str, name: str, value: MetricValue) -> str:
    if value.has_interval:
        return f"{name} reaches {metric} {with_interval(metric, value)} over {count_text(value.count, 'seed')}"
    return f"{name} reaches {metric} {with_interval(metric, value)}; with one seed no interval is possible"


def _best(metric: str, known: Mapping[str, MetricValue]) -> str:
    return max(known, key=lambda name: better_sign(metric) * known[name].mean)


def _without_control(
    metric: str, control: str, known: Mapping[str, MetricValue], arms: Mapping[str, Mapping[str, Any]]
) -> str:
    best = _best(metric, known)
    statuses = (arms.get(control) or {}).get("status") or ()
    why = "diverged" if statuses and all(status == "diverged" for status in statuses) else f"has no {metric}"
    return (
        f"{control}, the control, {why}, so nothing can be compared with it; {best} has the best {metric}, "
        f"{with_interval(metric, known[best])}"
    )


def _compared(
    result: Mapping[str, Any], metric: str, control: str, known: Mapping[str, MetricValue]
) -> tuple[str, Outcome]:
    left = left_race(result)
    known = {name: value for name, value in known.items() if name not in left}
    contrasts = [one for one in read_contrasts(result, metric=metric) if one.against == control and one.arm in known]
    best = _best(metric, known)
    if left and not contrasts:
        return f"no arm beats {control}: all others left the race, surely behind another", "worse"
    if not any(math.isfinite(one.low) for one in contrasts):
        return _no_interval(metric, control, best, known), "unclear"
    winners = [one for one in contrasts if one.outcome == "better"]
    losers = [one for one in contrasts if one.outcome == "worse"]
    if winners:
        return _won(control, best, winners, known), "better"
    if losers:
        return _lost(metric, control, best, losers, known), "worse"
    return _undecided(control, best, contrasts, known), "unclear"


def _no_interval(metric: str, control: str, best: str, known: Mapping[str, MetricValue]) -> str:
    reason = "with one seed" if max(value.count for value in known.values()) <= 1 else "with so few pairs of seeds"
    value = value_text(metric, known[best].mean)
    if best == control:
        return f"{control} itself has the best {metric} ({value}), but {reason} no interval is possible"
    values = f"{value} against {value_text(metric, known[control].mean)} for {control}"
    return f"{best} has the best {metric} ({values}), but {reason} no interval is possible: it may be chance"


def _size(one: Contrast) -> str:
    """Return ``0.021 val_loss [0.012, 0.030]``: how much better, or worse, as a positive number."""
    side = 1 if one.gain >= 0 else -1
    low, high = sorted(side * bound for bound in one.gain_bounds)
    places = shown_decimals(one.metric, [one.half_width])
    unit = f"points of {one.metric}" if is_fraction(one.metric) else one.metric
    size = difference_text(one.metric, side * one.gain, places=places, signed=False)
    return f"{size} {unit} {interval_text(one.metric, low, high, places=places)}"


def _evidence(one: Contrast, known: Mapping[str, MetricValue]) -> str:
    seeds = _pairs(one, known)
    p = p_text(one.p_holm)
    return f"({count_text(seeds, 'seed')}, Holm p {p if p.startswith('<') else '= ' + p})"


def _pairs(one: Contrast, known: Mapping[str, MetricValue]) -> int:
    both = min(known[one.arm].count, known[one.against].count)
    return both if math.isnan(one.pairs) else int(one.pairs)


def _won(control: str, best: str, winners: Sequence[Contrast], known: Mapping[str, MetricValue]) -> str:
    first, others = winners[0], len(winners) - 1
    text = f"{first.arm} beats {control} by {_size(first)} {_evidence(first, known)}"
    if others:
        text += f", and {count_text(others, 'other arm')} {'beats' if others == 1 else 'beat'} it too"
    if best not in (first.arm, control):
        text += f"; {best} has a better mean, but its lead over {control} may be chance"
    return text


def _lost(metric: str, control: str, best: str, losers: Sequence[Contrast], known: Mapping[str, MetricValue]) -> str:
    last = losers[-1]
    more = f", the worst of {len(losers)} that lose," if len(losers) > 1 else ""
    who = f"{control}, which has the best {metric} itself" if best == control else f"{control} beyond chance"
    return f"no arm beats {who}; {last.arm}{more} is worse by {_size(last)} {_evidence(last, known)}"


def _undecided(control: str, best: str, contrasts: Sequence[Contrast], known: Mapping[str, MetricValue]) -> str:
    first = contrasts[0]
    seeds = _pairs(first, known)
    who = f"{control}, which has the best mean itself," if best == control else control
    text = f"no arm differs from {who} beyond chance with {count_text(seeds, 'seed')}"
    if not first.seeds_needed > seeds:
        return text
    return f"{text}; {needed_text(first.seeds_needed)} would {_resolve(first)}"


def _resolve(one: Contrast) -> str:
    if math.isnan(one.aim):
        return "give the precision that was asked for"
    return f"resolve {100 * one.aim:.2g} points" if is_fraction(one.metric) else f"resolve {one.aim:.2g}"


def needed_text(seeds: float) -> str:
    """Return ``11 seeds``; at the end of the scale of ``stats.paired.seeds_needed`` it is a lower bound."""
    if not math.isfinite(seeds):
        return ""
    return f"{MAX_SEEDS} or more seeds" if seeds >= MAX_SEEDS else count_text(math.ceil(seeds), "seed")


def _control_verdict(arms: Mapping[str, Mapping[str, Any]], name: str) -> str:
    arm = arms.get(name) or {}
    phrases = {"underfit": "underfits", "well-fit": "fits well", "unconverged": "has not converged"}
    verdict = str(arm.get("verdict"))
    if verdict != "overfit":
        return f"{name} {phrases[verdict]}" if verdict in phrases else ""
    found = [one for one in arm.get("findings") or () if isinstance(one, Mapping) and one.get("name") == "overfitting"]
    epoch = number(found[0].get("epoch")) if found else math.nan
    return f"{name} overfits" + (f" from epoch {epoch:.0f}" if epoch >= 1 else "")


def _diverged(arms: Mapping[str, Mapping[str, Any]]) -> str:
    counts = {name: list(arm.get("status") or ()).count("diverged") for name, arm in arms.items()}
    bad = {name: count for name, count in counts.items() if count}
    if not bad or sum(bad.values()) == sum(len(arm.get("status") or ()) for arm in arms.values()):
        return ""
    if len(bad) > 2:
        return f"{sum(bad.values())} runs of {len(bad)} arms diverged"
    of = {name: count_text(len(arms[name]["status"]), "seed") for name in bad}
    return " and ".join(f"{name} diverged in {count} of {of[name]}" for name, count in bad.items())


def _interrupted(result: Mapping[str, Any], arms: Mapping[str, Mapping[str, Any]]) -> str:
    if result.get("status") != "interrupted":
        return ""
    done = sum(len(arm.get("status") or ()) for arm in arms.values())
    return f"Interrupted after {done} of {len(arms) * len(result.get('seeds') or ())} runs"
