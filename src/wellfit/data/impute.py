"""What stands for the missing values of a column, fitted on the values that are there."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Impute = Literal["none", "mean", "median", "most_frequent", "constant"]

Numbers = npt.NDArray[np.float64]


def fill_value(there: Numbers, how: Impute, *, constant: float = 0.0) -> float:
    """Return what stands for a missing value of a column whose other values are ``there``, ``(n,)``.

    ``mean``; ``median`` (the mean of the two middle values where n is even); ``most_frequent`` (the least of those that
    are equally frequent); ``constant``. All as scikit-learn's ``SimpleImputer``; 0 for a column without values.
    """
    if how == "constant":
        return constant
    if not len(there):
        return 0.0
    if how == "most_frequent":
        values, counts = np.unique(there, return_counts=True)
        return float(values[counts.argmax()])
    return float(np.mean(there) if how == "mean" else np.median(there))
