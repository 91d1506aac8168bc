"""How far the mean of a table of trainings x samples can be trusted: for other trainings and other samples."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from wellfit.stats.intervals import Interval, t_quantile


def mean_interval(table: npt.NDArray[np.float64]) -> Interval:
    """Return the 95 % interval of the mean of ``table``, float64 ``(B, N)``: trainings and samples both drawn.

    A table of one row speaks of the samples alone.

    Two crossed random effects: Var = (MS_trainings + MS_samples - MS_rest) / (B N), but at least the larger of the
    first two over B N; t with the degrees of freedom of the shorter side. Source: Searle, Casella & McCulloch 1992,
    "Variance components", section 4.3 (one number in each cell).
    """
    trainings, samples = table.shape
    of_trainings, of_samples, mean = table.mean(1), table.mean(0), float(table.mean())
    by_trainings = samples * float(of_trainings.var(ddof=1)) if trainings > 1 else 0.0
    by_samples = trainings * float(of_samples.var(ddof=1)) if samples > 1 else 0.0
    rest = table - of_trainings[:, None] - of_samples + mean
    by_rest = float((rest**2).sum()) / max(1, (trainings - 1) * (samples - 1))
    variance = max(by_trainings, by_samples, by_trainings + by_samples - by_rest) / (trainings * samples)
    shorter = min((size for size in table.shape if size > 1), default=2)
    half = t_quantile(shorter) * math.sqrt(variance)
    return Interval(mean - half, mean + half)
