"""Who left a race, when and against whom, in words: the values of these arms are those of an early epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wellfit.record import better_sign
from wellfit.views.metric_value import bounds, number
from wellfit.views.numbers import count_text, difference_text, interval_text, is_fraction, shown_decimals


def left_race(result: Mapping[str, Any]) -> dict[str, str]:
    """Return arm -> ``left after epoch 8: lr0.3 was better by 0.21 val_loss [0.18, 0.24]``; empty without a race."""
    race = result.get("racing") or {}
    return {str(one["arm"]): _words(one, str(result["metric"])) for one in race.get("left") or ()}


def race_text(result: Mapping[str, Any]) -> str:
    """Return in a sentence what a race came to; empty without one."""
    race = result.get("racing")
    if not race:
        return ""
    left, arms = len(race["left"]), len(result.get("arms") or ())
    winners = [str(arm) for arm in race.get("winners") or ()]
    run, full = int(race["epochs"]), int(race["epochs_in_full"])
    part = f" ({run / full:.0%})" if full else ""
    text = f"Race: {left} of {count_text(arms, 'arm')} left early; {run:,} of {full:,} epochs were run{part}"
    if result.get("status") == "interrupted" or not winners:
        return f"{text}."
    if len(winners) == 1:
        return f"{text}. Surely better than all others: {winners[0]}."
    return f"{text}. Not surely worse than any other: {', '.join(winners)}."


def _words(one: Mapping[str, Any], metric: str) -> str:
    difference, (low, high) = number(one.get("difference")), bounds(one.get("ci95"))
    ahead = sorted(-better_sign(metric) * bound for bound in (low, high))
    places = shown_decimals(metric, [(high - low) / 2])
    unit = f"points of {metric}" if is_fraction(metric) else metric
    size = difference_text(metric, -better_sign(metric) * difference, places=places, signed=False)
    interval = interval_text(metric, *ahead, places=places)
    return f"left after epoch {int(one['epoch'])}: {one['by']} was better by {size} {unit} {interval}".rstrip()
