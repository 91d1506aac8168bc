"""The page's facts about how a study was computed: words, and a line for each plan that was tried."""

from __future__ import annotations

from typing import Any

import pytest

from wellfit.report.facts import plan_facts

PLAN: dict[str, Any] = {"width": None, "workers": 2, "threads": 1, "precision": "bf16", "channels_last": False}


def test_a_line_for_each_plan() -> None:
    trials = [PLAN | {"how": None, "seconds_per_step": [0.002, 0.004, 0.003]}]
    trials.append(PLAN | {"how": "stacked", "width": 16, "seconds_per_step": [None]})
    about = {"members": 6, "epochs": 1, "how": "stacked", "source": "measured", "agreement": "losses agree"}
    assert plan_facts({"populations": [PLAN | about | {"trials": trials}]}) == [
        ("6 members, 1 epoch", "stacked, 2 workers of 1 thread, bf16 (measured)"),
        ("tried", "3 ms a step and member: by rule, 2 workers of 1 thread, bf16"),
        ("tried", "out of memory: stacked, 16 together, 2 workers of 1 thread, bf16"),
        ("bf16", "losses agree"),
    ]


@pytest.mark.parametrize("plan", [None, {}, {"populations": []}])
def test_without_a_plan_there_is_nothing(plan: dict[str, Any] | None) -> None:
    assert plan_facts(plan) == []


def test_a_result_from_before_there_were_plans() -> None:
    before = {"populations": [{"members": 40, "epochs": 30, "how": "stacked"}]}
    assert plan_facts(before) == [("40 members, 30 epochs", "stacked, 1 worker of 1 thread, fp32 (by rule)")]
