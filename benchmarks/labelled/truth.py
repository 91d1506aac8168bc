"""The truth about a run, by counterfactuals on samples that neither its training nor its validation uses.

Nothing here reads the validation curve that a diagnosis sees. What is known instead: the loss on a large set of
further samples (*held-out*), epoch by epoch; the same training continued to three times its length; and all other
trainings of the family: other learning rates, networks and regularizers on the same train samples.

    reachable  the lowest held-out loss that any training of the family reaches, at any epoch
    D          chance - reachable: what can be won
    regret     (held-out loss at the end - reachable) / D: the part of it that this run leaves

The rules, in their order:

1. *diverged*: a loss is not finite; or the train loss ends above twice the loss of guessing; or it lost again half of
   what it had won; or it shot up to 1.5 times the loss of guessing and ends where guessing is.
2. *well-fit*: regret <= 5 %.
3. Else what would remove the most of the regret, as shares of (end - reachable):

   time       the best that the continued training reaches: *unconverged*
   back       an earlier epoch of this training;
   gap        what is lost between train and held-out loss, as far as a regularized, smaller or earlier stopped
              training of the family avoids it, and more training does not: the larger of both is *overfit*
   fit        what the train loss itself, also that of the continued training, lies above reachable, as far as more
              training does not remove it: *underfit*

A truth is *clear* if the regret is not between 5 and 10 %, a divergence is plain, and the largest share is at least
40 % and 1.5 times the next; overfitting by the gap alone only if the train loss is at most 5 % of D above reachable.

The lowest loss over trainings and epochs is a little too low by chance; curves are averaged over ``WINDOW``
measurements before, which with a thousand further samples leaves less than 1 % of D.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Verdict = Literal["underfit", "well-fit", "overfit", "diverged", "unconverged"]

WINDOW = 3
WELL = 0.05
PLAINLY_NOT_WELL = 0.10
APART = 1.5
LEAST = 0.4
CAUSES: Mapping[str, Verdict] = {"time": "unconverged", "back": "overfit", "gap": "overfit", "fit": "underfit"}


@dataclass(frozen=True)
class Oracle:
    """What is known of a run from outside of it; losses in the unit of its curves."""

    chance: float
    reachable: float
    heldout_end: float
    heldout_best: float
    """Up to its end."""
    longer_best: float
    """From its end to three times its length."""
    calm_best: float
    """The best of the regularized, smaller and earlier stopped trainings of the family."""
    train_end: float
    train_best: float
    train_longer: float
    """The lowest train loss of the continued training."""
    train_peak: float = 0.0
    """The highest train loss of any epoch, on the fly or after it."""
    finite: bool = True

    @classmethod
    def broken(cls, chance: float, reachable: float) -> Oracle:
        """Return what is known of a run that ended without a loss."""
        nan = math.nan
        return cls(chance, reachable, nan, nan, nan, nan, nan, nan, nan, finite=False)

    @property
    def winnable(self) -> float:
        """D."""
        return self.chance - self.reachable

    @property
    def regret(self) -> float:
        """Infinite for a run that ended without a loss."""
        return (self.heldout_end - self.reachable) / self.winnable if self.finite else math.inf


def smoothed(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the running mean of ``WINDOW`` measurements, of fewer at the ends; (n,), NaN stays."""
    array = np.asarray(values, dtype=float)
    half = WINDOW // 2
    return np.array([array[max(0, i - half) : i + half + 1].mean() for i in range(array.size)])


def end_of(values: Sequence[float] | np.ndarray) -> float:
    """Return the mean of the last tenth of the measurements, at least the last two."""
    array = np.asarray(values, dtype=float)
    return float(array[-max(2, array.size // 10) :].mean())


def shares(oracle: Oracle) -> dict[str, float]:
    """Return for each counterfactual which part of the regret it removes, 0 to 1."""
    lost = oracle.heldout_end - oracle.reachable

    def part(removed: float) -> float:
        return min(max(removed / lost, 0.0), 1.0)

    time = part(oracle.heldout_end - oracle.longer_best)
    gap = part(oracle.heldout_end - max(oracle.train_end, oracle.reachable, oracle.calm_best))
    fit = part(min(oracle.train_end, oracle.train_longer) - oracle.reachable)
    return {
        "time": time,
        "back": part(oracle.heldout_end - oracle.heldout_best),
        "gap": min(gap, 1 - time),
        "fit": min(fit, 1 - time),
    }


def divergence(oracle: Oracle) -> tuple[bool, bool]:
    """Return whether a run diverged, and whether that is plain."""
    if not oracle.finite:
        return True, True
    won, level = oracle.chance - oracle.train_best, oracle.train_end / oracle.chance
    lost = oracle.train_end - oracle.train_best
    if level > 2:
        return True, level > 3
    if won > 0.1 * oracle.chance and lost > 0.5 * won:
        return True, lost > 0.75 * won and won > 0.2 * oracle.chance
    peak = oracle.train_peak / oracle.chance
    if level > 0.95 and peak > 1.5:
        return True, peak > 3
    return False, level < 1.2 and not (won > 0.1 * oracle.chance and lost > 0.3 * won)


def verdict_of(oracle: Oracle) -> tuple[Verdict, bool]:
    """Return the true verdict on a run, and whether it is clear."""
    diverged, plain = divergence(oracle)
    if diverged:
        return "diverged", plain
    if oracle.regret <= WELL:
        return "well-fit", plain
    found: dict[Verdict, float] = {}
    parts = shares(oracle)
    for cause, share in parts.items():
        found[CAUSES[cause]] = max(found.get(CAUSES[cause], 0.0), share)
    first, second, *_ = sorted(found, key=lambda name: -found[name])
    clear = plain and oracle.regret > PLAINLY_NOT_WELL and found[first] >= max(APART * found[second], LEAST)
    if first == "overfit" and parts["back"] < LEAST:
        clear = clear and oracle.train_end - oracle.reachable <= WELL * oracle.winnable
    return first, clear
