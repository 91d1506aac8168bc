"""Contrasts of ``result.json``, read once for all views."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wellfit.record import better_sign
from wellfit.views.metric_value import bounds, number
from wellfit.views.outcome import Outcome, outcome_of


@dataclass(frozen=True, slots=True)
class Contrast:
    """Paired difference ``arm - against`` of a metric. Fields are NaN where the study could not compute them."""

    arm: str
    against: str
    metric: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    dz: float
    pairs: float
    """Number of seeds that both arms have."""
    seeds_needed: float
    """Seeds in all for an interval with a half-width of ``aim``."""
    aim: float
    """Half-width that matters, in units of the metric."""
    outcome: Outcome
    left: int = 0
    """The epoch after which the arm left a race: its values are those of that epoch. 0 for others."""

    @property
    def gain(self) -> float:
        """The difference turned so that positive is better."""
        return better_sign(self.metric) * self.difference

    @property
    def gain_bounds(self) -> tuple[float, float]:
        """The interval of :attr:`gain`."""
        return (self.low, self.high) if better_sign(self.metric) > 0 else (-self.high, -self.low)

    @property
    def half_width(self) -> float:
        """Half the width of the interval; NaN without one."""
        return (self.high - self.low) / 2


def read_contrasts(result: Mapping[str, Any], *, metric: str) -> tuple[Contrast, ...]:
    """Return the contrasts of one metric, best gain first; those without a finite difference last."""
    raw = [one for one in result.get("contrasts") or () if one.get("metric") == metric]
    made = [_read(one) for one in raw]
    return tuple(sorted(made, key=lambda one: -one.gain if math.isfinite(one.gain) else math.inf))


def _read(raw: Mapping[str, Any]) -> Contrast:
    metric, difference, p_holm = str(raw["metric"]), number(raw.get("difference")), number(raw.get("p_holm"))
    low, high = bounds(raw.get("ci95"))
    return Contrast(
        arm=str(raw["arm"]),
        against=str(raw["against"]),
        metric=metric,
        difference=difference,
        low=low,
        high=high,
        p=number(raw.get("p")),
        p_holm=p_holm,
        dz=number(raw.get("dz")),
        pairs=number(raw.get("n")),
        seeds_needed=number(raw.get("seeds_needed")),
        aim=number(raw.get("half_width")),
        outcome=outcome_of(metric, difference, low, high, p_holm),
        left=int(raw.get("left") or 0),
    )


def contrasted_metrics(result: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the metrics that have contrasts, the study's own first."""
    found = dict.fromkeys(str(one.get("metric")) for one in result.get("contrasts") or ())
    own = str(result.get("metric"))
    return tuple(sorted(found, key=lambda metric: metric != own))
