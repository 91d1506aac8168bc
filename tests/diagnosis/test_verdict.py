import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.diagnosis.curves import CHANCE, RealRun, drawn, real_runs, rows, times
from wellfit.diagnosis import judge as diagnose
from wellfit.diagnosis import measure
from wellfit.diagnosis.findings import noisy_validation
from wellfit.diagnosis.thresholds import DEFAULT

REAL = real_runs()
KINDS = ("well-fit", "overfit", "underfit", "unconverged")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("noise", [0.0, 0.005, 0.02])
def test_drawn_curves_get_their_verdict(kind: str, noise: float) -> None:
    for key in range(5):
        found = diagnose(drawn(kind, noise=noise, key=key), reference=0.35, chance_loss=CHANCE)
        assert found.verdict == kind, found.words


@pytest.mark.parametrize("run", REAL, ids=[run.name for run in REAL])
def test_real_curves_get_the_label_that_more_data_and_longer_training_gave_them(run: RealRun) -> None:
    found = diagnose(run.curves, reference=run.reference, chance_loss=run.chance_loss)
    assert found.verdict == run.label, found.words


@pytest.mark.parametrize("noise", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("epochs", [8, 40, 150])
@pytest.mark.parametrize("kind", ["well-fit", "underfit"])
def test_noise_alone_is_rarely_taken_for_a_pathology(kind: str, epochs: int, noise: float) -> None:
    """False alarms on curves that are flat at the end: 100 draws, at most 5 wrong (3.5 s.d. above a rate of 1 %)."""
    verdicts = [
        diagnose(drawn(kind, noise=noise, key=key, epochs=epochs), reference=0.35, chance_loss=CHANCE).verdict
        for key in range(100)
    ]
    assert sum(verdict not in (kind, "unclear") for verdict in verdicts) <= 5


@pytest.mark.parametrize("run", REAL, ids=[run.name for run in REAL])
def test_without_context_no_real_run_gets_an_opposite_verdict(run: RealRun) -> None:
    """With less known it may abstain or miss a remedy, but never call overfit what is underfit, or the reverse."""
    opposite = {"overfit": "underfit", "underfit": "overfit", "well-fit": "diverged", "diverged": "well-fit"}
    for chance_loss in (run.chance_loss, None):
        found = diagnose(run.curves, chance_loss=chance_loss)
        assert found.verdict != opposite.get(run.label), found.words


def test_findings_carry_epoch_evidence_and_words() -> None:
    found = diagnose(drawn("overfit"), chance_loss=CHANCE)
    (finding,) = found.findings
    assert finding.name == "overfitting"
    assert abs(finding.epoch - 12) <= 3  # the drawn curve turns where 21.6 e^(-12 x) = 0.6, at x = 0.30
    assert finding.evidence["rise_share"] > DEFAULT.rise
    assert found.words == finding.words
    assert f"epoch {finding.epoch}" in found.words


def test_rise_of_loss_while_accuracy_holds_is_said() -> None:
    curves = drawn("overfit")
    accuracy = [0.8 + 0.001 * row.epoch for row in curves]
    told = rows([r.train_loss for r in curves], [r.val_loss for r in curves], val_accuracy=accuracy)
    assert "accuracy did not fall" in diagnose(told, chance_loss=CHANCE).words


def test_not_finite_and_marked_runs_have_diverged() -> None:
    broken = rows([1.0, 0.5, math.nan], [1.0, 0.6, math.nan])
    found = diagnose(broken)
    assert (found.verdict, found.findings[0].epoch) == ("diverged", 3)
    assert diagnose(drawn("well-fit"), diverged=True).verdict == "diverged"
    assert diagnose([], diverged=True).verdict == "diverged"


def test_training_that_was_lost_or_exploded_has_diverged() -> None:
    falling = [2.0 - 0.15 * i for i in range(10)]
    lost = rows([*falling, *[2.3] * 20], [*falling, *[2.3] * 20])
    assert diagnose(lost, chance_loss=CHANCE).verdict == "diverged"
    exploded = rows([*falling, 1e9, 5.0, 4.0], [*falling, 1e9, 1e6, 1e5])
    assert diagnose(exploded, chance_loss=CHANCE).verdict == "diverged"


def test_too_few_epochs_are_not_judged() -> None:
    flat = diagnose(rows([1.0, 1.0, 1.0], [1.1, 1.1, 1.1]), chance_loss=CHANCE)
    assert flat.verdict == "unclear"
    assert "at least 5 epochs" in flat.words
    assert diagnose(rows([2.0, 1.5, 1.0], [2.1, 1.6, 1.1]), chance_loss=CHANCE).verdict == "unconverged"
    assert diagnose([]).verdict == "unclear"


def test_without_context_a_curve_without_gap_stays_unclear() -> None:
    curves = rows(*[[1.2 + math.exp(-i / 2) for i in range(30)]] * 2)
    found = diagnose(curves)
    assert found.verdict == "unclear"
    assert "chance loss" in found.words


def test_one_that_learned_nothing_is_underfit() -> None:
    found = diagnose(rows([2.3] * 20, [2.3] * 20), chance_loss=2.3)
    assert found.verdict == "underfit"
    assert "next to nothing" in found.words


def test_noise_is_a_finding_of_its_own() -> None:
    noisy = [diagnose(drawn("well-fit", noise=0.5, key=key), chance_loss=CHANCE) for key in range(20)]
    named = ["noisy_validation" in [finding.name for finding in found.findings] for found in noisy]
    assert sum(named) >= 18
    assert sum(found.verdict == "unclear" for found in noisy) >= 16
    calm = measure(drawn("well-fit"), chance_loss=CHANCE)
    assert noisy_validation(calm, 40, DEFAULT) is None


def test_where_validation_is_too_noisy_the_train_loss_tells_that_it_still_falls() -> None:
    found = [
        diagnose(drawn("unconverged", noise=0.2, key=key), reference=0.35, chance_loss=CHANCE) for key in range(20)
    ]
    assert sum(one.verdict == "unconverged" for one in found) >= 17
    assert sum(one.words.startswith("The train loss still fell") for one in found) >= 12


def test_perfect_and_constant_losses_are_survived() -> None:
    for level in (0.0, 1.0, -3.0):
        found = diagnose(rows([level] * 12, [level] * 12))
        json.dumps(asdict(found), allow_nan=False)


def test_confidence_says_whether_thresholds_decide() -> None:
    assert diagnose(drawn("overfit"), reference=0.35, chance_loss=CHANCE).is_clear
    x = [i / 40 for i in range(1, 41)]
    barely = rows([0.3] * 40, [0.5 + 1.8 * math.exp(-20 * v) + 0.09 * max(v - 0.3, 0) for v in x])
    assert not diagnose(barely, chance_loss=CHANCE).is_clear


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    noise=st.floats(0, 0.3),
    key=st.integers(0, 10_000),
    epochs=st.integers(1, 60),
    factor=st.sampled_from([0.1, 10.0, 1e-6, 1e6, 3.7]),
    context=st.sampled_from(["all", "chance", "none"]),
)
def test_units_of_the_loss_change_nothing(
    kind: str, noise: float, key: int, epochs: int, factor: float, context: str
) -> None:
    curves = drawn(kind, noise=noise, key=key, epochs=epochs)
    reference = 0.35 if context == "all" else None
    chance = CHANCE if context != "none" else None
    plain = diagnose(curves, reference=reference, chance_loss=chance)
    scaled = diagnose(
        times(curves, factor),
        reference=None if reference is None else reference * factor,
        chance_loss=None if chance is None else chance * factor,
    )
    assert (scaled.verdict, scaled.confidence) == (plain.verdict, plain.confidence)
    assert [(f.name, f.epoch) for f in scaled.findings] == [(f.name, f.epoch) for f in plain.findings]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=12), st.none() | st.floats(), st.none() | st.floats())
def test_any_numbers_give_a_diagnosis_that_json_holds(
    losses: list[tuple[float, float]], reference: float | None, chance: float | None
) -> None:
    curves = rows([train for train, _ in losses], [val for _, val in losses])
    json.dumps(asdict(diagnose(curves, reference=reference, chance_loss=chance)), allow_nan=False)


def test_a_rise_that_is_small_beside_a_long_descent_is_still_overfitting() -> None:
    """From 2.3 nats down to 0.3 and up to 0.345, while the train loss goes on to 0.07: 2 % of the descent, 15 % of the
    level. A network that overfits Fashion-MNIST looks like this.
    """
    x = np.arange(1, 61)
    train = 0.06 + 0.5 * np.exp(-x / 14)
    val = 0.29 + 0.25 * np.exp(-x / 7) + 0.0015 * np.maximum(x - 25, 0)
    val += np.random.default_rng(0).normal(0, 0.01, x.size)
    found = diagnose(rows(list(train), list(val)), reference=0.29, chance_loss=2.3026)
    assert found.verdict == "overfit"
    for samples, verdict in ((6000, "overfit"), (150, "well-fit")):
        curves = rows(list(train), list(val))
        assert diagnose(curves, reference=0.29, chance_loss=2.3026, validation=samples).verdict == verdict
    level = rows(list(train), list(np.minimum(val, 0.31)))
    assert diagnose(level, reference=0.29, chance_loss=2.3026).verdict == "well-fit"
