"""What a run leaves behind: curves, outcome, provenance. Plain values, no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Status = Literal["complete", "stopped", "diverged", "beaten"]
"""``complete``: ran all its epochs; ``stopped``: early stopping ended it; ``diverged``: a loss or weight was not
finite; ``beaten``: its arm left a race, surely not the best (``stats/epoch_race.py``).
"""

METRICS = ("val_loss", "val_accuracy", "val_iou", "train_loss", "train_accuracy", "train_iou")
"""What a study may be judged by. A loss is better when lower, an accuracy and an IoU when higher."""


def is_share(metric: str) -> bool:
    """Return whether the metric is a share of what is right, on [0, 1]: ``*_accuracy``, ``*_iou``."""
    return metric.endswith(("accuracy", "iou"))


def better_sign(metric: str) -> int:
    """Return +1 where higher is better (shares), -1 where lower is better (``*_loss``, ``gap``)."""
    return 1 if is_share(metric) else -1


@dataclass(frozen=True, slots=True)
class EpochRow:
    """The curves of one run at the end of one epoch.

    ``train_*`` is measured on the train probe and ``val_*`` on the validation set: both in eval mode, without penalty
    and without augmentation, as a mean over samples, so they can be compared. Losses are in nats (cross-entropy) or in
    squared standard deviations of the target (MSE); accuracies are fractions, of a segmentation of its pixels, and
    ``None`` for regression.
    """

    epoch: int
    """Counted from 1."""
    train_loss: float
    val_loss: float
    train_accuracy: float | None
    val_accuracy: float | None
    objective: float
    """What was optimised: the epoch's mean data loss in train mode, augmented and with dropout, plus ``penalty``."""
    penalty: float
    """Sum of the penalties at the end of the epoch, in units of the loss."""
    lr: float
    grad_norm: float
    """L2 norm of the gradient that the optimizer was given, as a mean over every 16th step of the epoch."""
    seconds: float
    """Wall time of the epoch divided by the members that shared it."""
    train_iou: float | None = None
    """Mean intersection over union of a segmentation; ``None`` for other tasks."""
    val_iou: float | None = None

    @property
    def is_finite(self) -> bool:
        """Whether its losses are finite numbers; an accuracy is one even where the network answers NaN."""
        return all(math.isfinite(value) for value in (self.train_loss, self.val_loss, self.objective))

    @property
    def gap(self) -> float:
        """Generalization gap ``val_loss - train_loss``."""
        return self.val_loss - self.train_loss

    def value(self, metric: str) -> float:
        """Return a metric by its name; NaN where the task does not have it."""
        found = self.gap if metric == "gap" else getattr(self, metric)
        return math.nan if found is None else float(found)


@dataclass(frozen=True, slots=True)
class TestRow:
    """The sealed test set, read once for this run, with the weights that are handed over."""

    __test__ = False  # not a pytest class

    test_loss: float
    test_accuracy: float | None
    test_iou: float | None = None


@dataclass(frozen=True)
class RunRecord:
    """One arm with one seed."""

    arm: str
    seed: int
    recipe: dict[str, Any]
    status: Status
    best_epoch: int
    """Epoch of the weights that are handed over (``restore: best``: of the best ``monitor``; ``last``: the last). 0 if
    it hands over none: it diverged before its first finite evaluation, or at all with ``restore: last``."""
    curves: tuple[EpochRow, ...]
    test: TestRow | None = None
    seconds: float = 0.0

    @property
    def epochs_run(self) -> int:
        """Number of epochs that were run."""
        return len(self.curves)

    def value(self, metric: str) -> float:
        """Return the metric of the handed-over weights; NaN for a run that never had a finite one."""
        if metric.startswith("test_"):
            found = None if self.test is None else getattr(self.test, metric)
            return math.nan if found is None else float(found)
        if self.best_epoch == 0:
            return math.nan
        return self.curves[self.best_epoch - 1].value(metric)

    def series(self, metric: str) -> list[float]:
        """Return the metric over the epochs."""
        return [row.value(metric) for row in self.curves]


def row_to_dict(row: EpochRow | TestRow) -> dict[str, Any]:
    """Return the row as plain values for JSON or SQL."""
    return asdict(row)


def best_epoch(rows: Sequence[EpochRow], metric: str) -> int:
    """Return the epoch with the best value of ``metric`` among finite rows, the first of equals; 0 without any."""
    sign = better_sign(metric)
    finite = [row for row in rows if row.is_finite and math.isfinite(row.value(metric))]
    return -max((sign * row.value(metric), -row.epoch) for row in finite)[1] if finite else 0


@dataclass(frozen=True)
class Environment:
    """Where a result was made."""

    wellfit: str
    python: str
    torch: str
    platform: str
    device: str
    threads: int
    started: str
    """UTC, ISO 8601."""
    libraries: dict[str, str] = field(default_factory=dict)
