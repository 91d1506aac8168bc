"""How often such a verdict or finding is right: its robustness, turned into a share by labelled runs.

The robustness is the weight of the thresholds around ours that say the same (``wellfit.diagnosis.doubt``). It ranks,
but it is no frequency. The log odds of being right are

    verdict:  VERDICT[what is known, verdict] + SLOPE * (robustness - 1)
    finding:  FINDING[name] + FINDING_KNOWN[what is known] + FINDING_SLOPE * (robustness - 1)

fitted by logistic regression (Platt 1999) on the tuning half of the labelled runs, border cases among them, with a
normal prior that draws what few runs show towards what all show. Made by ``python benchmarks/calibrate.py``; how well
it holds on the other half: ``python benchmarks/diagnosis.py``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from wellfit.diagnosis.features import Features
from wellfit.diagnosis.finding import Finding, FindingName

Known = Literal["losses", "chance", "reference"]
"""What a verdict had beside the two losses: nothing, the loss of guessing, or what is reachable."""

VERDICT: Mapping[tuple[Known, str], float] = {
    ("losses", "diverged"): 3.20,  # 20 of 21
    ("losses", "overfit"): 1.50,  # 127 of 176
    ("losses", "unconverged"): 1.47,  # 74 of 105
    ("losses", "underfit"): 1.69,  # 0 of 0
    ("losses", "well-fit"): 0.85,  # 129 of 235
    ("chance", "diverged"): 3.56,  # 29 of 30
    ("chance", "overfit"): 3.01,  # 137 of 150
    ("chance", "unconverged"): 1.59,  # 75 of 103
    ("chance", "underfit"): 2.22,  # 49 of 58
    ("chance", "well-fit"): 1.04,  # 151 of 238
    ("reference", "diverged"): 3.69,  # 58 of 60
    ("reference", "overfit"): 3.49,  # 268 of 283
    ("reference", "unconverged"): 2.04,  # 133 of 163
    ("reference", "underfit"): 2.06,  # 118 of 138
    ("reference", "well-fit"): 0.87,  # 356 of 565
}
SLOPE = 4.78
FINDING: Mapping[FindingName, float] = {
    "dead_units": 3.14,  # 33 of 33
    "divergence": 3.25,  # 88 of 92
    "exploding_gradients": 2.77,  # 3 of 3
    "label_noise": 1.07,  # 9 of 13
    "lr_too_high": 1.96,  # 108 of 135
    "lr_too_low": 3.35,  # 124 of 134
    "missed_early_stopping": 2.96,  # 338 of 373
    "noisy_validation": 1.74,  # 47 of 79
    "overconfidence": 1.25,  # 28 of 38
    "overfitting": 2.65,  # 356 of 408
    "plateau": 3.94,  # 102 of 102
    "saturation": 2.79,  # 12 of 12
    "unconverged": 2.29,  # 207 of 249
    "underfitting": 1.59,  # 175 of 215
    "validation_better": 1.79,  # 108 of 140
    "vanishing_gradients": 2.61,  # 5 of 5
}
OTHER_FINDING = 2.45
"""Of a finding that no labelled run shows."""
FINDING_KNOWN: Mapping[Known, float] = {
    "losses": -0.84,  # 342 of 466
    "chance": 0.10,  # 418 of 496
    "reference": 0.75,  # 983 of 1069
}
FINDING_SLOPE = 6.24


def verdict_confidence(verdict: str, robustness: float, known: Known) -> float:
    """Return the share (0 to 1) of such verdicts that are right; of ``unclear``, which is neither, the robustness."""
    if (known, verdict) not in VERDICT:
        return robustness
    return _share(VERDICT[known, verdict] + SLOPE * (robustness - 1))


def finding_confidence(name: FindingName, robustness: float, known: Known) -> float:
    """Return the share (0 to 1) of such findings that are right."""
    odds = FINDING.get(name, OTHER_FINDING) + FINDING_KNOWN[known]
    return _share(odds + FINDING_SLOPE * (robustness - 1))


def weighed(finding: Finding, robustness: float, known: Known) -> Finding:
    """Return a finding with its robustness and confidence."""
    robust = min(robustness, 1.0)  # sums of weights end a rounding error above
    return replace(finding, robustness=robust, confidence=finding_confidence(finding.name, robust, known))


def known_of(features: Features) -> Known:
    """Return what was known when the features were measured."""
    return "reference" if features.regret is not None else "losses" if features.learned_share is None else "chance"


def _share(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))
