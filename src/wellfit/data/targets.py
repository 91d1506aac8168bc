"""Targets as a network needs them: class indices with names, or float32 numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wellfit.data.dataset import Task
from wellfit.data.naming import shown
from wellfit.errors import DataError

FEW = 20
"""Distinct integers up to which a target of a table is taken for classes, not for numbers."""

FEW_LABELS = 1000
"""The same for images and sequences, where integers are nearly always labels."""

Values = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Targets:
    """``y`` is int64 ``(N,)`` for classification, float32 ``(N, K)`` for regression."""

    task: Task
    y: Tensor
    classes: tuple[str, ...]


def make_targets(
    values: Values, *, where: str, task: Task | None = None, few: int = FEW, classes: bool = False
) -> Targets:
    """Turn a column of values into targets.

    Text, truth values and what is said to be ``classes`` are classes. Integers are classes if at most ``few`` differ
    and each stands for 3 samples or more on average; else they are numbers, as floats are. ``task`` overrides both.
    Classes are sorted (numbers by value) and named by their text.

    Parameters
    ----------
    values
        ``(N,)`` text (``U`` or objects that are ``str``), bool, integers or floats; ``(N, K)`` floats. No missing
        values.
    where
        File and column, for messages.
    task
        ``None``: inferred.
    few
        Distinct integers up to which they are classes.
    classes
        Whether the values are known to be classes (a categorical column).

    Raises
    ------
    DataError
        Text for a regression, one class only, the same number everywhere, several columns of classes.

    """
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    kind = values.dtype.kind
    if task is None:
        task = "classification" if classes or kind in "OUb" or _few_integers(values, few) else "regression"
    if task == "classification":
        if values.ndim != 1:
            raise DataError(where, f"targets of shape {values.shape}", "one class per sample, (N,)")
        return _as_classes(values, where)
    if kind in "OU":
        raise DataError(where, "holds text", "numbers, for a regression")
    y = values.astype(np.float32).reshape(len(values), -1)
    if not np.isfinite(y).all():
        raise DataError(where, "holds a number too large for float32", "numbers below 3.4e38")
    constant = (y == y[:1]).all(axis=0)
    if constant.any():
        raise DataError(where, f"the same value, {y[0, constant.argmax()]:g}, in all samples", "a target that varies")
    return Targets("regression", torch.from_numpy(y), ())


def _few_integers(values: Values, few: int) -> bool:
    if values.ndim != 1 or values.dtype.kind not in "iu":
        return False
    return len(np.unique(values)) <= min(few, len(values) / 3)


def _as_classes(values: Values, where: str) -> Targets:
    distinct, index = np.unique(values, return_inverse=True)
    names = tuple(_class_name(value) for value in distinct.tolist())
    if len(names) < 2:
        raise DataError(where, f"one class only, '{names[0]}'" if names else "no classes", "at least 2 classes")
    return Targets("classification", torch.from_numpy(index.reshape(-1).astype(np.int64)), names)


def _class_name(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else shown(str(value))
