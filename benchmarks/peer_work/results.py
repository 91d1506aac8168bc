"""What the candidates answered, as numbers that can be compared: medians over rounds, of each one's fastest form."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.peer_work.candidates import EPOCH, HOMEWORK, RATE, Candidate
from benchmarks.peer_work.order import BATCH

CLOSE = 1.5
"""A form that is slower than its candidate's fastest by more than this in the first round is not repeated."""

WHOLE = {"mlp": EPOCH, "mlp augmented": EPOCH, "wide": EPOCH, "cnn": EPOCH, "resnet": 50_000}
"""Samples of the epoch that seconds are scaled to."""


@dataclass(frozen=True)
class Measurement:
    """One process of a candidate."""

    key: str
    round: int
    busy: float | None
    """Cores that others kept busy just before."""
    load: float
    """The machine's load average before, in which this benchmark itself counts."""
    answer: Mapping[str, Any]
    """Empty where it failed."""
    failed: str = ""

    @property
    def is_value(self) -> bool:
        """Whether there is a number."""
        return "seconds" in self.answer

    @property
    def why_not(self) -> str:
        """Why there is none."""
        return self.failed or str(self.answer.get("skipped", ""))


Quantity = Callable[[Candidate, Mapping[str, Any]], float]


def scaled(work: str, seconds: float, answer: Mapping[str, Any]) -> float:
    """Return seconds as the work's table has them: of a whole epoch and member, milliseconds of a step, or as they are.

    Where an epoch ends with a smaller batch, its share counts as that part of a step.
    """
    if work in ("start", "racing"):
        return seconds
    each: float = seconds / answer["samples"] / answer.get("members", 1)
    return each * WHOLE[work] if work in WHOLE else each * BATCH * 1000


def value(candidate: Candidate, answer: Mapping[str, Any]) -> float:
    """Return what was measured; of wellfit with its evaluation."""
    return scaled(candidate.work, answer["seconds"], answer)


def training(candidate: Candidate, answer: Mapping[str, Any]) -> float:
    """Return the same without wellfit's evaluation."""
    return scaled(candidate.work, answer.get("training", answer["seconds"]), answer)


def peak(_: Candidate, answer: Mapping[str, Any]) -> float:
    """Return the most resident bytes, with those of forked workers: pages that they share count in each."""
    return float(answer["peak"]) + float(answer.get("forked", 0)) * float(answer.get("processes", 0))


def anonymous(_: Candidate, answer: Mapping[str, Any]) -> float:
    """Return the resident bytes at the end that belong to no file; NaN where the system does not say."""
    return float(answer["anonymous"] or "nan")


class Results:
    """Measurements by candidate; what was not measured is ``None``."""

    def __init__(self, candidates: Sequence[Candidate], measurements: Iterable[Measurement]) -> None:
        self.candidates = list(candidates)
        self.of: dict[str, list[Measurement]] = {candidate.key: [] for candidate in candidates}
        for one in measurements:
            self.of[one.key].append(one)

    def values(self, candidate: Candidate, quantity: Quantity = value) -> list[float]:
        """Return every value of a candidate's form, in the order of the rounds."""
        return [quantity(candidate, one.answer) for one in self.of[candidate.key] if one.is_value]

    def forms(self, work: str, who: str) -> list[Candidate]:
        """Return the forms of a candidate that have a value, the fastest first."""
        same = [c for c in self.candidates if (c.work, c.who) == (work, who) and self.values(c)]
        return sorted(same, key=lambda form: statistics.median(self.values(form)))

    def median(self, work: str, who: str, quantity: Quantity = value) -> float | None:
        """Return the median over rounds, of the fastest form."""
        forms = self.forms(work, who)
        return statistics.median(self.values(forms[0], quantity)) if forms else None

    def names(self, work: str) -> list[str]:
        """Return who has a value, the fastest first."""
        found = {c.who: m for c in self.candidates if c.work == work and (m := self.median(work, c.who)) is not None}
        return sorted(found, key=found.__getitem__)

    def fastest_peer(self, work: str, *, precision: str | None = None) -> str | None:
        """Return the fastest who is not wellfit; ``precision`` fp32 or bf16, or any."""
        for who in self.names(work):
            own = "bf16" if who.endswith("bf16") else "fp32"
            if not who.startswith("wellfit") and who != RATE and precision in (None, own):
                return who
        return None

    def homework(self) -> float | None:
        """Return the mean of its loop with and without augmentation."""
        return mean(self.median(work, HOMEWORK) for work in ("mlp", "mlp augmented"))

    def slow_forms(self) -> set[str]:
        """Return the keys of the forms that need not be repeated: another form of the same is clearly faster."""
        slow = set()
        for candidate in self.candidates:
            own, best = self.values(candidate), self.median(candidate.work, candidate.who)
            if own and best is not None and statistics.median(own) > CLOSE * best:
                slow.add(candidate.key)
        return slow


def mean(values: Iterable[float | None]) -> float | None:
    """Return the mean, or ``None`` where one is missing."""
    found = list(values)
    known = [one for one in found if one is not None]
    return sum(known) / len(known) if known and len(known) == len(found) else None


def ratio(numerator: float | None, denominator: float | None) -> float | None:
    """Return the quotient, or ``None`` where one is missing."""
    return None if numerator is None or not denominator else numerator / denominator
