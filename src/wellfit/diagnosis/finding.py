"""A finding: one pathology seen in the curves of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from wellfit.diagnosis.remedy import Remedy

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
    """0 to 1: the share of such findings that were right on labelled runs (``wellfit.diagnosis.calibration``)."""
    remedies: tuple[Remedy, ...] = ()
    """What the finding calls for and the evidence does not contradict, best first."""
    robustness: float = 1.0
    """0 to 1: the weight of the thresholds around ours that show it too (``wellfit.diagnosis.doubt``)."""
