"""Outcome of a contrast: a winner is claimed only where the evidence allows it."""

from __future__ import annotations

import math
from typing import Literal

from wellfit.record import better_sign

Outcome = Literal["better", "worse", "unclear"]

ALPHA = 0.05
"""Level of the Holm-corrected test."""


def outcome_of(metric: str, difference: float, low: float, high: float, p_holm: float) -> Outcome:
    """Return what a paired difference shows, knowing that a loss is better lower and an accuracy higher.

    ``better`` and ``worse`` need a Holm-corrected p below 0.05 *and* a 95 % interval without zero; everything else,
    one seed included, is ``unclear``. An interval alone is not enough: of twenty such, one excludes zero by chance.
    """
    if not (math.isfinite(p_holm) and p_holm < ALPHA and math.isfinite(difference)):
        return "unclear"
    if not (math.isfinite(low) and math.isfinite(high)) or low <= 0 <= high:
        return "unclear"
    return "better" if better_sign(metric) * difference > 0 else "worse"
