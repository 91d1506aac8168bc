"""What errors at several sizes say of more data: a forecast, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from wellfit.examine.power_law import Fit, fit_power_law
from wellfit.stats.intervals import Interval, estimate

TIMES = (2.0, 4.0, 10.0)
"""Multiples of the largest size that are forecast."""

FARTHEST = 100.0
"""Multiple of the largest size beyond which nothing is said: a law from a tenfold range holds no farther."""

FEWEST_SIZES, FEWEST_SEEDS = 3, 2
WIDEST = 1.5
"""Width of the interval of a doubling, as a share of the error now, from which it is no forecast."""


def outlook(sizes: Sequence[int], errors: npt.NDArray[np.float64], *, percent: bool = False) -> dict[str, Any]:
    """Return the blocks ``law``, ``forecasts``, ``halving`` and ``no_forecast`` of a learning curve's result.

    Parameters
    ----------
    sizes
        K numbers of samples, ascending.
    errors
        float64 (S, K) of the seeds that have all sizes: lower is better.
    percent
        Whether words give errors in percent.

    """
    nothing: dict[str, Any] = {"law": None, "forecasts": [], "halving": None, "band": []}
    why = _why_not(sizes, errors)
    if why is not None:
        return {**nothing, "no_forecast": why}
    fit = fit_power_law(sizes, errors)
    forecasts = [_forecast(fit, times) for times in TIMES]
    now = float(errors[:, -1].mean())
    low, high = forecasts[0]["ci95"]
    if high - low > WIDEST * now:
        scale, unit = (100, " %") if percent else (1, "")
        span = f"{scale * max(low, 0.0):.2g} to {scale * high:.2g}{unit}"
        what = f"twice the data would give {span}, which says nothing beside {scale * now:.2g}{unit} now"
        return {**nothing, "no_forecast": {"reason": "noisy", "words": f"{what}: more seeds, or more sizes"}}
    law = {"a": fit.law.a, "b": fit.law.b, "c": fit.law.c, "scale": fit.law.scale}
    halving, bounds = fit.times_for(now / 2)
    return {
        "law": law,
        "forecasts": forecasts,
        "halving": {"times": halving, "ci95": [bounds.low, bounds.high]},
        "band": _band(fit, sizes),
        "no_forecast": None,
    }


def last_step(errors: npt.NDArray[np.float64]) -> dict[str, Any] | None:
    """Return by which share of itself the error changed from the last size but one to the last, paired by seed: the
    ratio of means with an interval by the t-distribution of its linearized values; ``None`` without a seed.
    """
    if not len(errors) or errors.shape[1] < 2 or not errors[:, -2].mean() > 0:
        return None
    before, after = errors[:, -2], errors[:, -1]
    ratio = float(after.mean() / before.mean())
    found = estimate((ratio - 1 + (after - ratio * before) / before.mean()).tolist())
    return {"change": ratio - 1, "ci95": None if found.ci95 is None else list(found.ci95)}


def _forecast(fit: Fit, times: float) -> dict[str, Any]:
    error, interval = fit.forecast(times)
    return {"times": times, "samples": round(times * fit.law.scale), "error": error, "ci95": list(interval)}


def _band(fit: Fit, sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Return the law from the smallest size to ten times the largest, for the picture."""
    found = []
    for n in np.geomspace(sizes[0], TIMES[-1] * sizes[-1], 60).tolist():
        error, interval = fit.forecast(n / fit.law.scale)
        found.append({"samples": n, "error": error, "ci95": list(interval)})
    return found


def _why_not(sizes: Sequence[int], errors: npt.NDArray[np.float64]) -> dict[str, str] | None:
    """Return in a word and a sentence why there is no forecast; ``None``: there is one."""
    if len(errors) < FEWEST_SEEDS:
        return {"reason": "few_seeds", "words": f"a forecast needs {FEWEST_SEEDS} seeds that did not diverge"}
    if len(sizes) < FEWEST_SIZES:
        return {"reason": "few_sizes", "words": f"a forecast needs {FEWEST_SIZES} sizes: the law has three unknowns"}
    some = (errors > 0).mean(0)
    if some.min() <= 1 / 2:
        at = sizes[int(np.argmax(some <= 1 / 2))]
        return {"reason": "no_error", "words": f"with {at:,} samples most runs make no error on the validation set"}
    gain = estimate(_gains(errors))
    interval = gain.ci95 or Interval(-math.inf, math.inf)
    span = f"from {sizes[0]:,} to {sizes[-1]:,} samples"
    if interval.high < 0:
        return {"reason": "rising", "words": f"the error rises {span}: look at the training before the data"}
    if interval.holds(0) or (gain.mean or 0.0) <= 0:
        return {"reason": "flat", "words": f"{span} the error falls no more than seeds differ"}
    return None


def _gains(errors: npt.NDArray[np.float64]) -> list[float]:
    """Return by how much each seed's error fell from the smallest to the largest size, as a share of the mean."""
    gains: list[float] = ((errors[:, 0] - errors[:, -1]) / errors[:, 0].mean()).tolist()
    return gains
