"""Leaderboard, forest, pairs and gap: order, pairing and missing values."""

from __future__ import annotations

import math

import pytest

from tests.report.sample import make_result, make_run, make_study, study_runs, untested
from wellfit.views.contrasts import contrasted_metrics, read_contrasts
from wellfit.views.forest import forest, paired
from wellfit.views.gap import gaps
from wellfit.views.leaderboard import best_arm, finding_texts, leaderboard
from wellfit.views.metric_value import bounds, number, read_value, value_over_seeds
from wellfit.views.outcome import outcome_of
from wellfit.views.pairs import pairs

NAN = math.nan


def test_leaderboard_is_ordered_by_the_metric_in_its_own_direction() -> None:
    runs = study_runs(seeds=3)
    for metric, sign in (("val_loss", 1), ("val_accuracy", -1)):
        rows = leaderboard(make_result(runs, metric=metric))
        means = [sign * row.metric.mean for row in rows if row.metric is not None]
        assert means == sorted(means)
        assert [row.rank for row in rows] == list(range(1, 9))


def test_leaderboard_puts_an_arm_without_a_value_last() -> None:
    runs = [make_run("dead", seed, diverges_at=1) for seed in range(2)] + [make_run(seed=seed) for seed in range(2)]
    first, last = leaderboard(make_result(runs))
    assert (first.arm, last.arm, last.rank, last.metric) == ("plain", "dead", 0, None)
    assert last.diverged == 2
    assert last.contrast is not None
    assert math.isnan(last.contrast.difference)


def test_leaderboard_of_a_regression_and_of_an_interrupted_study_has_gaps() -> None:
    (row,) = leaderboard(make_result(untested([make_run(accuracy=False)]), status="interrupted"))
    assert row.accuracy is None
    assert row.test_loss is None
    assert row.test_accuracy is None
    assert row.metric is not None
    assert not row.metric.has_interval


def test_leaderboard_does_not_repeat_the_metric() -> None:
    assert leaderboard(make_result([make_run()], metric="val_accuracy"))[0].accuracy is None


def test_best_arm_is_the_named_one_or_the_best_mean() -> None:
    result, _, _ = make_study(seeds=2, epochs=12)
    means = {arm["name"]: arm["val_loss"]["mean"] for arm in result["arms"]}
    assert best_arm({**result, "best": {"arm": "l2"}}) == "l2"
    assert best_arm({**result, "best": None}) == min(means, key=lambda name: means[name])
    assert best_arm({"metric": "val_loss", "arms": []}) is None


def test_finding_texts_prefer_the_sentence() -> None:
    given = [{"name": "overfitting", "epoch": 9, "words": "It rose."}, {"name": "unconverged", "epoch": 30}, "noisy"]
    assert finding_texts(given) == ("It rose.", "unconverged (epoch 30)", "noisy")


def test_verdict_is_explained_by_its_own_words_or_by_its_findings() -> None:
    result = make_result([make_run()])
    assert leaderboard(result)[0].findings == (result["arms"][0]["words"],)
    del result["arms"][0]["words"]
    assert leaderboard(result)[0].findings == (result["arms"][0]["findings"][0]["words"],)


def test_forest_differences_are_those_of_the_records() -> None:
    result, runs, _ = make_study(seeds=4, epochs=12)
    values = {(run.arm, run.seed): run.value("val_loss") for run in runs}
    rows = forest(result, runs, metric="val_loss")
    assert len(rows) == 7
    for row in rows:
        expected = {seed: values[row.contrast.arm, seed] - values["plain", seed] for seed in range(4)}
        assert dict(row.differences) == pytest.approx(expected)
        assert row.contrast.difference == pytest.approx(sum(expected.values()) / 4)
    gains = [row.contrast.gain for row in rows]
    assert gains == sorted(gains, reverse=True)


def test_pairs_need_both_values() -> None:
    assert paired({0: 1.0, 1: 2.0, 2: NAN}, {0: 0.5, 2: 1.0, 3: 1.0}) == ((0, 0.5),)


def test_contrasts_of_one_seed_have_no_interval_and_no_outcome() -> None:
    (found,) = read_contrasts(make_result([make_run(), make_run("l2", chosen=("l2",))]), metric="val_loss")
    assert math.isfinite(found.difference)
    assert math.isnan(found.low)
    assert math.isnan(found.p)
    assert found.outcome == "unclear"


def test_gain_turns_loss_and_accuracy_the_same_way() -> None:
    result, _, _ = make_study(seeds=3, epochs=12)
    loss = {one.arm: one for one in read_contrasts(result, metric="val_loss")}
    accuracy = {one.arm: one for one in read_contrasts(result, metric="val_accuracy")}
    assert contrasted_metrics(result) == ("val_loss", "val_accuracy")
    for name, one in loss.items():
        assert one.gain == -one.difference
        assert one.gain_bounds == (-one.high, -one.low)
        assert accuracy[name].gain == accuracy[name].difference


@pytest.mark.parametrize(
    ("metric", "difference", "low", "high", "p_holm", "expected"),
    [
        ("val_loss", -0.02, -0.03, -0.01, 0.01, "better"),
        ("val_loss", 0.02, 0.01, 0.03, 0.01, "worse"),
        ("val_accuracy", 0.02, 0.01, 0.03, 0.01, "better"),
        ("val_accuracy", -0.02, -0.03, -0.01, 0.01, "worse"),
        ("val_loss", -0.02, -0.03, -0.01, 0.05, "unclear"),
        ("val_loss", -0.02, -0.05, 0.01, 0.01, "unclear"),
        ("val_loss", -0.02, NAN, NAN, 0.01, "unclear"),
        ("val_loss", -0.02, -0.03, -0.01, NAN, "unclear"),
        ("val_loss", NAN, NAN, NAN, NAN, "unclear"),
    ],
)
def test_outcome(metric: str, difference: float, low: float, high: float, p_holm: float, expected: str) -> None:
    assert outcome_of(metric, difference, low, high, p_holm) == expected


def test_pair_table_has_the_control_first_and_holes_where_runs_are_missing() -> None:
    runs = [make_run("l2", 0, chosen=("l2",)), make_run("plain", 0), make_run("plain", 1)]
    table = pairs(runs, metric="val_loss", control="plain")
    assert table.seeds == (0, 1)
    control, other = table.rows
    assert control.arm == "plain"
    assert control.differences == (0.0, 0.0)
    assert other.differences[0] == runs[0].value("val_loss") - runs[1].value("val_loss")
    assert math.isnan(other.values[1])


def test_gap_is_taken_at_the_best_and_at_the_last_epoch() -> None:
    runs = [make_run(seed=seed) for seed in range(3)]
    (row,) = gaps(runs)
    assert row.best.values == tuple(run.curves[run.best_epoch - 1].gap for run in runs)
    assert row.last.values == tuple(run.curves[-1].gap for run in runs)
    assert row.last.mean > row.best.mean


def test_gap_of_a_diverged_run_is_missing_not_zero() -> None:
    (row,) = gaps([make_run("hot", 0, diverges_at=1)])
    assert math.isnan(row.best.mean)
    assert row.best.count == 0


def test_metric_blocks_may_be_null_or_hold_nulls() -> None:
    assert read_value(None) is None
    assert read_value({"values": [None], "mean": None, "ci95": None}) is None
    found = read_value({"values": [0.2, None], "mean": 0.2, "ci95": None})
    assert found is not None
    assert found.count == 1
    assert not found.has_interval


def test_numbers_and_bounds_take_what_json_holds() -> None:
    assert number(3) == 3.0
    assert all(math.isnan(number(value)) for value in (None, True, "3", math.inf, NAN))
    assert bounds([2.0, 1.0]) == (1.0, 2.0)
    assert all(math.isnan(bound) for bad in (None, "ab", [1.0]) for bound in bounds(bad))


def test_value_over_no_seeds() -> None:
    assert math.isnan(value_over_seeds([NAN, NAN]).mean)
