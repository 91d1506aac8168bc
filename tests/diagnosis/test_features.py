import math

import numpy as np
import pytest

from tests.diagnosis.curves import CHANCE, drawn, rows
from wellfit.diagnosis import class_frequency_loss, measure, reference_loss
from wellfit.errors import InputError


def v_shape() -> tuple[list[float], list[float]]:
    """Validation falls from 2.0 to 0.8 at epoch 13 and rises to 1.4 at epoch 25; train falls to 0.1."""
    epochs = np.arange(1, 26)
    return list(np.linspace(2.0, 0.1, 25)), list(0.8 + np.abs(epochs - 13) * np.where(epochs < 13, 0.1, 0.05))


def test_features_of_a_curve_that_can_be_computed_by_hand() -> None:
    found = measure(rows(*v_shape()), chance_loss=2.0, reference=0.7)
    assert abs(found.turning_epoch - 13) <= 1
    assert found.val_best == pytest.approx(0.8, abs=0.05)
    assert found.val_end == pytest.approx(1.375, abs=0.01)  # mean of the last two, 1.35 and 1.40
    assert found.rise_share == pytest.approx((1.375 - found.val_best) / (2.0 - 0.7), rel=1e-3)
    train_end = (0.1 + 0.1 + 1.9 / 24) / 2
    assert found.gap_share == pytest.approx((1.375 - train_end) / (2.0 - 0.1), rel=1e-3)
    assert found.learned_share == pytest.approx(1 - train_end / 2.0, rel=1e-3)
    assert found.regret == pytest.approx((1.375 - 0.7) / 1.3, rel=1e-3)
    assert found.recent_fall_share == pytest.approx((found.val_best - 1.4) / (2.0 - found.val_best), rel=1e-2)
    assert found.expected_fall_share == 0.0


def test_a_rise_in_standard_errors_of_the_validation_set() -> None:
    """Where a share p of the answers cost what guessing does and the others nothing, the loss is that of a count."""
    found = measure(rows(*v_shape()), chance_loss=2.0, validation=400)
    error = math.sqrt(found.val_end * 2.0 / 400)
    assert found.rise_in_error == pytest.approx((found.val_end - found.val_best) / error)
    assert measure(rows(*v_shape()), chance_loss=2.0).rise_in_error is None
    wrong = np.random.default_rng(0).binomial(400, 0.05, 20_000)
    assert np.std(2.0 * wrong / 400) == pytest.approx(math.sqrt(0.1 * 2.0 / 400), rel=0.05)


def test_a_curve_that_still_falls_has_not_turned() -> None:
    found = measure(drawn("unconverged", noise=0.0))
    assert found.rise_share == 0.0
    assert found.expected_fall_share > 0.1


def test_expected_fall_of_an_exponential() -> None:
    """v = e^(-x): the next epochs bring e^(-1) - e^(-2), as the quarters fall in a constant ratio."""
    x = np.linspace(0, 1, 41)
    v = list(np.exp(-x))
    found = measure(rows(v, v), chance_loss=1.0)
    assert found.expected_fall_share * (1 - v[-1]) == pytest.approx(math.exp(-1) - math.exp(-2), rel=0.02)


def test_rows_after_a_broken_loss_are_not_used() -> None:
    train, val = v_shape()
    train[20] = math.inf
    found = measure(rows(train, val))
    assert (found.broken_epoch, found.evaluations) == (21, 20)
    val[0] = math.nan
    nothing = measure(rows(train, val))
    assert (nothing.broken_epoch, nothing.evaluations, nothing.turning_epoch) == (1, 0, 0)


def test_unusable_context_counts_as_none() -> None:
    found = measure(drawn("well-fit"), chance_loss=math.nan, reference=math.inf)
    assert (found.learned_share, found.regret, found.above_reference, found.cured_by_time) == (None, None, None, None)


def test_accuracy_change_since_the_turning_point() -> None:
    train, val = v_shape()
    rising = measure(rows(train, val, val_accuracy=list(np.linspace(0.5, 0.9, 25))))
    assert rising.accuracy_change == pytest.approx(0.4 / 24 * (24 - rising.turning_epoch), rel=1e-6)
    assert measure(rows(train, val)).accuracy_change is None


def test_reference_is_the_best_trend_of_all_arms() -> None:
    assert reference_loss([]) is None
    assert reference_loss([rows([math.nan], [1.0])]) is None
    arms = [drawn("underfit"), drawn("well-fit"), rows([math.nan], [0.1])]
    assert reference_loss(arms) == pytest.approx(0.35, abs=0.01)
    noisy = [drawn("well-fit", noise=0.1, key=key) for key in range(5)]
    raw = min(row.val_loss for curves in noisy for row in curves)
    found = reference_loss(noisy)
    assert found is not None
    assert raw < found
    assert abs(found - 0.35) < abs(raw - 0.35)


def test_an_arm_that_exploded_is_no_reference() -> None:
    exploded = rows([1e30, 1e9, 1e9, 1e9, 1e9, 1e9], [1e30, 1e9, 1e9, 1e9, 1e9, 1e9])
    assert reference_loss([exploded, drawn("well-fit")]) == reference_loss([drawn("well-fit")])


def test_epochs_must_increase() -> None:
    curves = drawn("well-fit")
    with pytest.raises(InputError, match="epochs do not increase"):
        measure([*curves, curves[-1]])


def test_loss_of_guessing_is_the_entropy() -> None:
    assert class_frequency_loss([10] * 10) == pytest.approx(math.log(10))
    assert class_frequency_loss([3, 1]) == pytest.approx(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))
    assert class_frequency_loss([5, 0]) == 0.0
    with pytest.raises(InputError, match="class counts"):
        class_frequency_loss([0, 0])
    assert pytest.approx(2.3, abs=0.01) == math.log(10) == pytest.approx(CHANCE, abs=0.01)
