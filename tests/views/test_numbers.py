"""Numbers as people read them, and recipes as they differ."""

from __future__ import annotations

import math

import pytest

from wellfit.views.changes import ABSENT, Change, changes, flatten
from wellfit.views.numbers import (
    MISSING,
    bounds_text,
    count_text,
    decimals,
    difference_text,
    duration_text,
    interval_text,
    listing,
    p_text,
    plain,
    range_text,
    share_text,
    short_text,
    shown_decimals,
    value_text,
)


@pytest.mark.parametrize(("width", "expected"), [(0.0042, 3), (0.013, 3), (0.03, 2), (0.29, 2), (4.2, 0), (1200.0, 0)])
def test_decimals_follow_the_half_width(width: float, expected: int) -> None:
    assert decimals([width]) == expected
    assert round(width, expected) == pytest.approx(width, rel=1 / 6)


def test_decimals_of_a_column_are_those_of_its_median() -> None:
    assert decimals([0.001, 0.02, 0.02, 0.02, 9.0, math.nan, 0.0]) == 3
    assert decimals([], fallback=2) == 2
    assert shown_decimals("val_accuracy", [0.004]) == 1


def test_signs_are_true_minus_and_zero_has_none() -> None:
    assert plain(-0.0213, 3) == "\N{MINUS SIGN}0.021"
    assert plain(0.0213, 3, signed=True) == "+0.021"
    assert plain(-0.0001, 3, signed=True) == "0.000"
    assert plain(math.nan, 3) == MISSING


def test_accuracies_are_percent_and_differ_in_points() -> None:
    assert value_text("val_accuracy", 0.9123) == "91.2 %"
    assert value_text("val_loss", 0.35214) == "0.352"
    assert difference_text("val_accuracy", -0.0083) == "\N{MINUS SIGN}0.83"
    assert interval_text("test_accuracy", 0.901, 0.912, places=1) == "[90.1, 91.2]"
    assert interval_text("val_loss", math.nan, 0.3, places=1) == ""


def test_an_accuracy_ends_at_100_percent_but_a_difference_or_a_loss_does_not() -> None:
    assert bounds_text("val_accuracy", 0.99, 1.004, places=1) == "[99.0, 100.0]"
    assert bounds_text("val_loss", -0.01, 1.5, places=2) == "[\N{MINUS SIGN}0.01, 1.50]"
    assert bounds_text("val_accuracy", math.nan, math.nan, places=1) == ""


@pytest.mark.parametrize(
    ("p", "text"), [(0.0004, "< 0.001"), (0.0031, "0.003"), (0.0496, "0.050"), (0.21, "0.21"), (math.nan, MISSING)]
)
def test_p(p: float, text: str) -> None:
    assert p_text(p) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.84, "0.8 s"), (48.2, "48 s"), (192, "3 min 12 s"), (3599.7, "1 h 00 min"), (7500, "2 h 05 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_counts_and_ranges() -> None:
    assert count_text(1, "seed") == "1 seed"
    assert count_text(5, "seed") == "5 seeds"
    assert range_text([30, 30]) == "30"
    assert range_text([30, 12]) == "12 to 30"
    assert range_text([]) == MISSING


def test_changes_name_added_changed_and_removed_keys() -> None:
    base = {"lr": 0.1, "model": {"hidden": [8]}, "regularizers": {}, "limit": None}
    arm = {"lr": 0.2, "model": {"hidden": [8]}, "regularizers": {"dropout": {"rate": 0.4}, "batchnorm": {}}}
    assert changes(base, arm) == (
        Change("lr", 0.1, 0.2),
        Change("limit", None, ABSENT),
        Change("regularizers.dropout.rate", ABSENT, 0.4),
        Change("regularizers.batchnorm", ABSENT, {}),
    )
    assert changes(base, base) == ()


def test_flatten_keeps_empty_mappings() -> None:
    assert flatten({"a": {"b": {"c": 1}}, "d": {}}) == {"a.b.c": 1, "d": {}}


def test_numbers_of_any_size() -> None:
    minus = "\N{MINUS SIGN}"
    assert [short_text(value) for value in (0.0, 0.00192, 0.25432, 2.35, 190.2, 9999.0)] == [
        "0",
        "0.00192",
        "0.254",
        "2.35",
        "190",
        "9999",
    ]
    assert [short_text(value) for value in (-0.0745, 1.21e-8, -26000.0)] == [
        f"{minus}0.0745",
        f"1.2e{minus}08",
        f"{minus}2.6e+04",
    ]
    assert short_text(math.inf) == short_text(math.nan) == MISSING


def test_shares_never_round_to_none_or_all() -> None:
    found = [share_text(share) for share in (0.0, 1e-9, 0.0156, 0.994, 0.999, 1.0, math.nan)]
    assert found == ["0 %", "< 1 %", "2 %", "99 %", "> 99 %", "100 %", MISSING]


def test_listings() -> None:
    assert [listing(list("abc")[:count]) for count in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert listing(list("abcde"), most=4) == "a, b, c and 2 more"
