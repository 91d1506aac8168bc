"""Which plan is taken, by times that are given here: nothing is timed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.support import CPU, member, replicates, tiny_images
from wellfit.train import measure
from wellfit.train.measure import CLEARLY, LEAST_BUDGET, ROUNDS, SHARE, Bench, Measured, _Search, find_plan
from wellfit.train.plan import Plan

RULE = Plan(workers=2, threads=1)
OTHER = Plan(workers=1, threads=2)


class Clock:
    """Goes on by what each trial takes."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


class FakeBench:
    """Answers with what ``pace`` says of a plan in its nth trial, and takes ``cost`` seconds for it."""

    def __init__(self, clock: Clock, pace: Callable[[Plan, int], float], cost: float = 0.1) -> None:
        self.clock, self.pace, self.cost = clock, pace, cost
        self.tried: list[Plan] = []
        self.members, self.device = [member(str(i)) for i in range(40)], CPU

    def seconds(self, plan: Plan) -> float:
        self.clock.now += self.cost
        self.tried.append(plan)
        return self.pace(plan, self.tried.count(plan) - 1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(measure, "time", made)
    return made


def search(bench: FakeBench, asked: Callable[[Plan], Plan] = lambda plan: plan, budget: float = math.inf) -> _Search:
    made = _Search(bench, RULE, asked)  # type: ignore[arg-type]
    made.first()
    made.budget = budget
    return made


@pytest.mark.parametrize(("ratio", "taken"), [(CLEARLY - 0.01, True), (CLEARLY + 0.01, False), (1.5, False)])
def test_what_is_clearly_faster_is_taken(clock: Clock, ratio: float, taken: bool) -> None:
    made = search(FakeBench(clock, lambda plan, _: ratio if plan == OTHER else 1.0))
    assert made.ask([OTHER]) is taken
    assert made.best == (OTHER if taken else RULE)


def test_the_fastest_of_several_is_taken(clock: Clock) -> None:
    plans = [replace(RULE, width=width) for width in (1, 2, 4)]
    made = search(FakeBench(clock, lambda plan, _: {1: 0.9, 2: 0.5, 4: 0.7}.get(plan.width, 1.0)))
    assert made.ask(plans)
    assert made.best.width == 2


def test_a_machine_that_is_slow_for_a_round_decides_nothing(clock: Clock) -> None:
    """The round is slow for both; a plan that is faster beside the best in every round is faster."""
    # of the rule's plan the first trial came before the rounds
    slow = {RULE: 2, OTHER: 1}
    made = search(FakeBench(clock, lambda plan, n: (0.8 if plan == OTHER else 1.0) * (10 if n == slow[plan] else 1)))
    assert made.ask([OTHER])


def test_a_plan_that_is_slower_in_a_round_is_not_taken(clock: Clock) -> None:
    made = search(FakeBench(clock, lambda plan, trial: (1.1 if trial == 1 else 0.5) if plan == OTHER else 1.0))
    assert not made.ask([OTHER])
    assert made.best == RULE


def test_what_runs_out_of_memory_is_left_for_what_does_not(clock: Clock) -> None:
    """Also where another candidate runs out of it too."""
    plans = [replace(RULE, width=width) for width in (64, 4)]
    made = search(FakeBench(clock, lambda plan, _: 1.0 if plan.width == 4 else math.inf))
    assert made.ask(plans)
    assert made.best.width == 4
    assert not made.ask([replace(RULE, width=128)])


def test_the_budget_is_kept(clock: Clock) -> None:
    bench = FakeBench(clock, lambda plan, _: 1.0, cost=1.0)
    made = search(bench, budget=2 * ROUNDS + 1)
    assert not made.ask([OTHER])  # all of it is spent on this
    assert len(bench.tried) == 1 + 2 * ROUNDS
    assert not made.ask([replace(OTHER, width=4)])
    assert len(bench.tried) == 1 + 2 * ROUNDS
    assert clock.now <= made.budget


def test_nothing_is_tried_twice(clock: Clock) -> None:
    bench = FakeBench(clock, lambda plan, _: 1.0)
    made = search(bench, asked=lambda plan: replace(plan, workers=2, threads=1))
    assert not made.ask([OTHER, RULE])  # what was asked for makes both the same
    assert len(bench.tried) == 1


def found(
    monkeypatch: pytest.MonkeyPatch,
    pace: Callable[[Plan], float],
    *,
    epochs: int = 10,
    cost: float = 0.01,
    **given: Any,
) -> tuple[Measured, list[Plan]]:
    """Let ``find_plan`` look for a plan for 40 members, on four cores."""
    clock, tried = Clock(), []
    monkeypatch.setattr(measure, "time", clock)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)

    def seconds(self: Bench, plan: Plan) -> float:
        clock.now += cost
        tried.append(plan)
        return pace(plan)

    monkeypatch.setattr(Bench, "seconds", seconds)
    members = [member(str(i), epochs=epochs) for i in range(40)]
    return find_plan(members, replicates(tiny_images(), members), CPU, **given), tried


def test_a_short_training_is_not_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 40 members, 10 epochs and 7 steps: 2 800 steps."""
    answer, tried = found(monkeypatch, lambda plan: 1.7e-3)
    assert answer.total == pytest.approx(4.76)
    assert len(tried) == len(answer.trials) == 1
    assert answer.plan == tried[0] == Plan(workers=4, threads=1)
    assert len(found(monkeypatch, lambda plan: 1.9e-3)[1]) > 1
    assert len(found(monkeypatch, lambda plan: 1.7e-3, least=0.0)[1]) > 1


@pytest.mark.parametrize("pace", [1.9e-3, 0.1, 1.0])
@pytest.mark.parametrize("cost", [0.06, 1.0])
def test_a_share_of_the_training_is_spent(monkeypatch: pytest.MonkeyPatch, pace: float, cost: float) -> None:
    answer, tried = found(monkeypatch, lambda plan: pace, cost=cost)
    assert len(tried) * cost <= max(cost, LEAST_BUDGET, SHARE * answer.total) + 1e-9


def test_workers_and_width_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    answer, tried = found(monkeypatch, lambda plan: 0.2 if (plan.workers, plan.width) == (1, 4) else 0.5 + plan.workers)
    assert (answer.plan.workers, answer.plan.width) == (1, 4)
    assert answer.trials[0].plan == Plan(workers=4, threads=1)
    assert set(tried) == {trial.plan for trial in answer.trials}
    assert {plan.precision for plan in tried} == {"fp32"}


def test_what_is_asked_for_is_not_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"workers": 3, "width": 2, "how": "one by one"}
    answer, tried = found(
        monkeypatch, lambda plan: 1.0 / plan.threads, asked=lambda plan: replace(plan, **asked), bf16=True
    )
    assert all((plan.workers, plan.width, plan.how) == (3, 2, "one by one") for plan in [*tried, answer.plan])
    assert answer.plan.threads == 4


@pytest.mark.parametrize(("apart", "agrees"), [(0.0, True), (1.0, False)])
def test_bf16_is_taken_where_it_is_faster_and_agrees(
    monkeypatch: pytest.MonkeyPatch, apart: float, agrees: bool
) -> None:
    monkeypatch.setattr(measure, "has_bf16", lambda device: True)
    losses = 1 + 0.1 * torch.randn(16, 2, generator=torch.Generator().manual_seed(0))

    def of_plan(self: Bench, plan: Plan, precision: str) -> Tensor:
        return losses + (apart if precision == "bf16" else 0)

    monkeypatch.setattr(Bench, "losses", of_plan)
    answer, _ = found(monkeypatch, lambda plan: 0.3 if plan.precision == "bf16" else 1.0, bf16=True)
    assert answer.plan.precision == ("bf16" if agrees else "fp32")
    assert answer.agreement is not None
    assert answer.agreement.agrees is agrees
    slower, tried = found(monkeypatch, lambda plan: 1.2 if plan.precision == "bf16" else 1.0, bf16=True)
    assert (slower.plan.precision, slower.agreement) == ("fp32", None)
    assert "bf16" in {plan.precision for plan in tried}
    assert found(monkeypatch, lambda plan: 1.0, bf16=False)[0].agreement is None


def test_a_bench_tries_and_probes_for_real(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wellfit.train.products.LARGE", 0)
    monkeypatch.setattr(measure, "TRIAL_SECONDS", 1e-9)
    members = [member(str(i), seed) for i in range(2) for seed in (0, 1)]
    before = replicates(tiny_images(), members)
    bench = Bench(members, before, CPU)
    assert 0 < bench.seconds(Plan(workers=2, threads=1)) < math.inf
    exact, half = bench.losses(Plan(threads=1), "fp32"), bench.losses(Plan(threads=1), "bf16")
    assert exact.shape == half.shape == (7, 4)  # a probe has an epoch's steps at most
    assert torch.equal(exact, bench.losses(Plan(threads=1), "fp32"))
    assert 0 < float((exact - half).abs().max()) < 0.02


def test_memory_that_runs_out_takes_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    members = [member()]
    bench = Bench(members, replicates(tiny_images(), members), CPU)

    def greedy(*given: Any) -> Any:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(measure, "make_shards", lambda *given: SimpleNamespace(pace=greedy, close=lambda: None))
    assert bench.seconds(RULE) == math.inf
