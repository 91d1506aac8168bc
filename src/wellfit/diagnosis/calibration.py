"""How often such a verdict or finding is right: its robustness, turned into a share by labelled runs.

The robustness is the weight of the thresholds around ours that say the same (``wellfit.diagnosis.doubt``). It ranks,
but it is no frequency. The log odds of being right are

    verdict:  VERDICT[what is known, verdict] + SLOPE * (robustness - 1)
    finding:  FINDING[name] + FINDING_KNOWN[what is known] + FINDING_SLOPE * (robustness - 1)

fitted by logistic regression (Platt 1999) on both halves of the labelled runs, border cases among them, with a normal
prior that draws what few runs show towards what all show. Made by ``python benchmarks/calibrate.py``; how well it holds
on the final part, which it has not seen: ``python benchmarks/diagnosis.py``.
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
    ("losses", "diverged"): 3.39,  # 38 of 40
    ("losses", "overfit"): 1.31,  # 250 of 361
    ("losses", "unconverged"): 1.54,  # 132 of 184
    ("losses", "underfit"): 1.71,  # 0 of 0
    ("losses", "well-fit"): 0.90,  # 287 of 501
    ("chance", "diverged"): 3.53,  # 110 of 116
    ("chance", "overfit"): 3.10,  # 508 of 557
    ("chance", "unconverged"): 1.58,  # 266 of 366
    ("chance", "underfit"): 2.22,  # 192 of 234
    ("chance", "well-fit"): 1.00,  # 654 of 1053
    ("reference", "diverged"): 3.54,  # 110 of 116
    ("reference", "overfit"): 3.58,  # 528 of 557
    ("reference", "unconverged"): 1.96,  # 227 of 283
    ("reference", "underfit"): 2.02,  # 232 of 281
    ("reference", "well-fit"): 0.82,  # 745 of 1210
}
SLOPE = 5.02
FINDING: Mapping[FindingName, float] = {
    "dead_units": 3.44,  # 67 of 67
    "divergence": 3.15,  # 193 of 203
    "exploding_gradients": 2.80,  # 5 of 5
    "label_noise": 0.25,  # 16 of 28
    "lr_too_high": 2.22,  # 243 of 291
    "lr_too_low": 2.92,  # 276 of 309
    "missed_early_stopping": 2.93,  # 907 of 996
    "noisy_validation": 1.74,  # 130 of 207
    "overconfidence": 1.07,  # 62 of 82
    "overfitting": 2.60,  # 898 of 1027
    "plateau": 4.48,  # 238 of 238
    "saturation": 3.02,  # 26 of 26
    "unconverged": 2.56,  # 494 of 571
    "underfitting": 1.49,  # 430 of 559
    "validation_better": 1.97,  # 250 of 305
    "vanishing_gradients": 2.75,  # 10 of 10
}
OTHER_FINDING = 2.46
"""Of a finding that no labelled run shows."""
FINDING_KNOWN: Mapping[Known, float] = {
    "losses": -0.92,  # 675 of 907
    "chance": 0.12,  # 1626 of 1905
    "reference": 0.80,  # 1944 of 2112
}
FINDING_SLOPE = 5.97


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
