"""What was read of a foreign log: one run's curves on one axis, under wellfit's names, and what to know about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

SeriesName = Literal["train_loss", "val_loss", "train_accuracy", "val_accuracy", "lr"]
SERIES: tuple[SeriesName, ...] = ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "lr")

Format = Literal[
    "tensorboard",
    "keras-history",
    "keras-csv",
    "lightning",
    "huggingface",
    "ultralytics",
    "timm",
    "mlflow",
    "wandb",
    "csv",
    "json",
    "jsonl",
]

RemarkName = Literal[
    "train-mode",
    "epoch-average",
    "one-batch",
    "percent",
    "summed",
    "candidates",
    "test-as-validation",
    "no-loss",
    "no-validation",
    "no-train",
    "resumed",
    "thinned",
    "cut-off",
    "skipped",
    "not-finite",
]
"""``train-mode``: the train loss was measured with dropout and augmentation on, and with what was added to it as a
penalty; ``epoch-average``: it is a mean over an epoch in which the network changed; ``one-batch``: single batches;
``percent``: an accuracy in percent was divided by 100; ``summed``: several losses were added up; ``candidates``: more
than one key could have been meant; ``test-as-validation``: only a test series was there; ``no-loss``,
``no-validation``, ``no-train``: that was not logged; ``resumed``: steps came twice, the last one counts; ``thinned``:
more points than a diagnosis needs, averaged in groups; ``cut-off``: the end of the file is broken or missing;
``skipped``: lines or fields that could not be read; ``not-finite``: a NaN or infinity was logged."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that limits what can be concluded from a log."""

    name: RemarkName
    words: str
    """One sentence for the user, with the keys as they stand in the log."""


@dataclass(frozen=True)
class Curves:
    """One run on one axis. All series have the length of ``at``; a series that was not logged is ``None``.

    Where a series has no point, and where it logged a NaN, it holds NaN (``broken_at`` says which). Losses are in the
    log's own units, higher is worse; accuracies are fractions on [0, 1].
    """

    unit: Literal["epoch", "step"]
    at: list[float]
    """Increasing. Epochs are counted from 1 and may have fractions; steps are the log's own."""
    train_loss: list[float] | None = None
    """Its mean over the points since the row before."""
    val_loss: list[float] | None = None
    train_accuracy: list[float] | None = None
    val_accuracy: list[float] | None = None
    lr: list[float] | None = None
    broken_at: float | None = None
    """Where a loss was first logged that is not finite; ``None`` if none was."""

    def series(self, name: SeriesName) -> list[float] | None:
        """Return a series by its name."""
        found: list[float] | None = getattr(self, name)
        return found

    @property
    def names(self) -> tuple[SeriesName, ...]:
        """The series that were logged."""
        return tuple(name for name in SERIES if self.series(name) is not None)

    def __len__(self) -> int:
        return len(self.at)


@dataclass(frozen=True)
class LogRun:
    """One run found in a log."""

    source: str
    """Its path as the user gave it, ``#name`` after it where one file holds several runs."""
    format: Format
    curves: Curves
    keys: dict[str, SeriesName | Literal["epoch", "step"]]
    """Their key -> ours, for every key that was used. Several keys of one series were added up (``summed``)."""
    unused: tuple[str, ...] = ()
    """Their other numeric keys, sorted; of many, the first ``MOST_UNUSED``."""
    remarks: tuple[Remark, ...] = field(default=())
    comparable: bool = False
    """The log says that train and validation were measured alike."""

    def has(self, name: RemarkName) -> bool:
        """Whether there is a remark of this name."""
        return any(remark.name == name for remark in self.remarks)


MOST_UNUSED = 20
"""Unused keys that are kept of a run."""
