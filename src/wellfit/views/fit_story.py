"""A fit told: its answer in a sentence, its rounds and what to watch as lines for a terminal of any width."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence

from wellfit.record import is_share
from wellfit.views.headline import Headline
from wellfit.views.numbers import (
    MINUS,
    MISSING,
    count_text,
    difference_text,
    interval_text,
    listing,
    plain,
    shown_decimals,
)
from wellfit.views.remedies import Attempt, Fit, Gain, Part, Round

NARROWEST = 24
"""Columns below which nothing is made to fit."""
MOST_PLACES = 6
HUGE = 1e5
"""Gains that large are shown by their power of ten."""
MOST_LATE = 8
"""Remedies that are named of those that there was no time for."""
VERDICTS = {"underfit": "underfits", "overfit": "overfits", "well-fit": "fits well", "unconverged": "has not converged"}


def fit_headline(fit: Fit) -> Headline:
    """Return the answer: a gain is claimed only where the sealed test set shows it, whatever validation said."""
    first, last = fit.baseline, fit.final
    verdict = VERDICTS.get(first.verdict, f"is {first.verdict}" if first.verdict else "was trained")
    if not fit.is_changed:
        return Headline(f"{first.arm} {verdict}{_none(fit)}.", "unclear")
    became = last.verdict and last.verdict != first.verdict
    change = f"from {first.verdict} to {last.verdict}" if became else f"still {last.verdict}" if last.verdict else ""
    if fit.gain is None or not math.isfinite(fit.gain.low):
        what = "what that is worth on the test set has no interval"
        return Headline(f"{last.arm} takes the place of {first.arm}, {change}; {what}.", "unclear")
    if fit.gain.tone == "better":
        size = f"{gain_text(fit.gain, fit.metric, signed=False)} on the sealed test set"
        values = _values(first, last, fit.metric)
        return Headline(f"{last.arm} takes the place of {first.arm}, {change}: {values}a gain of {size}.", "better")
    sense = "it is worse on" if fit.gain.tone == "worse" else "its gain may be chance by"
    sense += " the sealed test set"
    size = f"{gain_text(fit.gain, fit.metric)} {unit_text(fit.metric)}"
    return Headline(f"{last.arm} was chosen on validation over {first.arm}, but {sense}: {size}.", fit.gain.tone)


def _none(fit: Fit) -> str:
    tried = len(fit.attempts)
    if not tried:
        time = fit.ended == "budget"
        return "; the budget had no time for a remedy" if time else ", and there is nothing worth trying"
    what = "the one remedy that was tried did not help" if tried == 1 else f"none of {tried} remedies helped"
    return f", and {what} surely enough to be taken"


def _values(first: Part, last: Part, metric: str) -> str:
    before, after = first.value(metric), last.value(metric)
    if before is None or after is None:
        return ""
    unit = 100 if is_share(metric) else 1
    places = shown_decimals(metric, [one.half_width for one in (before, after) if one.has_interval])
    ends = [plain(unit * one.mean, places) + (" %" if is_share(metric) else "") for one in (before, after)]
    return f"{metric} {ends[1]} instead of {ends[0]}, "


def gain_text(gain: Gain | None, metric: str, *, places: int | None = None, signed: bool = True) -> str:
    """Return ``+0.12 [0.05, 0.19]``, positive where the arm is better; in percentage points for shares.

    An interval that excludes zero has so many digits that it is seen to.
    """
    if gain is None:
        return MISSING
    if places is None:
        places = shown_decimals(metric, [gain.half_width])
    nearest = (100 if is_share(metric) else 1) * min(abs(gain.low), abs(gain.high))
    while gain.tone != "unclear" and places < MOST_PLACES and round(nearest, places) == 0:
        places += 1
    if max(abs(gain.difference), nearest) >= HUGE:  # a control that diverged
        bounds = f" [{gain.low:.2g}, {gain.high:.2g}]" if math.isfinite(gain.low + gain.high) else ""
        return f"{gain.difference:{'+' if signed else ''}.2g}{bounds}".replace("-", MINUS)
    size = difference_text(metric, gain.difference, places=places, signed=signed)
    return f"{size} {interval_text(metric, gain.low, gain.high, places=places)}".rstrip()


def left_text(attempt: Attempt) -> str:
    """Return ``left after 3 seeds: clearly behind another arm``; empty for an arm that stayed."""
    if attempt.left is None:
        return ""
    when = f"left after {count_text(attempt.seeds, 'seed')}" if attempt.seeds else "left"
    return f"{when}: {attempt.left.why}" if attempt.left.why else when


def gain_places(attempts: Sequence[Attempt]) -> int | None:
    """Return the decimals that the gains of a table share; ``None`` where there is none."""
    widths = [one.test.half_width for one in attempts if one.test is not None]
    return shown_decimals(attempts[0].metric, widths) if widths else None


def unit_text(metric: str) -> str:
    """Return what gains of a metric are counted in: ``points of test_accuracy``, ``test_loss``."""
    return f"points of {metric}" if is_share(metric) else metric


def story_lines(fit: Fit, *, width: int = 80) -> list[str]:
    """Return the rounds of a fit as plain lines of at most ``width`` columns; none where there was no round.

    What is longer than a line is broken at spaces; a row of a table that does not fit becomes two, the second indented.
    """
    width = max(width, NARROWEST)
    lines = [line for each in fit.rounds for line in _round_lines(each, width)]
    late = [name for why, names in fit.untried if why == "budget" for name in names]
    if late:
        lines += [*_wrapped(f"No time was left for {listing(late, most=MOST_LATE)}.", width), ""]
    if any(attempt.test is not None for attempt in fit.attempts):
        together = f" that hold for all {count} together" if (count := len(fit.attempts)) > 1 else ""
        note = f"Gains are {unit_text(fit.metric)} on the sealed test set against the arm that the round began with,"
        star = " * is what was gone on from." if fit.applied else ""
        lines += _wrapped(f"{note} with 95 % intervals{together}.{star}", width)
    return lines


def watch_lines(fit: Fit, *, width: int = 80) -> list[str]:
    """Return when each change that the model is made of does harm, as lines of at most ``width`` columns."""
    width = max(width, NARROWEST)
    lines = [
        line for name, harm in fit.to_watch for line in _wrapped(f"{name}: {harm}", width, start="  ", then="    ")
    ]
    return ["To watch:", *lines] if lines else []


def _round_lines(each: Round, width: int) -> Iterator[str]:
    verdict = VERDICTS.get(each.verdict, each.verdict)
    seen = f" {each.words}" if each.words else ""
    yield from _wrapped(f"Round {each.number}: {each.control} {verdict}.{seen}", width)
    names = [f"{one.name}{' *' if one.is_winner else ''}" for one in each.attempts]
    gains = [gain_text(one.test, one.metric) for one in each.attempts]
    outcomes, longest = [one.outcome for one in each.attempts], max(map(len, names), default=0)
    column = max(map(len, outcomes), default=0)
    for attempt, name, gain in zip(each.attempts, names, gains, strict=True):
        row = f"  {attempt.outcome:<{column}}  {name:<{longest}}  {gain}"
        if len(row) <= width:
            yield row.rstrip()
        else:
            yield from _wrapped(f"{attempt.outcome}: {name}", width, start="  ", then="    ")
            yield from _wrapped(gain, width, start="    ", then="    ")
    gone: dict[str, list[str]] = {}
    for attempt in each.attempts:
        gone.setdefault(left_text(attempt), []).append(attempt.name)
    for left, those in gone.items():
        if left:
            yield from _wrapped(f"{left} ({', '.join(those)})", width, start="  ", then="    ")
    yield ""


def _wrapped(text: str, width: int, *, start: str = "", then: str = "  ") -> list[str]:
    return textwrap.wrap(text, width, initial_indent=start, subsequent_indent=then, break_on_hyphens=False)
