"""Dataset and Split: samples in memory, and which of them are for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from wellfit.data.column import Column

Task = Literal["classification", "regression", "segmentation"]
Kind = Literal["image", "vector", "sequence"]

VOID = 255
"""The value of ``y`` in a segmentation for pixels that nobody has judged: neither loss nor metric counts them."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples in memory, as they came: nothing is scaled yet.

    Images are uint8 ``(N, C, H, W)``, vectors float32 ``(N, D)``, sequences float32 ``(N, T, C)``, all of one length.
    ``y`` is int64 ``(N,)`` for classification (an index into ``classes``), float32 ``(N, K)`` for regression, and uint8
    ``(N, H, W)`` for segmentation: an index into ``classes`` for each pixel of the images, or VOID.
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
    """Names of the columns (tables; of a long table those of its channels); empty otherwise."""
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
    rows: Tensor | None = None
    """int64 ``(N,)``: which of the samples that were read these are, where there is a ``limit``; ``None``: all."""
    rate: int | None = None
    """Samples per second of the recordings that the sequences were made of; ``None`` for other data."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample: ``(C, H, W)``, ``(D,)`` or ``(T, C)``."""
        return tuple(self.x.shape[1:])

    @property
    def outputs(self) -> int:
        """Numbers a network must answer per sample (per pixel in a segmentation): classes, or target columns."""
        return int(self.y.shape[1]) if self.task == "regression" else len(self.classes)

    def __len__(self) -> int:
        """Return the number of samples, of all splits together."""
        return int(self.x.shape[0])


@dataclass(frozen=True, eq=False)
class Split:
    """int64 indices into a Dataset; disjoint."""

    train: Tensor
    validation: Tensor
    test: Tensor
