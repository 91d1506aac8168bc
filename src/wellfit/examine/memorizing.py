"""What curves on random labels say: the network can memorize, cannot, or the training leaves it open. No torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["memorizes", "cannot", "unclear"]

ENOUGH = 0.99
"""Share of the train labels, or of the variance of the train targets, from which they count as memorized."""

RARE = 0.95
"""Share of what guessing the most frequent class leaves that must be right too: of 99 % in one class it is little."""

STILL = 50
"""Epochs without progress, at least, after which a run has come to rest; and a quarter of those it ran."""

PROGRESS = 0.99
"""The best train loss must fall below so much of itself to count as progress."""

JUMPS = 1.5
"""Largest over smallest train loss of the last quarter from which the training does not settle."""

FEW = 20
"""Epochs below which a loss that has not fallen yet says nothing of the learning rate."""

LEARNED = 0.95
"""Share of the loss of guessing below which a train loss has fallen at all."""


@dataclass(frozen=True)
class Run:
    """One network on one set of labels."""

    share: Sequence[float]
    """By epoch: train accuracy, or R^2 of the train targets."""
    loss: Sequence[float]
    """By epoch: train loss; NaN once it diverged."""
    diverged: bool = False

    def reached(self, enough: float) -> int | None:
        """Return the first epoch, counted from 1, at which the share is enough."""
        return next((epoch for epoch, value in enumerate(self.share, 1) if value >= enough), None)

    @property
    def best(self) -> float:
        """The largest share of any epoch."""
        return max((value for value in self.share if math.isfinite(value)), default=math.nan)

    @property
    def is_still(self) -> bool:
        """Whether the train loss has come to rest."""
        window = max(STILL, len(self.loss) // 4)
        if len(self.loss) <= window:
            return False
        return min(self.loss[-window:]) > PROGRESS * min(self.loss[:-window])

    @property
    def jumps(self) -> bool:
        """Whether the train loss of the last quarter goes up and down instead of settling."""
        last = self.loss[-max(len(self.loss) // 4, 4) :]
        return min(last) > 0 and max(last) / min(last) > JUMPS and last[-1] > 1.1 * min(last)


def enough_for(most_frequent: float) -> float:
    """Return the accuracy that counts as memorized where a share of the labels is of one class.

    >>> enough_for(0.1), enough_for(0.9)
    (0.99, 0.995)
    """
    return max(ENOUGH, 1 - (1 - RARE) * (1 - most_frequent))


def judge(random: Sequence[Run], true: Sequence[Run], *, enough: float, chance_loss: float) -> tuple[Verdict, str]:
    """Return the verdict, and in a word why: ``reached``, ``some``, ``rest``, or what leaves it open.

    ``unclear``: ``diverged``; ``not_learning`` (the loss fell neither on random nor on true labels); ``jumps`` (the
    learning rate may be too high to settle); ``epochs`` (it was still learning at the last).
    """
    epochs = [run.reached(enough) for run in random]
    if all(epoch is not None for epoch in epochs):
        return "memorizes", "reached"
    if any(epoch is not None for epoch in epochs):
        return "memorizes", "some"
    if any(run.diverged for run in random):
        return "unclear", "diverged"
    if not any(_fell(run, chance_loss) for run in (*random, *true)):
        return "unclear", "not_learning" if len(random[0].loss) >= FEW else "epochs"
    if any(run.jumps for run in random):
        return "unclear", "jumps"
    if not all(run.is_still for run in random):
        return "unclear", "epochs"
    return "cannot", "rest"


def _fell(run: Run, chance_loss: float) -> bool:
    return min((loss for loss in run.loss if math.isfinite(loss)), default=math.inf) < LEARNED * chance_loss
