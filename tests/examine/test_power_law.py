"""The power law: known laws come back, and intervals hold what they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from wellfit.examine.outlook import last_step, outlook
from wellfit.examine.power_law import PowerLaw, fit_power_law

SIZES = [100, 200, 500, 1000]


@pytest.mark.parametrize(("a", "b", "c"), [(2.0, 0.5, 0.05), (1.0, 0.3, 0.0), (30.0, 1.0, 0.02)])
def test_a_law_without_noise_comes_back(a: float, b: float, c: float) -> None:
    errors = np.tile(a * np.array(SIZES) ** -b + c, (5, 1))
    law = fit_power_law(SIZES, errors, draws=20).law
    assert law.b == pytest.approx(b, rel=0.01)
    assert law.c == pytest.approx(c, abs=0.002)
    assert law.at(4000) == pytest.approx(a * 4000**-b + c, rel=0.01)


def test_least_squares_of_scipy_agree() -> None:
    sizes = np.array([50, 100, 200, 400, 800, 1600.0])
    draw = np.random.default_rng(3)
    errors = (3 * sizes**-0.5 + 0.1) * (1 + 0.01 * draw.standard_normal((4, 6)))
    means = errors.mean(0)
    start, bounds = (3.0, 0.5, 0.1), ((0, 0.02, 0), (100, 2.5, means.min()))
    (a, b, c), _ = curve_fit(lambda n, a, b, c: a * n**-b + c, sizes, means, start, sigma=means, bounds=bounds)
    law = fit_power_law(sizes.tolist(), errors, draws=20).law
    assert law.at(3200) == pytest.approx(a * 3200**-b + c, rel=0.02)


def test_c_stays_within_what_was_seen() -> None:
    draw = np.random.default_rng(1)
    errors = (np.array(SIZES) ** -0.2) * (1 + 0.1 * draw.standard_normal((5, 4)))
    found = fit_power_law(SIZES, errors, draws=200)
    for law in (found.law, *found.draws):
        assert law.a >= 0
        assert law.b > 0
        assert law.c >= 0
    assert found.law.c <= errors.mean(0).max()


def test_one_wild_seed_changes_little() -> None:
    sizes = np.array(SIZES)
    errors = np.tile(2 * sizes**-0.5 + 0.05, (7, 1)) * (1 + 0.01 * np.random.default_rng(2).standard_normal((7, 4)))
    calm = fit_power_law(SIZES, errors, draws=20).law.at(2000)
    errors[3, 1] *= 5
    assert fit_power_law(SIZES, errors, draws=20).law.at(2000) == pytest.approx(calm, rel=0.06)


def test_intervals_hold_the_truth() -> None:
    """95 % intervals of a doubling hold it in at least 90 % of simulated examinations, as do those of 4 times; and what
    all sizes of a seed share does not widen them."""
    draw = np.random.default_rng(5)
    relative = np.array(SIZES) / 1000
    hits, widths = {2.0: 0, 4.0: 0}, []
    laws = [(0.3, 0.0), (0.5, 0.2), (1.0, 0.5), (0.5, 0.0)]
    for trial in range(120):
        b, c = laws[trial % len(laws)]
        errors = (1 - c) * relative**-b + c
        level = 1 + 0.15 * draw.standard_normal((5, 1))  # of a seed's validation set, say
        seen = errors * level * (1 + 0.03 * draw.standard_normal((5, 4)))
        found = fit_power_law(SIZES, seen, seed=trial, draws=200)
        for times in hits:
            hits[times] += found.forecast(times)[1].holds(level.mean() * ((1 - c) * times**-b + c))
        low, high = found.forecast(2.0)[1]
        widths.append((high - low) / 2)
    assert min(hits.values()) >= 0.9 * 120
    assert np.median(widths) < 0.12


def test_times_for() -> None:
    law = PowerLaw(a=1.0, b=0.5, c=0.2, scale=100)
    assert law.times_for(0.7) == pytest.approx(4.0)
    assert law.times_for(1.3) == 1
    assert law.times_for(0.2) == np.inf


def test_the_same_errors_give_the_same_interval() -> None:
    errors = (np.array(SIZES) ** -0.3) * (1 + 0.02 * np.random.default_rng(1).standard_normal((5, 4)))
    assert fit_power_law(SIZES, errors, draws=50).forecast(2) == fit_power_law(SIZES, errors, draws=50).forecast(2)


def noisy(means: list[float], spread: float, seeds: int = 5) -> np.ndarray:
    draw = np.random.default_rng(4)
    return np.array(means) * (1 + spread * draw.standard_normal((seeds, len(means))))


@pytest.mark.parametrize(
    ("errors", "reason"),
    [
        (noisy([0.5, 0.5, 0.5, 0.5], 0.02), "flat"),
        (noisy([0.3, 0.35, 0.4, 0.5], 0.01), "rising"),
        (noisy([0.8, 0.6, 0.45, 0.3], 0.01, seeds=1), "few_seeds"),
        (noisy([0.4, 0.1, 0.02, 0.0], 0.01), "no_error"),
        (noisy([1.0, 0.8, 0.6, 0.5], 0.5, seeds=4), "noisy"),
    ],
)
def test_no_forecast_where_none_can_be_made(errors: np.ndarray, reason: str) -> None:
    found = outlook(SIZES, errors)
    assert found["no_forecast"]["reason"] in {reason, "flat"} if reason == "noisy" else {reason}
    assert found["forecasts"] == []
    assert found["law"] is None


def test_two_sizes_are_too_few() -> None:
    assert outlook(SIZES[:2], noisy([0.5, 0.3], 0.01))["no_forecast"]["reason"] == "few_sizes"


def test_a_forecast() -> None:
    found = outlook(SIZES, noisy([2 * n**-0.5 + 0.05 for n in SIZES], 0.01))
    assert found["no_forecast"] is None
    twice, *_ = found["forecasts"]
    assert twice["samples"] == 2000
    assert twice["ci95"][0] <= 2 * 2000**-0.5 + 0.05 <= twice["ci95"][1]
    now = 2 * 1000**-0.5 + 0.05  # half of it is 2 (1000 t)^-0.5 + 0.05 for t = 38.6
    assert found["halving"]["times"] == pytest.approx((2 / (now / 2 - 0.05)) ** 2 / 1000, rel=0.9)


def test_the_last_step_is_paired() -> None:
    before = np.array([1.0, 2.0, 3.0])
    found = last_step(np.stack([before, before / 2], axis=1))
    assert found is not None
    assert found["change"] == pytest.approx(-0.5)
    assert found["ci95"] == pytest.approx([-0.5, -0.5])
