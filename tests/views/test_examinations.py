"""Examinations in words: what was found, in the units people read, and no more than was found."""

from __future__ import annotations

import math
from typing import Any

import pytest

from wellfit.views import learning_curve as curve
from wellfit.views import random_labels as labels


def size(samples: int, values: list[float], train: float, **changes: Any) -> dict[str, Any]:
    mean = sum(values) / len(values)
    block = {"values": values, "mean": mean, "ci95": [mean - 0.01, mean + 0.01]}
    accuracy = {"values": [1 - value for value in values], "mean": 1 - mean, "ci95": None}
    own: dict[str, Any] = {"samples": samples, "share": samples / 1000, "error": block, "val_loss": block}
    own |= {"train_loss": {"values": [train], "mean": train, "ci95": None}, "val_accuracy": accuracy}
    return (
        own | {"train_accuracy": {"values": [1], "mean": 1 - train, "ci95": None}, "late": 0, "epochs": [9]} | changes
    )


def result(**changes: Any) -> dict[str, Any]:
    forecasts = [
        {"times": 2.0, "samples": 2000, "error": 0.0834, "ci95": [0.0751, 0.0904]},
        {"times": 4.0, "samples": 4000, "error": 0.0751, "ci95": [0.0651, 0.0852]},
    ]
    made: dict[str, Any] = {
        "metric": "val_loss",
        "data": {"name": "digits"},
        "seeds": [0, 1],
        "sizes": [size(100, [0.3, 0.32], 0.01), size(1000, [0.093, 0.095], 0.05)],
        "forecasts": forecasts,
        "law": {"a": 0.07, "b": 0.5, "c": 0.02, "scale": 1000},
        "halving": {"times": 3.1, "ci95": [2.4, 5.0]},
        "last_step": {"change": -0.69, "ci95": [-0.75, -0.6]},
        "no_forecast": None,
        "diverged": 0,
        "recipe": {"epochs": 9, "optimizer": {"kind": "adam", "lr": 0.002}},
    }
    return made | changes


def test_a_forecast_in_words() -> None:
    said = curve.headline(result())
    assert said == "Twice the train data (2,000) would give a val_loss of about 0.083 [0.075, 0.090] (now 0.094)."
    rest = " ".join(curve.sentences(result()))
    assert "about 3.1x the data [2.4x, 5.0x]" in rest
    assert "shrinks from 0.30 at 100 samples to 0.044 at 1,000" in rest
    assert "changed by \N{MINUS SIGN}69 %" in rest


def test_errors_of_accuracies_are_in_percent() -> None:
    said = curve.headline(result(metric="val_accuracy"))
    assert "a validation error of about 8.3 % [7.5, 9.0] (now 9.4 %)" in said
    rows = curve.cells(result(metric="val_accuracy"))
    assert [row.error for row in rows] == ["31.0 %", "9.4 %", "8.3 %", "7.5 %"]
    assert [row.is_forecast for row in rows] == [False, False, True, True]


@pytest.mark.parametrize(
    ("halving", "words"),
    [
        ({"times": math.inf, "ci95": [5.0, math.inf]}, "more than 100x the data, at least 5.0x"),
        ({"times": None, "ci95": [None, None]}, "more than 100x the data, or"),
        ({"times": 12.3, "ci95": [7.0, None]}, "about 12x the data [7.0x, more than 100x]"),
    ],
)
def test_halving(halving: dict[str, Any], words: str) -> None:
    assert words in " ".join(curve.sentences(result(halving=halving)))


def test_no_forecast_says_why_and_doubts_are_named() -> None:
    sizes = [size(100, [0.3, 0.32], 0.01), size(1000, [0.3, 0.31], 0.3, late=2)]
    found = result(no_forecast={"reason": "flat", "words": "it is flat"}, forecasts=[], sizes=sizes, diverged=1)
    assert curve.headline(found) == "No forecast: it is flat."
    said = " ".join(curve.sentences(found))
    assert "2 of 2 runs had the best epoch" in said
    assert "1 run diverged" in said


def block(reached: list[int | None], share: list[float]) -> dict[str, Any]:
    return {
        "reached": reached,
        "share": share,
        "best": share,
        "val_loss": [2.0] * len(share),
        "val_accuracy": [0.1] * len(share),
    }


def test_memorized() -> None:
    random = case("memorizes", "reached", [46, 50], [1.0, 1.0])
    assert labels.headline(random) == (
        "It memorizes 1,437 random labels (100 % after 46 to 50 epochs): its capacity cannot keep it from overfitting, "
        "only regularization or data can."
    )
    assert "True labels took 5 epochs: random ones 9.6 times as many" in " ".join(labels.sentences(random))


def test_random_labels_as_fast_as_true_ones_save_nothing() -> None:
    said = " ".join(labels.sentences(case("memorizes", "reached", [4, 3], [1.0, 1.0])))
    assert "random ones 0.7 times as many, so that structure in the data saves little here" in said


def case(verdict: str, reason: str, reached: list[int | None], share: list[float], **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "verdict": verdict,
        "reason": reason,
        "data": {"name": "digits", "train": 1437, "validation": 360, "chance_accuracy": 0.1},
        "labels": {"random": block(reached, share), "true": block([5, 5], [1.0, 1.0])},
        "measure": "train_accuracy",
        "lr": 0.01,
        "epochs": 100,
        "epochs_run": 100,
        "seeds": [0, 1],
    }
    return made | changes


def test_what_cannot_and_what_is_unclear() -> None:
    assert "It cannot memorize 1,437 random labels (61 %" in labels.headline(
        case("cannot", "rest", [None, None], [0.61, 0.61])
    )
    for reason, words in (
        ("diverged", "optimizer.lr=0.001"),
        ("not_learning", "learning rate"),
        ("jumps", "optimizer.lr=0.001"),
        ("epochs", "--epochs 1000"),
    ):
        said = labels.headline(case("unclear", reason, [None, None], [0.61, 0.61]))
        assert said.startswith("Unclear")
        assert words in said


def test_some_seeds_memorize() -> None:
    said = labels.headline(case("memorizes", "some", [46, None], [1.0, 0.5]))
    assert "with 1 of 2 seeds (100 % after 46 epochs)" in said


def test_more_than_chance_on_validation_is_a_leak() -> None:
    found = case("memorizes", "reached", [46, 50], [1.0, 1.0])
    found["labels"]["random"]["val_accuracy"] = [0.5, 0.5]
    assert "duplicates and leaks" in " ".join(labels.sentences(found))
