"""Facts beside the numbers: cards at the top, recipes, and where and on what the study was made."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from wellfit.recipe.plan import plan_words
from wellfit.views.changes import ABSENT, changes, flatten
from wellfit.views.headline import with_interval
from wellfit.views.leaderboard import LeaderboardRow
from wellfit.views.metric_value import MetricValue, number
from wellfit.views.numbers import MISSING, bounds_text, count_text, duration_text, shown_decimals, value_text
from wellfit.views.outcome import Outcome

LONGEST = 160
"""Characters of a fact that are shown; what is longer is cut."""
MOST_RECORDS = 12
"""Entries of a list of records that are shown."""

PLAN_SOURCES = {"rule": "by rule", "measured": "measured", "remembered": "measured before on the machine"}


@dataclass(frozen=True, slots=True)
class Card:
    """A key number."""

    label: str
    value: str
    note: str = ""


def cards(result: Mapping[str, Any], rows: Sequence[LeaderboardRow], *, tone: Outcome) -> list[Card]:
    """Return the key numbers: best arm, its validation and test values, runs, time, reads of the sealed test set."""
    metric = str(result["metric"])
    best = next((row for row in rows if row.is_best), None)
    made = []
    if best is not None and best.metric is not None:
        if len(rows) > 1:
            made.append(Card("Best arm", best.arm, _claim(best, tone)))
        made.append(_value_card(metric, best.metric))
        made += [
            _value_card(name, value)
            for name in ("test_iou", "test_accuracy", "test_loss")
            if (value := getattr(best, name)) is not None
        ][:1]
    made.append(_runs_card(rows, len(result.get("seeds") or ())))
    made.append(Card("Wall time", duration_text(number(result.get("seconds")))))
    made.append(test_card(result.get("data") or {}))
    return made


def _claim(best: LeaderboardRow, tone: Outcome) -> str:
    if best.is_control:
        return "the control itself"
    if best.contrast is not None and best.contrast.outcome == "better":
        return "better than the control beyond chance"
    return "by its mean; not beyond chance" if tone != "better" else "by its mean; its lead may be chance"


def _value_card(metric: str, value: MetricValue) -> Card:
    if not value.has_interval:
        return Card(metric, with_interval(metric, value), "one seed: no interval" if value.count == 1 else "")
    places = shown_decimals(metric, [value.half_width])
    note = f"95 % {bounds_text(metric, value.low, value.high, places=places)}"
    return Card(metric, value_text(metric, value.mean, places=places), note)


def _runs_card(rows: Sequence[LeaderboardRow], seeds: int) -> Card:
    statuses = [status for row in rows for status in row.status]
    design = f"{count_text(len(rows), 'arm')} \N{MULTIPLICATION SIGN} {count_text(seeds, 'seed')}"
    notes = [f"{statuses.count(name)} {words}" for name, words in _ENDS if statuses.count(name)]
    return Card("Runs", str(len(statuses)), ", ".join([design, *notes]))


_ENDS = (("stopped", "stopped early"), ("diverged", "diverged"), ("beaten", "left the race"))


def test_card(data: Mapping[str, Any]) -> Card:
    """Return how often the sealed test set was read, and how large it is."""
    reads = number(data.get("test_reads"))
    size = f"{data['test']:,} samples" if isinstance(data.get("test"), int) else ""
    if math.isnan(reads):
        return Card("Sealed test set", MISSING, size)
    read = {0: "not read", 1: "read once"}.get(int(reads), f"read {int(reads)} times")
    return Card("Sealed test set", read, size)


def recipe_yaml(recipe: Mapping[str, Any]) -> str:
    """Return a recipe as YAML, as a recipe file would hold it: without what is null."""
    values = _given(json.loads(json.dumps(recipe, default=str)))  # tuples and numbers of NumPy become plain values
    return str(yaml.safe_dump(values, sort_keys=False, default_flow_style=None, allow_unicode=True, width=88))


def _given(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _given(inner) for key, inner in value.items() if inner is not None}
    return value


def recipe_changes(base: Mapping[str, Any], other: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what an arm changes: key, value before and after; empty text where a side has no such key."""
    return [
        {
            "key": change.key.removeprefix("regularizers."),
            "before": _value(change.before),
            "after": _value(change.after),
        }
        for change in changes(base, other)
    ]


def _value(value: Any) -> str:
    if value is ABSENT:
        return ""
    return json.dumps(value, default=str, ensure_ascii=False) if value != {} else "on"


def facts(values: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Return (dotted key, text) for a mapping of any depth; empty values are left out."""
    found: list[tuple[str, str]] = []
    for key, value in flatten(values or {}).items():
        name = key.replace("_", " ")
        if isinstance(value, list | tuple) and value and all(isinstance(one, Mapping) for one in value):
            found += [(f"{name} {index}", _record(one)) for index, one in enumerate(value[:MOST_RECORDS], start=1)]
            if len(value) > MOST_RECORDS:
                found.append((name, f"and {len(value) - MOST_RECORDS} more"))
        elif text := _fact(value):
            found.append((name, text))
    return found


def plan_facts(plan: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Return title and text of each population, and of the plans that were tried for it."""
    rows = []
    for one in (plan or {}).get("populations") or ():
        source = PLAN_SOURCES.get(str(one.get("source")), PLAN_SOURCES["rule"])
        title = f"{count_text(one.get('members', 0), 'member')}, {count_text(one.get('epochs', 0), 'epoch')}"
        rows.append((title, f"{plan_words(one)} ({source})"))
        for trial in one.get("trials") or ():
            seconds = [value for value in trial.get("seconds_per_step") or () if isinstance(value, int | float)]
            took = f"{1000 * statistics.median(seconds):.3g} ms a step and member" if seconds else "out of memory"
            rows.append(("tried", f"{took}: {plan_words(trial)}"))
        if one.get("agreement"):
            rows.append(("bf16", str(one["agreement"])))
    return rows


def _record(values: Mapping[str, Any]) -> str:
    """Return one of a list of records on a line: ``members 8, epochs 30``."""
    return ", ".join(f"{key.replace('_', ' ')} {text}" for key, value in values.items() if (text := _fact(value)))


def _fact(value: Any) -> str:
    if value is None or value in ({}, [], ()) or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        text = ", ".join(str(inner) for inner in value)
    else:
        text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
