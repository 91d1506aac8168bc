"""The goals of the diagnosis, on the final part of the labelled runs, which no threshold has seen."""

from __future__ import annotations

import math

import numpy as np
import pytest
from benchmarks.diagnosis import FINAL, SCALES, STORED, clear, fairly_shown, judge, load
from benchmarks.scoring import Judged, Share
from scipy.stats import binomtest
from sklearn.metrics import brier_score_loss

from benchmarks import scoring, sk_autod_rules

KNOWN = ("chance", "samples")


@pytest.fixture(scope="module")
def final() -> list[Judged]:
    return [judge(run) for run in load(FINAL)]


def test_the_set_is_what_it_says() -> None:
    runs = load(STORED)
    assert len(runs) >= 300
    assert len({run["id"] for run in runs}) == len(runs)
    assert {run["half"] for run in runs} == {"tuning", "held out"}
    last = load(FINAL)
    assert len(last) >= 300
    assert {run["half"] for run in last} == {"final"}
    assert not {_samples(run) for run in last} & {_samples(run) for run in runs}
    assert {run["verdict"] for run in runs if run["clear"]} == {
        "well-fit", "overfit", "underfit", "unconverged", "diverged"
    }  # fmt: skip


def _samples(run: scoring.Run) -> tuple[str, int]:
    return run["id"].split("/")[0], run["seed"]


def test_nine_in_ten_verdicts_are_right(final: list[Judged]) -> None:
    assert scoring.accuracy(clear(final)).value >= 0.92


def test_a_healthy_run_is_hardly_ever_called_overfit(final: list[Judged]) -> None:
    plain = clear(final)
    assert scoring.false_overfit(plain).value <= 0.02
    assert scoring.false_overfit(fairly_shown(plain)).value <= 0.01


def test_the_number_of_validation_samples_is_what_tells_without_a_reference() -> None:
    """From two losses and the loss of guessing a tenth of the healthy runs look overfit; 1 % with that number."""
    healthy = [run for run in load(FINAL) if run["clear"] and run["verdict"] == "well-fit"]
    alarms = {each: scoring.false_overfit([judge(run, knowledge=each) for run in healthy]) for each in KNOWN}
    assert alarms["samples"].value <= 0.02 < 0.08 < alarms["chance"].value


def test_confidence_is_about_the_share_that_is_right(final: list[Judged]) -> None:
    """Verdicts are more often right than they say: the final part has more healthy runs than the halves."""
    stated = scoring.stated_verdicts(final)
    assert scoring.calibration_error(stated) <= 0.13
    assert scoring.calibration_error(scoring.stated_findings(final)) <= 0.1
    assert np.mean([confidence for confidence, _, _ in stated]) <= np.mean([right for _, right, _ in stated])


@pytest.mark.parametrize("label", SCALES)
def test_the_unit_of_the_loss_changes_nothing(final: list[Judged], label: str) -> None:
    some = final[::4]
    verdicts, findings = scoring.changed(some, [judge(each.run, SCALES[label]) for each in some])
    assert (verdicts.count, findings.count) == (0, 0)


def test_wilson_interval_is_scipys() -> None:
    for count, n in ((0, 5), (3, 10), (49, 50), (300, 300)):
        oracle = binomtest(count, n).proportion_ci(method="wilson")
        assert Share(count, n).interval == pytest.approx((oracle.low, oracle.high), abs=1e-6)
    assert str(Share(0, 0)) == "-"


def test_calibration_scores() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 20_000)
    right = rng.random(confidence.size) < confidence
    stated: list[scoring.Stated] = [
        (float(c), bool(r), i) for i, (c, r) in enumerate(zip(confidence, right, strict=True))
    ]
    assert scoring.brier(stated) == pytest.approx(brier_score_loss(right, confidence))
    assert scoring.calibration_error(stated) < 0.01  # calibrated by construction
    too_sure: list[scoring.Stated] = [(1.0, r, g) for _, r, g in stated]
    assert scoring.calibration_error(too_sure) == pytest.approx(1 - right.mean())
    low, high = scoring.bootstrap(stated[:300], lambda each: each[2], scoring.brier, draws=200)
    assert low < scoring.brier(stated[:300]) < high
    assert math.isnan(scoring.brier([]))


def test_the_peers_rules_find_what_its_readme_shows() -> None:
    train = [2.3, 1.9, 1.4, 0.9, 0.5, 0.3, 0.15]
    assert "overfitting" in (sk_autod_rules.described(train, [2.4, 2.0, 1.8, 1.9, 2.3, 2.8, 3.4]) or ())
    healthy = sk_autod_rules.described(train, [2.4, 2.0, 1.6, 1.4, 1.3, 1.2, 1.2])
    assert sk_autod_rules.verdict(healthy) == "well-fit"
    assert sk_autod_rules.described(train[:4], train[:4]) is None
    assert sk_autod_rules.described([*train, math.nan], [*train, math.nan]) is None
    assert sk_autod_rules.verdict(None) == "unclear"
