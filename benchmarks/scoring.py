"""Scores of a diagnosis against labelled runs: recall, false alarms, confusion, calibration. Pure functions."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

Run = Mapping[str, Any]
Interval = tuple[float, float]
T = TypeVar("T")


@dataclass(frozen=True)
class Judged:
    """What was said of a labelled run."""

    run: Run
    verdict: str
    confidence: float
    findings: Mapping[str, float]
    """Name -> confidence."""

    @property
    def group(self) -> tuple[str, int]:
        """Runs of a family and seed share their samples, so the bootstrap draws them together."""
        return (self.run["id"].split("/")[0], self.run["seed"])

    @property
    def is_right(self) -> bool:
        return bool(self.verdict == self.run["verdict"])


@dataclass(frozen=True)
class Share:
    """``count`` of ``n``, with the Wilson interval at 95 % (Wilson 1927)."""

    count: int
    n: int

    @property
    def value(self) -> float:
        return self.count / self.n if self.n else math.nan

    @property
    def interval(self) -> Interval:
        if not self.n:
            return (0.0, 1.0)
        z, p = 1.959964, self.value
        middle = p + z * z / (2 * self.n)
        half = z * math.sqrt(p * (1 - p) / self.n + z * z / (4 * self.n**2))
        scale = 1 + z * z / self.n
        return (max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale))

    def __str__(self) -> str:
        if not self.n:
            return "-"
        low, high = self.interval
        return f"{self.value:.1%} ({self.count}/{self.n}; {low:.1%} to {high:.1%})"


def share(hits: Iterable[bool]) -> Share:
    values = list(hits)
    return Share(sum(values), len(values))


def accuracy(judged: Sequence[Judged]) -> Share:
    """Right verdicts; ``unclear`` counts as wrong."""
    return share(each.is_right for each in judged)


def decided(judged: Sequence[Judged]) -> Share:
    """Right verdicts among those that are not ``unclear``."""
    return share(each.is_right for each in judged if each.verdict != "unclear")


def false_overfit(judged: Sequence[Judged]) -> Share:
    """Healthy runs that were called overfit, by the verdict or by a finding."""
    healthy = [each for each in judged if each.run["verdict"] == "well-fit"]
    return share(each.verdict == "overfit" or "overfitting" in each.findings for each in healthy)


def value_of(score: Callable[[Sequence[Judged]], Share], judged: Sequence[Judged]) -> float:
    """Return the value of a score, for ``bootstrap``."""
    return score(judged).value


def confusion(judged: Sequence[Judged]) -> Counter[tuple[str, str]]:
    """(truth, said) -> runs."""
    return Counter((each.run["verdict"], each.verdict) for each in judged)


def by_finding(judged: Sequence[Judged]) -> dict[str, tuple[Share, Share]]:
    """Name -> (recall, false alarms), over the runs of which the construction decides."""
    names = sorted({name for each in judged for name in each.run["findings"]})
    scores = {}
    for name in names:
        known = [(each.run["findings"][name], name in each.findings) for each in judged if name in each.run["findings"]]
        scores[name] = (share(said for true, said in known if true), share(said for true, said in known if not true))
    return scores


Stated = tuple[float, bool, object]
"""A confidence, whether it was right, and the group it belongs to."""


def stated_verdicts(judged: Sequence[Judged]) -> list[Stated]:
    return [(each.confidence, each.is_right, each.group) for each in judged if each.verdict != "unclear"]


def stated_findings(judged: Sequence[Judged]) -> list[Stated]:
    return [
        (confidence, bool(each.run["findings"][name]), each.group)
        for each in judged
        for name, confidence in each.findings.items()
        if name in each.run["findings"]
    ]


BINS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0 + 1e-9)


def reliability(stated: Sequence[Stated]) -> list[tuple[Interval, float, Share]]:
    """Rows of (bin, mean confidence, share that was right); empty bins are left out."""
    rows = []
    for low, high in itertools.pairwise(BINS):
        inside = [(confidence, right) for confidence, right, _ in stated if low <= confidence < high]
        if inside:
            mean = sum(confidence for confidence, _ in inside) / len(inside)
            rows.append(((low, min(high, 1.0)), mean, share(right for _, right in inside)))
    return rows


def brier(stated: Sequence[Stated]) -> float:
    """Mean squared difference of confidence and outcome (Brier 1950)."""
    return float(np.mean([(confidence - right) ** 2 for confidence, right, _ in stated])) if stated else math.nan


def calibration_error(stated: Sequence[Stated]) -> float:
    """Expected calibration error over ``BINS``: sum n_b / n |share right - mean confidence| (Naeini et al. 2015)."""
    n = len(stated)
    return sum(each.n / n * abs(each.value - mean) for _, mean, each in reliability(stated)) if n else math.nan


def bootstrap(
    items: Sequence[T], group: Callable[[T], object], score: Callable[[Sequence[T]], float], *, draws: int = 1000
) -> Interval:
    """Return the 95 % percentile interval of a score, with groups drawn whole (the seed of the draws is fixed)."""
    groups: dict[object, list[T]] = {}
    for each in items:
        groups.setdefault(group(each), []).append(each)
    members = list(groups.values())
    if len(members) < 2:
        return (math.nan, math.nan)
    rng = np.random.default_rng(0)
    values = [
        score([each for i in rng.integers(0, len(members), len(members)) for each in members[i]]) for _ in range(draws)
    ]
    low, high = np.nanquantile(values, (0.025, 0.975))
    return (float(low), float(high))


def changed(one: Sequence[Judged], other: Sequence[Judged]) -> tuple[Share, Share]:
    """Return the shares of runs whose verdict, and whose findings, differ between two judgements of the same runs."""
    pairs = list(zip(one, other, strict=True))
    return (
        share(a.verdict != b.verdict for a, b in pairs),
        share(set(a.findings) != set(b.findings) for a, b in pairs),
    )
