"""Subject: a data set as the audit sees it, faults included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from wellfit.data.dataset import Kind, Task

Rows = npt.NDArray[np.int64]


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
    """int64 classes ``(N,)``, -1 where missing; float64 ``(N, K)`` for regression, NaN where missing; ``(N, 0)``
    without a target.
    """
    classes: tuple[str, ...]
    train: Rows
    """Rows that are looked at for everything: all but the given test set."""
    test: Rows
    """Rows of the given test set (looked at for leaks only), or of the one that would be drawn."""
    test_is_given: bool
    features: tuple[str, ...] = ()
    """Names of the columns of a table."""
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

    @property
    def labels(self) -> npt.NDArray[np.int64] | None:
        """The classes ``(N,)``; ``None`` where there are none."""
        return self.y if self.task == "classification" else None

    def named(self, rows: Sequence[int] | Rows) -> tuple[str, ...]:
        """Return the names of rows."""
        return tuple(self.names[int(row)] for row in rows)

    def row_of(self) -> dict[str, int]:
        """Return name -> row."""
        return {name: row for row, name in enumerate(self.names)}

    def __len__(self) -> int:
        """Return the number of samples that could be read."""
        return len(self.names)
