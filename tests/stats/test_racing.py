"""Racing keeps the best arm, by simulation; drops what is clearly behind; and survives whatever runs came to."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from wellfit.errors import InputError
from wellfit.stats.racing import difference_variance, eliminate, race

CLOSE = [0.81, 0.84, 0.80, 0.83, 0.82]
FAR = [0.71, 0.75, 0.70, 0.74, 0.71]
RACES = 1000


def races(seed: int, gaps: np.ndarray, sds: np.ndarray, seeds: int, tail: int | None = None) -> np.ndarray:
    """Values ``(RACES, arms, seeds)``; seeds shift all arms of a race alike."""
    draw = np.random.default_rng(seed)
    shape = (RACES, len(gaps), seeds)
    own = draw.standard_normal(shape) if tail is None else draw.standard_t(tail, shape)
    values: np.ndarray = own * sds[:, None] - gaps[:, None] + 3 * draw.standard_normal((RACES, 1, seeds))
    return values


def nearly_equal(arms: int) -> np.ndarray:
    """The first arm is the best by next to nothing: the hardest case for keeping it."""
    return np.where(np.arange(arms) == 0, 0.0, 1e-9)


def lost(values: np.ndarray, looks: tuple[int, ...]) -> int:
    return int((race([values[..., :seen] for seen in looks])[:, 0] > 0).sum())


@pytest.mark.parametrize("looks", [(3,), (3, 5), (3, 4, 6, 8)], ids=len)
@pytest.mark.parametrize("arms", [2, 4, 8, 16])
@pytest.mark.parametrize("tail", [None, 4], ids=["normal", "t4"])
def test_the_best_arm_is_lost_in_at_most_5_percent(arms: int, looks: tuple[int, ...], tail: int | None) -> None:
    count = lost(races(arms, nearly_equal(arms), np.ones(arms), looks[-1], tail), looks)
    assert stats.binomtest(count, RACES, 0.05, alternative="greater").pvalue > 1e-3
    assert count / RACES < 0.065


@pytest.mark.parametrize("noisy", [2.0, 4.0, 10.0])
@pytest.mark.parametrize("arms", [3, 8])
def test_arms_may_be_unequally_noisy(arms: int, noisy: float) -> None:
    for who in (0, 1):
        sds = np.where(np.arange(arms) == who, noisy, 1.0)
        assert lost(races(7 + who, nearly_equal(arms), sds, 5), (3, 5)) / RACES < 0.065


@pytest.mark.parametrize("own", [0.3, 1.0])
def test_arms_may_come_in_families_that_share_noise(own: float) -> None:
    draw = np.random.default_rng(3)
    shared = draw.standard_normal((RACES, 2, 5))[:, [0, 0, 0, 0, 1, 1, 1, 1]]
    values = shared + own * draw.standard_normal((RACES, 8, 5)) - nearly_equal(8)[:, None]
    assert lost(values, (3, 5)) / RACES < 0.065


def test_it_saves_more_than_each_pairs_own_t_test() -> None:
    """Sixteen arms, three seeds, the others worse by 1 to 4 standard deviations: what three seeds can tell."""
    values = races(5, np.array([0.0, *np.linspace(1, 4, 15)]), np.ones(16), 3)
    gain = values[:, None] - values[:, :, None]
    with np.errstate(invalid="ignore"):
        alone = stats.ttest_1samp(gain, 0, axis=-1, alternative="greater").pvalue < 0.05 / 15
    ours = race([values])
    assert (ours > 0).mean() > 1.4 * alone.any(axis=-1).mean()
    assert (ours > 0).mean() > 0.25
    assert (ours[:, 0] > 0).mean() < 0.01


def test_two_arms_are_the_paired_t_test() -> None:
    p = stats.ttest_rel(CLOSE, FAR, alternative="greater").pvalue
    assert eliminate({"a": CLOSE, "b": FAR}, looks=1, arms=2, alpha=p * 1.01) == ("b",)
    assert eliminate({"a": CLOSE, "b": FAR}, looks=1, arms=2, alpha=p * 0.99) == ()


def test_looks_and_rivals_share_the_level() -> None:
    p = stats.ttest_rel(CLOSE, FAR, alternative="greater").pvalue
    given = {"a": CLOSE, "b": FAR}
    assert eliminate(given, looks=3, arms=5, alpha=12 * p * 1.01) == ("b",)
    assert eliminate(given, looks=3, arms=5, alpha=12 * p * 0.99) == ()


def test_common_variance_is_the_residual_of_a_two_way_analysis_of_variance() -> None:
    values = np.random.default_rng(0).standard_normal((6, 5))
    gain = values[None] - values[:, None]
    n = np.full((6, 6), 5)
    v, df = difference_variance(gain.var(axis=-1, ddof=1), n, ~np.eye(6, dtype=bool))
    rest = values - values.mean(0) - values.mean(1, keepdims=True) + values.mean()
    residual = (rest**2).sum() / (5 * 4)
    own = gain.var(axis=-1, ddof=1)
    assert (v[~np.eye(6, dtype=bool)] >= np.maximum(2 * residual, own)[~np.eye(6, dtype=bool)] * (1 - 1e-12)).all()
    assert df.max() <= 20 + 1e-9
    quiet = np.isclose(v, 2 * residual)
    assert np.allclose(df[quiet], 20)
    assert quiet.sum() >= 2


def test_noise_of_an_arm_is_found() -> None:
    """By Grubbs' estimate: with many seeds the variances of the differences are those that were put in."""
    sds = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 3.0])
    values = sds[:, None] * np.random.default_rng(1).standard_normal((6, 20_000))
    own = (values[None] - values[:, None]).var(axis=-1, ddof=1)
    common = (5 + 9) / 6
    v, _ = difference_variance(own, np.full((6, 6), 20_000), ~np.eye(6, dtype=bool))
    assert v[0, 5] == pytest.approx(common + 9, rel=0.05)
    assert v[0, 1] == pytest.approx(2 * common, rel=0.05)
    few, df = difference_variance(own[1:, 1:], np.full((5, 5), 7), ~np.eye(5, dtype=bool))
    assert (few == own[1:, 1:]).all()
    assert (df == 6).all()


def test_a_wild_arm_hides_nobody() -> None:
    wild = [-90.0, 3.0, -400.0, 12.0, -7.0]
    shifts = {"b": 0.12, "c": 0.11, "d": 0.13, "e": 0.1, "f": 0.12, "g": 0.11}
    wobble = np.random.default_rng(0).normal(0, 0.004, (6, 5))
    behind = {arm: list(np.array(CLOSE) - by + own) for (arm, by), own in zip(shifts.items(), wobble, strict=True)}
    others = {"a": CLOSE, **behind}
    assert eliminate(others, looks=2, arms=8) == tuple(shifts)
    assert eliminate({**others, "wild": wild}, looks=2, arms=8) == tuple(shifts)


def test_diverged_arms_leave_and_one_always_stays() -> None:
    nan = math.nan
    assert eliminate({"a": [0.8, 0.7, 0.9], "b": [nan, nan, 0.99]}, looks=1, arms=2) == ("b",)
    assert eliminate({"a": [0.8, 0.7, 0.9], "b": [nan, 0.7, 0.9]}, looks=1, arms=2) == ()
    assert eliminate({"a": [nan, nan, nan], "b": [nan, -math.inf, 0.1]}, looks=1, arms=2) == ("a",)
    assert eliminate({"a": [nan, nan], "b": [nan, nan]}, looks=1, arms=2) == ("b",)


def test_a_diverged_seed_is_left_out_of_its_pairs() -> None:
    with_hole = [*FAR, math.nan]
    assert eliminate({"a": [*CLOSE, 0.8], "b": with_hole}, looks=1, arms=2) == ("b",)


def test_too_few_seeds_and_coarse_values_let_nobody_leave() -> None:
    assert eliminate({"a": [0.9, 0.91], "b": [0.1, 0.101], "c": [0.2, 0.2]}, looks=1, arms=3) == ()
    assert eliminate({"a": [0.3, 0.4, 0.7], "b": [0.1, 0.2, 0.5]}, looks=1, arms=2) == ()
    assert eliminate({"a": CLOSE, "b": CLOSE, "c": CLOSE}, looks=1, arms=3) == ()


def test_nothing_to_race() -> None:
    assert eliminate({}, looks=1, arms=1) == ()
    assert eliminate({"a": CLOSE}, looks=1, arms=1) == ()
    assert eliminate({"a": [], "b": []}, looks=1, arms=2) == ()


@given(st.lists(st.lists(st.one_of(st.floats(), st.just(math.nan)), min_size=4, max_size=4), max_size=6))
def test_whatever_the_values_one_arm_stays_and_order_does_not_matter(rows: list[list[float]]) -> None:
    given_values = {str(index): row for index, row in enumerate(rows)}
    gone = eliminate(given_values, looks=2, arms=len(rows) + 1)
    assert len(gone) < max(len(rows), 1)
    finite = [row for row in rows if all(abs(value) < 1e6 for value in row)]
    if len(finite) == len(rows) and len(rows) > 1:
        back = dict(reversed(given_values.items()))
        assert set(eliminate(back, looks=2, arms=len(rows) + 1)) == set(gone)


def test_errors_name_the_value() -> None:
    with pytest.raises(InputError, match="looks: received 0"):
        eliminate({"a": CLOSE, "b": FAR}, looks=0, arms=2)
    with pytest.raises(InputError, match="2 still race"):
        eliminate({"a": CLOSE, "b": FAR}, looks=1, arms=1)
    with pytest.raises(InputError, match=r"alpha: received 1\.5"):
        eliminate({"a": CLOSE, "b": FAR}, looks=1, arms=2, alpha=1.5)
    with pytest.raises(InputError, match=r"arms with \[4, 5\] values"):
        eliminate({"a": CLOSE, "b": FAR[:4]}, looks=1, arms=2)
