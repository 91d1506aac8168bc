"""Advice: what does nothing, and in which arms."""

from __future__ import annotations

from wellfit.views.advice import Advice, advice

ARMS = [{"name": name} for name in ("plain", "l2", "dropout")]


def test_advice_names_its_arms() -> None:
    raw = [{"words": "l2 does little", "arms": ["l2"]}, {"words": "all", "arms": ["plain", "l2", "dropout"]}]
    raw.append({"words": "two", "arms": ["l2", "dropout"]})
    assert advice({"arms": ARMS, "advice": raw}) == (
        Advice("l2 does little", "l2"),
        Advice("all", "all arms"),
        Advice("two", "l2 and dropout"),
    )


def test_a_single_arm_is_named() -> None:
    assert advice({"arms": ARMS[:1], "advice": [{"words": "w", "arms": ["plain"]}]}) == (Advice("w", "plain"),)


def test_older_results_have_none() -> None:
    assert advice({"arms": ARMS}) == ()
