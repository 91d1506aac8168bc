"""What a remedy did, in one word, on data that was not used for choosing it."""

from __future__ import annotations

import math
from typing import Literal

from wellfit.errors import InputError
from wellfit.record import is_share
from wellfit.stats.intervals import Interval

Outcome = Literal["CURED", "BETTER", "NO GAIN", "WORSE", "INCONCLUSIVE"]
"""``CURED``: better beyond chance, and the finding that called for the remedy is gone.
``BETTER``: better beyond chance, but the trouble is still there.
``NO GAIN``: it may help or harm a little, but no gain that matters is left possible: the whole interval lies below the
margin.
``WORSE``: worse beyond chance.
``INCONCLUSIVE``: a gain that matters is possible, and so is none: more seeds, or more test samples, would tell."""

SMALLEST_SHARE = 0.005
"""The smallest gain that matters of an accuracy or an IoU: half a percentage point, 5 of 1,000 samples."""
SMALLEST_LOSS = 0.05
"""The smallest gain that matters of a loss, as a share of the control's loss (a loss has no unit that people know);
both are the half-widths that matter in a study."""


def outcome(ci95: Interval | None, *, margin: float, cured: bool) -> Outcome:
    """Return what the interval of a gain (positive: better) shows; see :data:`Outcome`.

    low > 0: CURED if ``cured``, else BETTER. high < 0: WORSE. Else, with zero inside: NO GAIN if high <= margin, else
    INCONCLUSIVE. No interval, or one that is not finite, is INCONCLUSIVE. BETTER needs no gain above the margin: a
    small gain that is sure is a gain, and its size stands beside the word.

    Parameters
    ----------
    ci95
        Interval of the gain, widened beforehand where several remedies are judged together.
    margin
        The smallest gain that matters, in the units of the interval, 0 or more; see :func:`margin_of`.
    cured
        Whether the finding that called for the remedy is gone from the arm's curves.

    Raises
    ------
    InputError
        If ``margin`` is below 0 or not finite.

    """
    if not (math.isfinite(margin) and margin >= 0):
        raise InputError("margin", f"received {margin!r}", "a finite number, 0 or more")
    if ci95 is None or not (math.isfinite(ci95.low) and math.isfinite(ci95.high)):
        return "INCONCLUSIVE"
    if ci95.low > 0:
        return "CURED" if cured else "BETTER"
    if ci95.high < 0:
        return "WORSE"
    return "NO GAIN" if ci95.high <= margin else "INCONCLUSIVE"


def margin_of(metric: str, control: float) -> float:
    """Return the smallest gain that matters, in the units of the metric.

    0.005 for an accuracy or an IoU (half a point), 5 % of the control's value for a loss. ``control`` is the metric's
    value for the control on the data of the judgment; it does not count for shares.
    """
    return SMALLEST_SHARE if is_share(metric) else SMALLEST_LOSS * abs(control)
