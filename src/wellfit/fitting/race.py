"""Choices on validation: which arms leave, which combine, which one is taken. Pure: from values by seed to names."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

import numpy as np

from wellfit.stats.intervals import Interval
from wellfit.stats.multiplicity import holm
from wellfit.stats.paired import paired_difference

Values = Mapping[str, Sequence[float]]
"""Arm -> its metric by seed, higher is better, the same seeds for all; NaN where a run diverged."""

FIRST_LOOK = 3
"""Seeds of the first look, where there are more than that by two."""
TAKEN = 0.05
"""One-sided p below which an arm is surely enough better. It is a choice, not a claim: what it is worth is measured on
the test set."""
COMBINED = 0.2
"""One-sided p below which an arm is worth combining, and may be taken where another one is surely better."""
MOST_COMBINATIONS = 3
BEHIND, DIVERGED, OUT_OF_TIME = "clearly behind another arm", "diverged", "the budget"
"""Why an arm leaves."""


@dataclass(frozen=True)
class Gain:
    """What an arm gains over its control on validation, paired by seed; positive: better."""

    difference: float | None
    ci95: Interval | None
    p: float | None
    """One-sided: of a gain this large or larger where there is none."""
    p_two_sided: float | None


def looks(seeds: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the seeds of each look: the first three, then the others; all at once where they are fewer than five."""
    if len(seeds) < FIRST_LOOK + 2:
        return [tuple(seeds)]
    return [tuple(seeds[:FIRST_LOOK]), tuple(seeds[FIRST_LOOK:])]


def gain(arm: Sequence[float], control: Sequence[float]) -> Gain:
    """Return the paired gain of an arm over its control."""
    found = paired_difference(arm, control)
    p = found.p
    one_sided = None if p is None or found.difference is None else p / 2 if found.difference > 0 else 1 - p / 2
    return Gain(found.difference, found.ci95, one_sided, p)


def holm_of(gains: Mapping[str, Gain]) -> dict[str, float | None]:
    """Return Holm's two-sided p of the arms of a round."""
    return dict(zip(gains, holm([each.p_two_sided for each in gains.values()]), strict=True))


def standing(values: Values) -> list[str]:
    """Return the arms by their means over seeds, best first; those that diverged with any seed last."""
    return sorted(values, key=lambda arm: -_mean(values[arm]))


def chosen(values: Values, control: str, *, floor: float, together: Collection[str] = ()) -> str | None:
    """Return the arm to go on from: where one is surely better than the control, the best by mean of those that likely
    are; ``None`` where none is.

    Surely: one-sided p at most TAKEN; likely: COMBINED. With two seeds or one there is no p worth the name: all must be
    better. Where the control diverged with a seed, an arm that did with none is surely better. An arm must also be
    above ``floor``, what guessing reaches. A combination (``together``) is taken only where it is likely better than
    the best single change: what adds nothing is left out.
    """
    others = [arm for arm in standing(values) if arm != control and _mean(values[arm]) > floor]
    if not any(_is_better(values[arm], values[control], TAKEN) for arm in others):
        return None
    likely = [arm for arm in others if _is_better(values[arm], values[control], COMBINED)]
    single = next((arm for arm in likely if arm not in together), None)
    if single is None:
        return likely[0]
    return next(
        (arm for arm in likely if arm in together and _is_better(values[arm], values[single], COMBINED)), single
    )


def likely_gain(arm: Sequence[float], control: Sequence[float]) -> float | None:
    """Return the mean gain of an arm that is likely better than its control on the same seeds, else ``None``."""
    return gain(arm, control).difference if _is_better(arm, control, COMBINED) else None


def to_combine(gains: Mapping[str, float], fields: Mapping[str, Collection[str]]) -> list[tuple[str, ...]]:
    """Return the combinations worth a try, the best first: of arms that gain and whose changes do not collide.

    An arm that left the race behind another one may still add to it.
    """
    together: list[str] = []
    for arm in sorted(gains, key=lambda one: -gains[one]):
        if all(not set(fields[arm]) & set(fields[other]) for other in together):
            together.append(arm)
    together = together[:MOST_COMBINATIONS]
    found = [parts for size in (2, 3) for parts in combinations(together, size) if together[0] in parts]
    return sorted(found, key=lambda parts: (-len(parts), -sum(gains[arm] for arm in parts)))


def _is_better(arm: Sequence[float], control: Sequence[float], level: float) -> bool:
    if not np.isfinite(np.asarray(arm, float)).all():
        return False
    differences = np.asarray(arm, float) - np.asarray(control, float)
    if not np.isfinite(differences).all():  # the control diverged, and the arm did not
        return True
    found = gain(arm, control)
    if len(differences) < 3:
        return bool((differences > 0).all())
    if found.p is None:  # the same gain with every seed: coarse values
        return bool(found.difference and found.difference > 0)
    return found.p <= level


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if len(values) and all(math.isfinite(value) for value in values) else -math.inf
