"""What would win back most of what a run leaves: more time, an earlier epoch or a closed gap, or a better fit."""

from __future__ import annotations

from wellfit.diagnosis.features import Features
from wellfit.diagnosis.finding import FindingName
from wellfit.diagnosis.thresholds import DEFAULT, Thresholds

HORIZON = 1.5
"""What is to be expected from twice as many epochs again, in multiples of what is expected from as many."""
FEW = 8
"""Evaluations at which multiples of the noise must be twice as large as on a very long curve."""


def shares(features: Features, limits: Thresholds = DEFAULT) -> dict[FindingName, float]:
    """Return which part of the regret each cure would win back, 0 to 1; all 0 without reference or regret.

    More time; an earlier epoch, or no gap to the train loss; a better fit of the train set. What time wins back is not
    counted twice.
    """
    if features.cured_by_time is None or features.cured_by_return is None or features.cured_by_fit is None:
        return dict.fromkeys(("unconverged", "overfitting", "underfitting"), 0.0)
    time = 0.0
    if is_moving(features, limits):
        at_beginning = features.train_expected_fall_share > limits.beginning
        time = 1.0 if at_beginning else min(1.0, HORIZON * features.cured_by_time)
    back = features.cured_by_return if is_resolved(features, limits) else 0.0
    return {
        "unconverged": time,
        "overfitting": max(back, min(1 - features.cured_by_fit, 1 - time)),
        "underfitting": min(features.cured_by_fit, 1 - time),
    }


def is_resolved(features: Features, limits: Thresholds) -> bool:
    """Whether the rise since the turning point is more than noise."""
    return features.rise_in_noise > limits.rise_in_noise * caution(features)


def is_moving(features: Features, limits: Thresholds) -> bool:
    """Whether the validation loss still falls, beyond its noise; or, where that is too noisy to tell, the train loss,
    which has not come apart from it.
    """
    least = limits.fall_in_noise * caution(features)
    together = features.gap_share <= limits.no_gap
    training = features.train_expected_fall_share > limits.train_fall and features.train_fall_in_noise > least
    return features.recent_fall_in_noise > least or (together and training)


def caution(features: Features) -> float:
    """Return how much more than its limit a multiple of the noise must be, 1 for long curves.

    On a short curve the noise is estimated from few differences and the trend is hardly averaged.
    """
    return 1 + FEW / max(features.evaluations, 1)
