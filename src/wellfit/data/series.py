"""Sequences of unequal lengths to one data set: padded or cut by an explicit rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wellfit.data.dataset import Dataset, Task
from wellfit.data.memory import check_memory
from wellfit.data.naming import shown
from wellfit.data.npz import whole_rows
from wellfit.data.targets import FEW_LABELS, make_targets
from wellfit.errors import DataError

Length = int | Literal["longest", "shortest"]
"""Time steps that sequences are brought to."""


@dataclass(frozen=True, eq=False)
class Series:
    """Sequences as they stand in a file: float ``(T_i, C)`` each, and their targets ``(N,)``."""

    values: list[npt.NDArray[np.float32]]
    targets: npt.NDArray[Any]

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self.values)


def series_dataset(
    train: Series,
    test: Series | None = None,
    *,
    name: str,
    where: str,
    length: Length | None,
    task: Task | None = None,
    pad: float = 0.0,
    skip_bad: bool = False,
) -> Dataset:
    """Make a data set of sequences float32 ``(N, T, C)``; ``test`` is the given test.

    Raises
    ------
    DataError
        Unequal lengths without ``length``, other numbers of channels, a missing or infinite value (without
        ``skip_bad``), targets that are refused.

    """
    values = [*train.values, *(test.values if test is not None else [])]
    x = equal_lengths(values, length, where=where, pad=pad)
    y = train.targets if test is None else np.concatenate([train.targets, test.targets])
    kept, skipped = whole_rows(x, y, where, skip_bad=skip_bad)
    made = make_targets(y[kept], where=where, task=task, few=FEW_LABELS)
    first_test = int((kept < len(train)).sum())
    return Dataset(
        name=shown(name),
        task=made.task,
        kind="sequence",
        x=x[torch.from_numpy(kept)] if skipped else x,
        y=made.y,
        classes=made.classes,
        given_test=torch.arange(first_test, len(kept)) if test is not None else None,
        skipped=skipped,
    )


def equal_lengths(
    values: Sequence[npt.NDArray[np.float32]], length: Length | None, *, where: str, pad: float = 0.0
) -> Tensor:
    """Return sequences ``(T_i, C)`` as one tensor float32 ``(N, T, C)``.

    What is shorter than ``length`` goes on with ``pad``, what is longer loses its end. ``longest`` pads all to the
    longest, ``shortest`` cuts all to the shortest; ``None`` refuses unequal lengths.

    Raises
    ------
    DataError
        No sequences, an empty one, other numbers of channels, unequal lengths without a rule, more than memory holds.

    """
    if not values:
        raise DataError(where, "holds no sequences", "at least one")
    lengths, channels = {len(one) for one in values}, {one.shape[1] for one in values}
    if len(channels) > 1:
        what = f"sequences of {min(channels)} to {max(channels)} channels"
        raise DataError(where, what, "the same number of channels in all")
    if 0 in lengths or 0 in channels:
        raise DataError(where, "holds a sequence without values", "at least one time step in each")
    if length is None and len(lengths) > 1:
        what = f"sequences of {min(lengths)} to {max(lengths)} time steps"
        raise DataError(where, what, "data.length: a number of steps, longest (padded) or shortest (cut)")
    steps = length if isinstance(length, int) else max(lengths) if length != "shortest" else min(lengths)
    check_memory(where, 4 * len(values) * steps * channels.copy().pop(), expected="shorter sequences (data.length)")
    x = np.full((len(values), steps, channels.pop()), pad, dtype=np.float32)
    for row, one in enumerate(values):
        x[row, : len(one)] = one[:steps]
    return torch.from_numpy(x)
