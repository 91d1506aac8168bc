"""Main effects and two-way interactions of a factorial study."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wellfit.record import better_sign
from wellfit.views.metric_value import bounds, number
from wellfit.views.outcome import Outcome, outcome_of


@dataclass(frozen=True, slots=True)
class Effect:
    """A main effect or an interaction, in units of the metric."""

    label: str
    difference: float
    low: float
    high: float
    p_holm: float
    gain: float
    """The difference turned so that positive is better; for an interaction: the pair beats the sum of both."""
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Effects:
    """All effects of one metric."""

    metric: str
    labels: tuple[str, ...]
    """One per factor, or per level (``dropout=0.4``, as arms are named) of a factor that has several."""
    main: tuple[Effect, ...]
    pairs: tuple[Effect, ...]
    cells: tuple[tuple[Effect | None, ...], ...]
    """Labels x labels: main effects on the diagonal, interactions below it, ``None`` elsewhere."""


def effects(result: Mapping[str, Any], *, metric: str) -> Effects | None:
    """Return the effects of a factorial study; ``None`` where the study is none."""
    mains = [one for one in result.get("main_effects") or () if one.get("metric") == metric]
    crossed = [one for one in result.get("interactions") or () if one.get("metric") == metric]
    levels = Counter(str(one["factor"]) for one in mains)
    main = [(_label(str(one["factor"]), one.get("level"), levels), one) for one in mains]
    pairs = [(_pair_labels(one, levels), one) for one in crossed]
    labels = tuple(dict.fromkeys([label for label, _ in main] + [label for both, _ in pairs for label in both]))
    if not labels:
        return None
    place = {label: index for index, label in enumerate(labels)}
    cells: list[list[Effect | None]] = [[None] * len(labels) for _ in labels]
    for label, one in main:
        cells[place[label]][place[label]] = _effect(label, one)
    for both, one in pairs:
        first, second = sorted(both, key=lambda label: place[label])
        cells[place[second]][place[first]] = _effect(f"{first} \N{MULTIPLICATION SIGN} {second}", one)
    return Effects(
        metric=metric,
        labels=labels,
        main=tuple(_effect(label, one) for label, one in main),
        pairs=tuple(_effect(" \N{MULTIPLICATION SIGN} ".join(both), one) for both, one in pairs),
        cells=tuple(tuple(row) for row in cells),
    )


def _label(factor: str, level: Any, levels: Counter[str]) -> str:
    if level is None or levels[factor] < 2:
        return factor
    return f"{factor}={str(level).rpartition('=')[2]}"


def _pair_labels(raw: Mapping[str, Any], levels: Counter[str]) -> tuple[str, ...]:
    factors = [str(name) for name in raw["factors"]]
    given = raw.get("levels") or [None] * len(factors)
    return tuple(_label(factor, level, levels) for factor, level in zip(factors, given, strict=True))


def _effect(label: str, raw: Mapping[str, Any]) -> Effect:
    metric, difference, p_holm = str(raw["metric"]), number(raw.get("difference")), number(raw.get("p_holm"))
    low, high = bounds(raw.get("ci95"))
    gain = better_sign(metric) * difference
    return Effect(label, difference, low, high, p_holm, gain, outcome_of(metric, difference, low, high, p_holm))


def largest(found: Effects) -> float:
    """Return the largest finite |difference| in the cells: the end of a color scale about zero; 0 without any."""
    shown = [cell.difference for row in found.cells for cell in row if cell is not None]
    return max((abs(value) for value in shown if math.isfinite(value)), default=0.0)
