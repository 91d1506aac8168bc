"""Bands over seeds: lengths differ, runs diverge, one seed has no interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tests.report.sample import make_run
from wellfit.views.curves import band, common_range, curves


def test_band_matches_scipy_interval() -> None:
    series = [[0.9, 0.5], [0.8, 0.7], [1.0, 0.6]]
    found = band(series)
    assert found.epochs == (1, 2)
    assert found.least == (0.8, 0.5)
    assert found.most == (1.0, 0.7)
    for index, column in enumerate(np.array(series).T):
        low, high = stats.t.interval(0.95, 2, loc=column.mean(), scale=stats.sem(column))
        assert found.mean[index] == pytest.approx(column.mean())
        assert (found.low[index], found.high[index]) == pytest.approx((low, high))


def test_band_of_different_lengths_counts_only_seeds_that_reached_the_epoch() -> None:
    found = band([[1.0, 1.0, 1.0, 1.0], [3.0, 3.0]])
    assert found.mean == (2.0, 2.0, 1.0, 1.0)
    assert found.count == (2, 2, 1, 1)
    assert found.full(2) == 2
    assert found.full(1) == 4
    assert math.isnan(found.low[2])


def test_band_of_one_seed_has_no_interval() -> None:
    found = band([[0.5, 0.4]])
    assert found.mean == found.least == found.most == (0.5, 0.4)
    assert all(math.isnan(value) for value in (*found.low, *found.high))


def test_values_that_are_not_finite_do_not_count() -> None:
    found = band([[1.0, math.nan, math.inf], [3.0, 5.0, math.nan]])
    assert found.mean[:2] == (2.0, 5.0)
    assert math.isnan(found.mean[2])
    assert found.count == (2, 1, 0)
    assert found.full(2) == 1


def test_band_of_nothing_is_empty() -> None:
    assert band([]).epochs == ()


def test_arms_of_60_and_30_epochs_keep_their_lengths() -> None:
    runs = [make_run("long", seed, epochs=60) for seed in (1, 0)] + [make_run("short", 0, epochs=30)]
    long, short = curves(runs, quantity="loss")
    assert (long.arm, short.arm) == ("long", "short")
    assert len(long.validation.epochs) == 60
    assert len(short.train.epochs) == 30
    assert [run.seed for run in long.runs] == [0, 1]
    assert long.runs[0].best_value == runs[1].value("val_loss")


def test_regression_has_no_accuracy_curves() -> None:
    runs = [make_run(accuracy=False)]
    assert curves(runs, quantity="accuracy") == ()
    assert len(curves(runs, quantity="loss")) == 1


def test_arm_that_diverges_at_once_is_kept_as_long_as_it_has_a_finite_value() -> None:
    (found,) = curves([make_run("hot", 0, diverges_at=1)], quantity="loss")
    assert found.runs[0].best_epoch == 0
    assert math.isnan(found.runs[0].best_value)


def test_common_range_ignores_diverged_runs_and_the_first_tenth_and_spans_all_arms() -> None:
    healthy = [make_run("plain", 0), make_run("dropout", 0, chosen=("dropout",))]
    expected = [value for run in healthy for key in ("train_loss", "val_loss") for value in run.series(key)[3:]]
    found = common_range(curves([*healthy, make_run("hot", 0, diverges_at=5)], quantity="loss"))
    assert found == (min(expected), max(expected))


def test_common_range_of_diverged_runs_alone_is_finite() -> None:
    found = common_range(curves([make_run("hot", 0, diverges_at=5)], quantity="loss"))
    assert found is not None
    assert all(math.isfinite(value) for value in found)
    assert found[0] < found[1]


def test_common_range_cuts_a_rare_spike() -> None:
    run = make_run("spike", 0, epochs=100)
    rows = list(run.curves)
    spiked = type(rows[0])(**{name: getattr(rows[3], name) for name in rows[0].__slots__} | {"val_loss": 500.0})
    rows[3] = spiked
    found = common_range(curves([type(run)(run.arm, 0, {}, "complete", 1, tuple(rows))], quantity="loss"))
    assert found is not None
    assert found[1] < 10


def test_common_range_keeps_the_one_arm_of_sixteen_that_overfits() -> None:
    runs = [make_run(f"arm {index}", 0, chosen=("dropout", "augmentation")) for index in range(15)] + [make_run()]
    found = common_range(curves(runs, quantity="loss"))
    assert found is not None
    assert found[1] == max(runs[-1].series("val_loss"))


def test_common_range_of_short_runs_keeps_every_epoch() -> None:
    run = make_run(epochs=4)
    found = common_range(curves([run], quantity="loss"))
    assert found is not None
    assert found[1] == max(*run.series("val_loss"), *run.series("train_loss"))


def test_common_range_without_runs() -> None:
    assert common_range([]) is None
