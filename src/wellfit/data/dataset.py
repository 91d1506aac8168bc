"""Dataset and Split: samples in memory, and which of them are for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from wellfit.data.column import Column

Task = Literal["classification", "regression"]
Kind = Literal["image", "vector", "sequence"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples in memory, as they came: nothing is scaled yet.

    Images are uint8 ``(N, C, H, W)``, vectors float32 ``(N, D)``, sequences float32 ``(N, T, C)``, all of one length.
    ``y`` is int64 ``(N,)`` for classification (an index into ``classes``) and float32 ``(N, K)`` for regression.
    """

    name: str
    task: Task
    kind: Kind
    x: Tensor
    y: Tensor
    classes: tuple[str, ...]
    """Names of the classes in the order of their indices; empty for regression."""
    given_test: Tensor | None
    """int64 indices of the samples that the source itself gives as test; ``None``: the split draws the test set."""
    features: tuple[str, ...] = ()
    """Names of the columns (tables); empty otherwise."""
    targets: tuple[str, ...] = ()
    """Names of the target columns (tables); empty otherwise."""
    columns: tuple[Column, ...] = ()
    """What the columns of ``x`` hold (tables): categories are codes there, and missing values NaN; empty otherwise."""
    skipped: tuple[str, ...] = ()
    """The corrupt files or rows that were left out (``skip_bad``)."""
    source: str = ""
    """What was loaded: the name, or the path as it was given."""
    fingerprint: str = ""
    """SHA-256 of samples and targets: whether two results were made on the same data."""
    groups: Tensor | None = None
    """int64 ``(N,)``: which samples belong together (of one speaker, patient, ...); ``None``: no groups are known."""
    order: Tensor | None = None
    """``(N,)`` numbers: when each sample was made, for a split by time; ``None``: the order of the samples."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample: ``(C, H, W)``, ``(D,)`` or ``(T, C)``."""
        return tuple(self.x.shape[1:])

    @property
    def outputs(self) -> int:
        """Numbers a network must answer per sample: classes, or target columns."""
        return len(self.classes) if self.task == "classification" else int(self.y.shape[1])

    def __len__(self) -> int:
        """Return the number of samples, of all splits together."""
        return int(self.x.shape[0])


@dataclass(frozen=True, eq=False)
class Split:
    """int64 indices into a Dataset; disjoint."""

    train: Tensor
    validation: Tensor
    test: Tensor
