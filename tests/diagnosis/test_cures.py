"""What would win back most: on curves whose counterfactuals are known because they are drawn from closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from tests.diagnosis.curves import CHANCE, rows
from wellfit.diagnosis import judge, measure
from wellfit.diagnosis.cures import shares
from wellfit.diagnosis.features import Features

N = 60
X = np.arange(1, N + 1) / N


def features(train: np.ndarray, val: np.ndarray, reference: float) -> Features:
    return measure(rows(list(train), list(val)), chance_loss=CHANCE, reference=reference)


def settled(end: float) -> np.ndarray:
    return end + (CHANCE - end) * np.exp(-20 * X)


def test_a_gap_is_cured_by_closing_it_and_a_high_train_loss_by_fitting() -> None:
    """Ends at 1.0, where 0.4 is reachable: of the 0.6 that are lost, train (0.8) has 0.4 as well, 0.2 are the gap."""
    found = shares(features(settled(0.8), settled(1.0), 0.4))
    assert found["unconverged"] == 0
    assert found["underfitting"] == pytest.approx(2 / 3, abs=0.01)
    assert found["overfitting"] == pytest.approx(1 / 3, abs=0.01)
    over = shares(features(settled(0.2), settled(1.0), 0.4))
    assert (over["overfitting"], over["underfitting"]) == (1.0, 0.0)


def test_an_earlier_epoch_cures_a_rise() -> None:
    """Train stays at 0.9, so the gap is small; but validation was at 0.5 and rose to 1.0."""
    val = settled(0.5) + np.where(X > 0.5, X - 0.5, 0.0)
    found = shares(features(settled(0.9), val, 0.4))
    assert found["overfitting"] == pytest.approx((1.0 - 0.5) / 0.6, abs=0.05)


def test_time_cures_what_still_falls_and_is_not_counted_twice() -> None:
    slow = CHANCE * np.exp(-1.5 * X)  # at 0.51; as many epochs again bring 0.11
    found = shares(features(slow, slow, 0.1))
    assert found["unconverged"] > 0.9
    assert found["underfitting"] <= 1 - found["unconverged"]


def test_a_run_at_its_beginning_is_unconverged_however_far_it_is() -> None:
    barely = CHANCE * (1 - 0.1 * X)
    found = judge(rows(list(barely), list(barely)), chance_loss=CHANCE, reference=0.1)
    assert found.verdict == "unconverged"


def test_nothing_is_cured_where_nothing_is_lost_or_known() -> None:
    assert set(shares(features(np.full(N, 0.3), np.full(N, 0.4), 0.4)).values()) == {0.0}
    unknown = measure(rows(list(settled(0.2)), list(settled(0.4))), chance_loss=CHANCE)
    assert set(shares(unknown).values()) == {0.0}


def test_what_the_run_reached_itself_is_reachable() -> None:
    """A reference that is worse than the run's own best is none: it rose by 0.5 since."""
    val = settled(0.5) + np.where(X > 0.5, X - 0.5, 0.0)
    curves = rows(list(settled(0.05)), list(val))
    assert judge(curves, chance_loss=CHANCE, reference=1.2).verdict == "overfit"


def test_a_fall_that_takes_back_a_rise_is_none() -> None:
    bump = np.exp(-((X - 0.75) ** 2) / 0.005)
    found = features(settled(0.3), settled(0.4) + 0.5 * bump, 0.39)
    assert found.expected_fall_share < 0.01
    assert judge(rows(list(settled(0.3)), list(settled(0.4) + 0.5 * bump)), chance_loss=CHANCE).verdict != "unconverged"


def test_what_was_never_learned_is_not_overfitted() -> None:
    """Near guessing a rise is large beside what was won, which is nothing."""
    train = np.full(N, CHANCE - 0.02)
    val = CHANCE + 0.05 * X
    found = judge(rows(list(train), list(val)), chance_loss=CHANCE)
    assert found.verdict == "underfit"
    assert "overfitting" not in {each.name for each in found.findings}


def test_exploding_in_the_first_epoch_is_a_divergence() -> None:
    train = np.concatenate([[36.0, 4.9, 2.7], np.full(N - 3, CHANCE)])
    assert judge(rows(list(train), list(train)), chance_loss=CHANCE).verdict == "diverged"
