import numpy as np
import pytest

from wellfit.diagnosis.smoothing import curve_noise, trend, whittaker


@pytest.mark.parametrize("sigma", [0.01, 0.1])
def test_noise_is_that_of_the_curve_without_its_trend(sigma: float) -> None:
    rng = np.random.default_rng(3)
    x = np.linspace(0, 1, 200)
    found = [curve_noise(2 * np.exp(-5 * x) + rng.normal(0, sigma, 200)) for _ in range(50)]
    assert np.mean(found) == pytest.approx(sigma, rel=0.05)


def test_noise_ignores_trends_and_spikes() -> None:
    assert curve_noise(np.linspace(3, 1, 30)) == pytest.approx(0, abs=1e-12)
    spiked = np.random.default_rng(0).normal(0, 0.1, 60)
    calm = curve_noise(spiked)
    spiked[45] += 50
    assert curve_noise(spiked) < 1.5 * calm
    assert curve_noise(np.array([3.0, 1.0, 2.0])) == 0.0


def test_whittaker_solves_its_normal_equations() -> None:
    values = np.random.default_rng(1).normal(size=12)
    second = np.diff(np.eye(12), n=2, axis=0)
    oracle = np.linalg.solve(np.eye(12) + 7.0 * second.T @ second, values)
    assert whittaker(values, 7.0) == pytest.approx(oracle, rel=1e-10)


def test_trend_of_a_clean_curve_is_the_curve() -> None:
    values = 0.3 + 2 * np.exp(-np.arange(30) / 4)
    assert trend(values, curve_noise(values)) == pytest.approx(values, rel=0.02)


def test_trend_is_closer_to_the_truth_than_the_values() -> None:
    x = np.linspace(0, 1, 60)
    truth = 2 * np.exp(-6 * x) + 0.8 * x
    for key in range(5):
        values = truth + np.random.default_rng(key).normal(0, 0.1, 60)
        smooth = trend(values, curve_noise(values))
        assert np.mean((smooth - truth) ** 2) < 0.5 * np.mean((values - truth) ** 2)
        assert abs(int(np.argmin(smooth)) - int(np.argmin(truth))) <= 8


def test_trend_stays_within_the_values_next_to_an_explosion() -> None:
    values = np.array([0.5, 0.4, 0.3, 0.2, 0.2, 176.0, 2e3, 6e8, 1.4, 1.0, 0.8])
    smooth = trend(values, curve_noise(values))
    assert smooth.min() >= values.min()
    assert smooth.max() <= values.max()


def test_few_values_are_left_alone() -> None:
    values = np.array([3.0, 1.0, 2.0, 1.0])
    assert trend(values, 1.0) == pytest.approx(values)
