"""The paragraph of a fit."""

from __future__ import annotations

from typing import Any

import pytest

from wellfit.fitting.race import OUT_OF_TIME
from wellfit.fitting.words import words_of

LOSS = {"values": [0.6], "mean": 0.6, "ci95": None}
PLAIN = {"arm": "plain", "verdict": "overfit", "test_loss": LOSS, "test_accuracy": None}
REMEDY = {"arm": "l2", "outcome": "NO GAIN"}
ROUND = {"verdict": "overfit", "remedies": [REMEDY]}


def block(**changes: Any) -> dict[str, Any]:
    final = {**PLAIN, "gain": None}
    return {"rounds": [ROUND], "baseline": PLAIN, "final": final, "ended": "nothing helped"} | changes


def taken(difference: float, low: float, high: float) -> dict[str, Any]:
    gain = {"difference": difference, "ci95": [low, high]}
    return {**PLAIN, "arm": "l2", "verdict": "well-fit", "test_loss": {**LOSS, "mean": 0.5}, "gain": gain}


def test_nothing_helped() -> None:
    words = words_of(block(), "val_loss")
    assert words.startswith("The baseline is overfit, with a test loss of 0.6. Nothing helped: 1 change was tried")
    assert "the baseline is the model" in words


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        ((0.1, 0.05, 0.15), "a gain of 0.1 [0.05, 0.15] on the sealed test set, which no choice has seen. It is well-"),
        ((0.1, -0.05, 0.25), "within chance, though validation had spoken for it."),
        ((-0.1, -0.15, -0.05), "a loss, though validation had spoken for it."),
    ],
)
def test_a_gain_stands_with_its_interval(gain: tuple[float, float, float], said: str) -> None:
    words = words_of(block(final=taken(*gain), ended="well-fit"), "val_loss")
    assert "on validation 'l2' came out best: a test loss of 0.5." in words
    assert said in words


def test_a_baseline_without_a_model() -> None:
    gone = {**PLAIN, "verdict": "diverged", "test_loss": None}
    words = words_of(block(baseline=gone, rounds=[{**ROUND, "verdict": "diverged"}]), "val_loss")
    assert words.startswith("The baseline diverged, and there is no model of it. Nothing helped")
    assert words.endswith("there is no model.")


def test_the_budget_is_named_as_the_reason() -> None:
    assert "larger --budget" in words_of(block(rounds=[], ended="budget"), "val_loss")
    words = words_of(block(final=taken(0.1, 0.05, 0.15), ended="budget"), "val_loss")
    assert words.endswith(
        "no choice has seen. It is well-fit. The budget ended it: a fit begun anew with more time could try more."
    )
    late = {**ROUND, "remedies": [{**REMEDY, "left": {"look": 1, "why": OUT_OF_TIME}}]}
    words = words_of(block(rounds=[late], ended="budget"), "val_loss")
    assert "1 change was tried in 1 round, but the time did not suffice for all seeds of any" in words
    assert "Nothing helped" not in words
    assert "worth trying" in words_of(block(rounds=[], ended="well-fit"), "val_loss")


def test_a_simple_model_that_does_better_is_named() -> None:
    simple = {"kind": "logistic regression", "val_loss": 0.045}
    final = {**taken(0.1, 0.05, 0.15), "val_loss": {**LOSS, "mean": 0.06}}
    said = "A simple model does better: logistic regression reaches a loss of 0.045 on validation against 0.06."
    assert said in words_of(block(final=final, simple=simple), "val_loss")
    final["val_loss"] = {**LOSS, "mean": 0.04}
    assert "simple model" not in words_of(block(final=final, simple=simple), "val_loss")
