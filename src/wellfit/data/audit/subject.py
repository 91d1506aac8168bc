"""Subject: a data set as the audit sees it, faults included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from wellfit.data.audit.mask_facts import MaskFacts
from wellfit.data.dataset import VOID, Kind, Task

Rows = npt.NDArray[np.int64]

DIFFERENT = 0.1
"""Part of the pixels judged in both from which the masks of two pictures that are nearly the same disagree."""


@dataclass(frozen=True, eq=False)
class Subject:
    """Samples with their names; unlike a ``Dataset`` it may hold missing values, text columns and unreadable files."""

    name: str
    source: str
    """What was given: a name or a path."""
    kind: Kind
    task: Task | None
    """``None``: a table without a target."""
    names: tuple[str, ...]
    """What each sample is called: a path below the folder, ``line 17``, ``sample 3``, ``test sample 3``."""
    x: npt.NDArray[Any]
    """uint8 images ``(N, C, H, W)``; float64 vectors ``(N, D)`` with NaN for missing values and codes 0, 1, ... for
    text; float32 sequences ``(N, T, C)``.
    """
    y: npt.NDArray[Any]
    """int64 classes ``(N,)``, -1 where missing; float64 ``(N, K)`` for regression, NaN where missing; uint8
    ``(N, H, W)`` for segmentation, a class for each pixel or VOID; ``(N, 0)`` without a target.
    """
    classes: tuple[str, ...]
    train: Rows
    """Rows that are looked at for everything: all but the given test set."""
    test: Rows
    """Rows of the given test set (looked at for leaks only), or of the one that would be drawn."""
    test_is_given: bool
    features: tuple[str, ...] = ()
    """Names of the columns of a table."""
    kinds: tuple[str, ...] = ()
    """What each column holds as a feature: a ``ColumnKind``, or ``unclear`` where training would refuse it; empty for
    other data and where all are numbers.
    """
    is_text: tuple[bool, ...] = ()
    """Which columns hold text (their values in ``x`` are codes)."""
    texts: tuple[tuple[str, ...], ...] = ()
    """For each column the texts that its codes stand for; empty for numbers."""
    target: str | None = None
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Name of a file or row -> why it cannot be read."""
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Height and width of the images of a folder, before any resizing."""
    fingerprint: str = ""
    """SHA-256 of the source: whether a plan was made for it."""
    masks: MaskFacts | None = None
    """What is known of the masks of a segmentation; ``None``: it is none."""

    @property
    def labels(self) -> npt.NDArray[np.int64] | None:
        """The classes ``(N,)``; ``None`` where there are none."""
        return self.y if self.task == "classification" else None

    @property
    def answer(self) -> str:
        """What a sample's answer is called, in messages."""
        return "mask" if self.task == "segmentation" else "class"

    def disagree(self, rows: Sequence[int], *, exactly: bool) -> bool:
        """Whether samples that are the same (or nearly, where not ``exactly``) have different classes or masks."""
        if self.task == "segmentation":
            first = self.y[rows[0]]
            limit = 0 if exactly else DIFFERENT
            for other in (self.y[row] for row in rows[1:]):
                judged = (first != VOID) & (other != VOID)
                if judged.any() and (first != other)[judged].mean() > limit:
                    return True
            return False
        labels = self.labels
        return labels is not None and len({int(labels[row]) for row in rows}) > 1

    def named(self, rows: Sequence[int] | Rows) -> tuple[str, ...]:
        """Return the names of rows."""
        return tuple(self.names[int(row)] for row in rows)

    def row_of(self) -> dict[str, int]:
        """Return name -> row."""
        return {name: row for row, name in enumerate(self.names)}

    def __len__(self) -> int:
        """Return the number of samples that could be read."""
        return len(self.names)
