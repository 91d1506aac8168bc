"""A finding: one pathology seen in the curves of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from wellfit.diagnosis.remedies import Remedy

FindingName = Literal[
    "overfitting",
    "underfitting",
    "unconverged",
    "divergence",
    "noisy_validation",
    "plateau",
    "lr_too_high",
    "lr_too_low",
    "validation_better",
    "overconfidence",
    "missed_early_stopping",
    "label_noise",
    "dead_units",
    "saturation",
    "vanishing_gradients",
    "exploding_gradients",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One pathology seen in the curves."""

    name: FindingName
    epoch: int
    """Where it shows: the turning point for overfitting, the first broken epoch for divergence, else the last epoch."""
    evidence: Mapping[str, float]
    """The numbers that speak for it: features by their names in ``Features``, or named in the rule; all finite."""
    words: str
    """The finding as a sentence."""
    confidence: float = 1.0
    """0 to 1: how far from the thresholds it is; see ``wellfit.diagnosis.doubt``. Not a frequency until it was
    checked on labelled curves."""
    remedies: tuple[Remedy, ...] = ()
    """What the finding calls for and the evidence does not contradict, best first."""
