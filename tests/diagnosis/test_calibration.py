"""What confidence means, and that the fit which gives it is logistic regression."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
from benchmarks.calibrate import SLOPE_PRIOR, fit
from sklearn.linear_model import LogisticRegression

import wellfit
from tests.diagnosis.curves import CHANCE, drawn
from wellfit.diagnosis import judge
from wellfit.diagnosis.calibration import Known, finding_confidence, verdict_confidence
from wellfit.diagnosis.finding import FindingName
from wellfit.diagnosis.verdict import VERDICTS

STEPS = [i / 20 for i in range(21)]
KNOWN: tuple[Known, ...] = get_args(Known)


@pytest.mark.parametrize("known", KNOWN)
def test_it_is_a_share_and_grows_with_robustness(known: Known) -> None:
    rows = [[verdict_confidence(verdict, step, known) for step in STEPS] for verdict in VERDICTS.values()]
    rows += [[finding_confidence(name, step, known) for step in STEPS] for name in get_args(FindingName)]
    for values in rows:
        assert all(0 < value < 1 for value in values)
        assert values == sorted(values)


def test_a_lost_run_is_surer_than_a_good_fit() -> None:
    for known in KNOWN:
        assert verdict_confidence("diverged", 1.0, known) > verdict_confidence("well-fit", 1.0, known)


def test_what_abstains_keeps_its_robustness() -> None:
    assert verdict_confidence("unclear", 0.7, "chance") == 0.7


def test_a_verdict_carries_both() -> None:
    plain = judge(drawn("overfit"), chance_loss=CHANCE, reference=0.35)
    assert plain.confidence == verdict_confidence("overfit", plain.robustness, "reference")
    assert judge(drawn("overfit"), chance_loss=CHANCE).confidence == verdict_confidence("overfit", 1.0, "chance")
    assert judge(drawn("overfit")).confidence < plain.confidence
    for finding in wellfit.diagnose(drawn("overfit"), chance_loss=CHANCE).findings:
        assert finding.confidence == finding_confidence(finding.name, finding.robustness, "chance")


def test_the_fit_is_ridge_logistic_regression() -> None:
    rng = np.random.default_rng(0)
    robustness = rng.uniform(0.2, 1, 400)
    cell = rng.integers(0, 3, 400)
    right = rng.random(400) < 1 / (1 + np.exp(-(np.array([1.0, 0.0, -0.5])[cell] + 3 * robustness - 1.5)))
    found = fit([(str(c),) for c in cell], list(robustness), [bool(r) for r in right])
    design = np.column_stack([np.eye(3)[cell], SLOPE_PRIOR * (robustness - 1)])  # a prior of 1 on the scaled column
    oracle = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(design, right)
    expected = oracle.intercept_[0] + oracle.coef_[0, :3]
    assert [found[str(c)] + found[""] for c in range(3)] == pytest.approx(expected, abs=1e-2)
    assert found["slope"] == pytest.approx(SLOPE_PRIOR * oracle.coef_[0, 3], rel=1e-2)


def test_few_runs_are_drawn_towards_all() -> None:
    cells = [("many",)] * 200 + [("few",)] * 2
    found = fit(cells, [1.0] * 202, [True, False] * 100 + [True, True])
    few = 1 / (1 + math.exp(-(found[""] + found["few"])))
    assert 0.5 < few < 0.8
