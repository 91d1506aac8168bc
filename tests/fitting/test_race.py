"""Choices on validation, against scipy and by cases that can be seen."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from wellfit.fitting.race import chosen, gain, holm_of, likely_gain, looks, standing, to_combine

PLAIN = [-1.0, -1.1, -0.9, -1.05, -0.95]
GOOD = [-0.5, -0.62, -0.41, -0.5, -0.47]
FAIR = [-0.8, -0.92, -0.73, -0.83, -0.77]
WILD = [0.9, -3.0, -0.9, 1.5, -0.6]
NAN = math.nan


def test_looks_see_every_seed_once() -> None:
    assert looks(range(5)) == [(0, 1, 2), (3, 4)]
    assert looks([4, 7, 9]) == [(4, 7, 9)]
    assert looks([0]) == [(0,)]


def test_the_gain_is_scipys_paired_t() -> None:
    found = gain(GOOD, PLAIN)
    expected = stats.ttest_rel(GOOD, PLAIN, alternative="greater")
    assert found.p == pytest.approx(expected.pvalue)
    assert gain(PLAIN, GOOD).p == pytest.approx(1 - expected.pvalue)
    assert found.ci95 is not None
    assert list(found.ci95) == pytest.approx(list(stats.ttest_rel(GOOD, PLAIN).confidence_interval()))
    assert holm_of({"a": found, "b": gain(WILD, PLAIN)})["a"] == pytest.approx(2 * 2 * expected.pvalue)


def test_the_best_that_is_surely_better_is_taken() -> None:
    values = {"plain": PLAIN, "fair": FAIR, "good": GOOD, "wild": WILD}
    assert standing(values)[0] == "wild"  # the best mean, by luck
    assert chosen(values, "plain", floor=-math.inf) == "good"
    assert chosen(values, "plain", floor=-0.4) is None  # no better than guessing
    assert chosen({"plain": PLAIN, "wild": WILD}, "plain", floor=-math.inf) is None
    assert chosen({"plain": PLAIN}, "plain", floor=-math.inf) is None


def test_a_combination_must_add_to_the_best_single_change() -> None:
    better = [value + 0.1 for value in GOOD]
    same = [value + (-1) ** at * 0.02 for at, value in enumerate(GOOD)]
    values = {"plain": PLAIN, "good": GOOD, "both": better}
    assert chosen(values, "plain", floor=-math.inf, together={"both"}) == "both"
    values["both"] = same  # by a hair, and by luck
    assert standing(values)[0] == "both"
    assert chosen(values, "plain", floor=-math.inf) == "both"
    assert chosen(values, "plain", floor=-math.inf, together={"both"}) == "good"


def test_a_diverged_seed_keeps_an_arm_from_being_taken() -> None:
    values = {"plain": PLAIN, "good": [*GOOD[:4], NAN]}
    assert chosen(values, "plain", floor=-math.inf) is None
    assert standing(values) == ["plain", "good"]


def test_a_control_that_diverged_is_beaten_by_whatever_did_not() -> None:
    values = {"plain": [NAN] * 5, "good": GOOD, "worse": [*GOOD[:4], NAN]}
    assert chosen(values, "plain", floor=-math.inf) == "good"
    assert chosen(values, "plain", floor=-0.4) is None  # no better than guessing
    assert likely_gain(GOOD, [NAN] * 5) is None


@pytest.mark.parametrize(("arm", "taken"), [([2.0, 2.1], "arm"), ([2.0, 0.9], None)])
def test_of_two_seeds_both_must_be_better(arm: list[float], taken: str | None) -> None:
    assert chosen({"plain": [1.0, 1.0], "arm": arm}, "plain", floor=-math.inf) == taken


def test_winners_combine_where_their_fields_do_not_collide() -> None:
    gains = {"good": 0.5, "fair": 0.2, "twin": 0.1}
    fields = {"good": ["lr"], "fair": ["dropout"], "twin": ["lr"], "bad": ["l2"]}
    assert to_combine(gains, fields) == [("good", "fair")]
    fields["twin"] = ["epochs"]
    assert to_combine(gains, fields) == [("good", "fair", "twin"), ("good", "fair"), ("good", "twin")]
    assert to_combine({"good": 0.5}, fields) == []


def test_what_likely_gains() -> None:
    assert likely_gain(GOOD, PLAIN) == pytest.approx(0.5)
    assert likely_gain(WILD, PLAIN) is None
    assert likely_gain(PLAIN, GOOD) is None
    assert likely_gain([*GOOD[:4], NAN], PLAIN) is None
