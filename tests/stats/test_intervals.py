import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from wellfit.stats import Interval, estimate, t_interval


def test_interval_equals_statsmodels() -> None:
    values = [0.31, 0.29, 0.35, 0.30, 0.33]
    found = estimate(values)
    low, high = DescrStatsW(values).tconfint_mean(alpha=0.05)
    assert found.n == 5
    assert found.dropped == 0
    assert found.mean == pytest.approx(np.mean(values))
    assert found.sd == pytest.approx(np.std(values, ddof=1))
    assert found.ci95 == pytest.approx((low, high), rel=1e-12)
    assert found.half_width == pytest.approx((high - low) / 2)


def test_one_value_has_no_interval() -> None:
    found = estimate([0.5])
    assert (found.mean, found.ci95, found.sd, found.half_width, found.n) == (0.5, None, None, None, 1)


def test_no_finite_value_has_no_mean() -> None:
    found = estimate([math.nan, math.inf])
    assert (found.mean, found.ci95, found.n, found.dropped) == (None, None, 0, 2)
    assert estimate([]).n == 0


def test_diverged_runs_are_left_out_and_counted() -> None:
    found = estimate([1.0, math.nan, 2.0, -math.inf, 3.0])
    assert (found.n, found.dropped, found.mean) == (3, 2, 2.0)
    assert found.ci95 == pytest.approx(stats.t.interval(0.95, 2, loc=2.0, scale=1 / math.sqrt(3)))


def test_equal_values_have_an_interval_of_no_length() -> None:
    found = estimate([0.1, 0.1, 0.1])
    assert found.sd == 0.0
    assert found.ci95 is not None
    assert found.ci95.half_width == 0.0


def test_interval_is_a_tuple_that_knows_what_it_holds() -> None:
    interval = t_interval(1.0, 2.0, 4)
    assert interval is not None
    low, high = interval
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 3, loc=1.0, scale=1.0))
    assert interval.holds(0)
    assert not Interval(0.1, 0.2).holds(0)
    assert t_interval(1.0, 2.0, 1) is None


def test_coverage_is_95_percent_for_normal_values() -> None:
    rng = np.random.default_rng(7)
    trials = 4000
    covered = 0
    for sample in rng.normal(loc=2.0, scale=3.0, size=(trials, 4)):
        interval = estimate(sample).ci95
        assert interval is not None
        covered += interval.holds(2.0)
    standard_error = math.sqrt(0.95 * 0.05 / trials)
    assert abs(covered / trials - 0.95) < 3 * standard_error
