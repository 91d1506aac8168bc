"""The race over epochs keeps the best arm where curves fall like real ones, and drops what cannot catch up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from wellfit.stats.epoch_race import beaten, hoped, leaving, level_of, looks_over, race_over, winners

EPOCHS = 64
RACES = 150


def power_law(
    draw: np.random.Generator, floors: np.ndarray, heights: np.ndarray, powers: np.ndarray, *, seeds: int = 5
) -> np.ndarray:
    """Losses ``(arms, seeds, EPOCHS)``: floor + height e^-power, shifted by the seed, the run and the epoch."""
    e = np.arange(1, EPOCHS + 1)
    arms = len(floors)
    clean = floors[:, None, None] + heights[:, None, None] * e ** -powers[:, None, None]
    shift = 0.05 * draw.standard_normal((1, seeds, 1)) + 0.02 * draw.standard_normal((arms, seeds, 1))
    return np.asarray(np.maximum(clean + shift + 0.01 * draw.standard_normal((arms, seeds, EPOCHS)), 1e-3))


def test_looks_stand_at_half_octaves() -> None:
    assert looks_over(64) == (4, 6, 8, 11, 16, 23, 32, 45)
    assert looks_over(30) == (4, 5, 8, 11, 15, 21)
    assert looks_over(5) == (4,)
    assert looks_over(4) == looks_over(1) == ()


def test_a_power_law_is_hoped_to_go_on() -> None:
    """Without a floor the extrapolation is exact; with one it is below what is reached."""
    e = np.arange(1.0, 65)
    straight = 3 * e**-0.7
    for seen in (4, 8, 16, 32):
        assert hoped(straight[None, :seen], np.array([64]))[0] == pytest.approx(straight[-1], rel=1e-4)
        for floor in (0.1, 1.0):
            assert hoped(floor + straight[None, :seen], np.array([64]))[0] < floor + straight[-1]


def test_an_exponential_is_hoped_to_go_on() -> None:
    """A fall in proportion to the epochs, of weights that move at a constant pace."""
    e = np.arange(1.0, 65)
    straight = 2 * np.exp(-0.05 * e)
    for seen in (4, 8, 16, 32):
        assert hoped(straight[None, :seen], np.array([64]))[0] == pytest.approx(straight[-1], rel=1e-4)
        assert hoped(0.1 + straight[None, :seen], np.array([64]))[0] < 0.1 + straight[-1]


def test_a_run_that_has_ended_hopes_for_nothing() -> None:
    best = np.array([[[2.0, 1.0, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05]]])
    assert hoped(best, np.array([[8]])) == hoped(best, np.array([[3]])) == 0.05
    assert hoped(best, np.array([[16]])) < 0.05


def test_what_is_not_known_may_become_anything() -> None:
    nan = np.nan
    assert hoped(np.array([[nan, nan, nan, 0.5]]), np.array([64])) == 0.0
    assert np.isnan(hoped(np.full((1, 4), nan), np.array([64]))).all()
    assert hoped(np.array([[1.0, 0.5, 0.0, 0.0]]), np.array([64])) == 0.0


def test_two_arms_are_compared_by_the_paired_t_test() -> None:
    now = np.array([[0.50, 0.53, 0.49, 0.55, 0.52], [0.41, 0.45, 0.38, 0.44, 0.44]])
    hope = now - np.array([[0.03], [0.05]])
    p = stats.ttest_rel(hope[0], now[1], alternative="greater").pvalue
    assert beaten(now, hope, level=p * 1.01).tolist() == [[False, True], [False, False]]
    assert not beaten(now, hope, level=p * 0.99).any()


def test_who_is_far_behind_leaves_and_the_best_rival_is_named() -> None:
    draw = np.random.default_rng(0)
    curves = power_law(draw, np.array([0.3, 0.2, 2.0]), np.ones(3), np.full(3, 1.0))
    best = np.fmin.accumulate(curves, axis=-1)[..., :16]
    gone = leaving(best, np.full((3, 5), EPOCHS), may_leave=np.ones(3, dtype=bool), level=level_of(8, 3))
    assert set(gone) == {2}
    assert gone[2][0] == 1
    assert leaving(best, np.full((3, 5), EPOCHS), may_leave=np.array([True, True, False]), level=level_of(8, 3)) == {}


def test_a_slow_arm_that_will_win_stays() -> None:
    """It falls on along its line; the others stand on their floors."""
    draw = np.random.default_rng(1)
    floors, heights = np.array([0.05, *np.linspace(0.4, 0.6, 7)]), np.array([2.0, *np.full(7, 0.5)])
    powers = np.array([0.6, *np.full(7, 1.5)])
    for _ in range(20):
        curves = power_law(draw, floors, heights, powers)
        assert np.fmin.accumulate(curves, -1)[0, :, 7].mean() > np.fmin.accumulate(curves, -1)[1:, :, 7].mean()
        assert curves[..., -1].mean(-1).argmin() == 0
        assert race_over(curves)[0] == EPOCHS


@pytest.mark.parametrize("spread", [0.0, 0.02, 0.1, 0.5], ids="spread {}".format)
@pytest.mark.parametrize("arms", [4, 16])
def test_the_best_arm_is_lost_in_at_most_5_percent(arms: int, spread: float) -> None:
    """Floors, heights and speeds are drawn anew in each race; the best arm is that with the lowest expected end."""
    draw = np.random.default_rng([arms, int(100 * spread)])
    lost = 0
    for _ in range(RACES):
        floors, heights = 0.3 + spread * draw.random(arms), np.exp(draw.normal(0, 0.5, arms))
        powers = draw.uniform(0.4, 1.5, arms)
        best = (floors + heights * EPOCHS**-powers).argmin()
        lost += race_over(power_law(draw, floors, heights, powers))[best] < EPOCHS
    assert stats.binomtest(lost, RACES, 0.05, alternative="greater").pvalue > 1e-3


def test_large_differences_take_a_quarter_of_the_epochs_and_no_differences_all_of_them() -> None:
    draw = np.random.default_rng(2)
    one, equal = [], []
    for _ in range(20):
        floors = np.array([0.1, *np.linspace(0.5, 3, 15)])
        one.append(race_over(power_law(draw, floors, np.full(16, 0.5), np.full(16, 1.0))).mean() / EPOCHS)
        equal.append(race_over(power_law(draw, np.full(16, 0.3), np.full(16, 0.5), np.full(16, 1.0))).mean() / EPOCHS)
    assert np.mean(one) < 0.25
    assert np.mean(equal) > 0.95


def test_the_control_never_leaves() -> None:
    draw = np.random.default_rng(3)
    curves = power_law(draw, np.array([3.0, 0.1, 3.1]), np.full(3, 0.5), np.ones(3))
    assert race_over(curves, control=0).tolist()[:2] == [EPOCHS, EPOCHS]
    assert race_over(curves)[0] < EPOCHS


def test_winners_are_those_that_nobody_surely_beats() -> None:
    draw = np.random.default_rng(4)
    shared = 3 * draw.standard_normal(5)
    values = shared - np.array([0.0, 0.001, 1.0, 2.0, 3.0, 4.0, 5.0])[:, None] + 0.05 * draw.standard_normal((7, 5))
    assert winners(values).tolist() == [True, True, *[False] * 5]
    wild = shared - 8 + 3 * draw.standard_normal((4, 5))
    both = np.concatenate([values, wild])
    assert winners(both)[:7].tolist() == winners(values).tolist(), "noisy losers hide nobody"
    assert winners(values[:1]).tolist() == [True]
    assert winners(np.empty((0, 5))).tolist() == []


@settings(deadline=None, max_examples=60)
@given(
    arrays.arrays(
        np.float64, (5, 4, 16), elements=st.one_of(st.floats(0, 1e6), st.just(np.nan), st.just(0.0), st.just(0.25))
    )
)
def test_whatever_the_curves_somebody_stays(curves: np.ndarray) -> None:
    left = race_over(curves)
    assert (left == 16).any()
    assert set(left.tolist()) <= {16, *looks_over(16)}


@pytest.mark.parametrize("arms", [4, 8, 16])
def test_comparing_again_without_the_beaten_keeps_the_best_arm(arms: int) -> None:
    """Half of the arms are as good as the best one, the others far behind and quieter."""
    draw = np.random.default_rng(arms)
    far = np.arange(arms) > arms // 2
    gaps = np.where(far, 20.0, np.where(np.arange(arms) == 0, 0.0, 1e-9))
    lost = 0
    for _ in range(300):
        noise = np.where(far, 0.3, 1.0)[:, None] * draw.standard_normal((arms, 5))
        lost += not winners(noise - gaps[:, None] + 3 * draw.standard_normal(5))[0]
    assert stats.binomtest(lost, 300, 0.05, alternative="greater").pvalue > 1e-3
