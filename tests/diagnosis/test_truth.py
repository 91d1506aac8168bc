"""The rules that name the truth of labelled runs, on cases made by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from benchmarks.labelled.truth import Oracle, divergence, end_of, shares, smoothed, verdict_of

GOOD = Oracle(
    chance=2.0,
    reachable=1.0,
    heldout_end=1.02,
    heldout_best=1.02,
    longer_best=1.01,
    calm_best=1.0,
    train_end=0.9,
    train_best=0.9,
    train_longer=0.85,
)
CASES = {
    "well-fit": GOOD,
    "overfit by an earlier epoch": replace(GOOD, heldout_end=1.5, heldout_best=1.1, longer_best=1.5, train_end=0.1),
    "overfit by a gap that others avoid": replace(
        GOOD, heldout_end=1.4, heldout_best=1.4, longer_best=1.38, train_end=0.1, train_longer=0.0
    ),
    "underfit": replace(
        GOOD, heldout_end=1.6, heldout_best=1.6, longer_best=1.58, train_end=1.55, train_best=1.55, train_longer=1.53
    ),
    "unconverged": replace(
        GOOD, heldout_end=1.6, heldout_best=1.6, longer_best=1.05, train_end=1.5, train_best=1.5, train_longer=0.9
    ),
    "diverged, to nan": replace(GOOD, heldout_end=math.nan, finite=False),
    "diverged, far above guessing": replace(GOOD, heldout_end=9.0, train_end=8.0, train_best=1.9),
    "diverged, all was lost again": replace(GOOD, heldout_end=2.0, train_end=2.0, train_best=0.9),
}


@pytest.mark.parametrize("name", CASES)
def test_plain_cases_are_named_and_clear(name: str) -> None:
    assert verdict_of(CASES[name]) == (name.split(",")[0].split(" by")[0], True)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_the_unit_of_the_loss_does_not_matter(name: str, factor: float) -> None:
    one = CASES[name]
    losses = {field: getattr(one, field) * factor for field in one.__dataclass_fields__ if field != "finite"}
    assert verdict_of(replace(one, **losses)) == verdict_of(one)


def test_a_regret_between_five_and_ten_percent_is_not_clear() -> None:
    border = replace(GOOD, heldout_end=1.08, heldout_best=1.01, longer_best=1.08, train_end=0.5)
    assert verdict_of(border) == ("overfit", False)


def test_two_causes_of_alike_size_are_not_clear() -> None:
    both = replace(
        GOOD, heldout_end=1.6, heldout_best=1.6, longer_best=1.3, train_end=1.45, train_best=1.45, train_longer=1.27
    )
    parts = shares(both)
    assert parts["time"] == pytest.approx(0.5)
    assert parts["fit"] == pytest.approx(0.45)
    assert not verdict_of(both)[1]


def test_a_gap_that_no_calmer_training_avoids_is_not_overfitting() -> None:
    data = replace(GOOD, heldout_end=1.4, heldout_best=1.4, longer_best=1.4, calm_best=1.4, train_end=0.1)
    assert shares(data)["gap"] == 0
    assert not verdict_of(data)[1]


def test_a_train_loss_near_guessing_that_never_won_anything_has_not_diverged() -> None:
    stuck = replace(
        GOOD, heldout_end=2.0, heldout_best=2.0, longer_best=2.0, train_end=1.99, train_best=1.98, train_longer=1.98
    )
    assert divergence(stuck) == (False, True)
    assert verdict_of(stuck) == ("underfit", True)


def test_curves_are_averaged() -> None:
    assert smoothed([1.0, 2.0, 6.0]).tolist() == [1.5, 3.0, 4.0]
    assert end_of([9.0] * 18 + [1.0, 3.0]) == 2.0
    assert end_of([5.0, 1.0, 3.0]) == 2.0
