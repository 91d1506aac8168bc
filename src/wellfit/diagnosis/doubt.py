"""Robustness from doubt about thresholds: where exactly they lie is not known, so they are tried around their place."""

from __future__ import annotations

import math

DOUBT = 1.5
"""The true thresholds lie within this factor of ours about two times out of three."""
STEPS = (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)
"""Where thresholds are tried, in standard deviations of log factor."""


def factors() -> tuple[tuple[float, float], ...]:
    """Return (factor, weight) pairs: thresholds times ``DOUBT`` ** z, weighted by the normal density at z; sum 1."""
    density = [math.exp(-z * z / 2) for z in STEPS]
    total = sum(density)
    return tuple((DOUBT**z, d / total) for z, d in zip(STEPS, density, strict=True))


FACTORS = factors()
"""The pair in the middle has factor 1."""
CLEAR = sum(weight for z, (_, weight) in zip(STEPS, FACTORS, strict=True) if abs(z) <= 1) - 1e-9
"""Robustness of what stays with all thresholds multiplied and divided by ``DOUBT``: 0.79."""
