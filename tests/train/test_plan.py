"""A plan in words and as values, and what is chosen by rule."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import nn

from tests.support import CPU, member, replicates, tiny_images, train
from wellfit.errors import RecipeError
from wellfit.recipe_file import parse_study
from wellfit.train.choose import WORTH_THREADS, choose_network, choose_way, default_plan, ways
from wellfit.train.events import MemberFinished
from wellfit.train.fit import fit
from wellfit.train.plan import Plan
from wellfit.train.sites import find_sites

PLANS = [
    Plan(),
    Plan("stacked", threads=1),
    Plan("one by one", width=4, workers=2, threads=1, precision="bf16", channels_last=True),
    Plan("vmap", workers=3, threads=1, processes=True),
]


@pytest.mark.parametrize("plan", PLANS)
def test_it_is_the_same_after_a_file(plan: Plan) -> None:
    assert Plan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


def test_in_words() -> None:
    assert str(PLANS[1]) == "stacked, 1 worker of 1 thread, fp32"
    assert str(PLANS[2]) == "one by one, 4 together, 2 workers of 1 thread, bf16, channels last"
    assert str(PLANS[3]) == "vmap, 3 processes of 1 thread, fp32"


MLP = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 3))
CNN = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3))


@pytest.fixture
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)


@pytest.mark.usefixtures("four_cores")
def test_by_rule_a_worker_for_each_core() -> None:
    members = [member(str(i)) for i in range(6)]
    plan = default_plan(members, MLP, shape=(1, 6, 6), device=CPU)
    assert (plan.workers, plan.threads, plan.how, plan.precision) == (4, 1, None, "fp32")
    assert default_plan(members[:3], MLP, shape=(1, 6, 6), device=CPU).workers == 3


@pytest.mark.usefixtures("four_cores")
def test_by_rule_a_member_alone_has_all_threads_where_that_pays() -> None:
    wide = nn.Sequential(nn.Flatten(), nn.Linear(36, WORTH_THREADS // 16 // 36 + 1), nn.ReLU())
    found = [default_plan([member()], net, shape=(1, 6, 6), device=CPU) for net in (MLP, wide, CNN)]
    assert [(plan.workers, plan.threads) for plan in found] == [(1, 1), (1, 4), (1, 4)]


@pytest.mark.parametrize(("net", "asked"), [(CNN, "stacked"), (CNN, "vmap"), (MLP, "vmap")])
def test_a_way_that_there_is_not_is_refused(net: nn.Module, asked: Any) -> None:
    members = [member("a"), member("b")]
    with pytest.raises(RecipeError, match=rf"^study\.plan\.how: {asked}: .*; expected .*one by one"):
        choose_way(asked, net, members, shape=(1, 6, 6), device=CPU)


def test_a_member_alone_of_a_population_under_vmap() -> None:
    """Which is certified, or the last that is left."""
    net = nn.Sequential(nn.Unflatten(1, (1, 1)))
    members = [member("a"), member("b")]
    assert ways(net, members, shape=(1, 6, 6), device=CPU)[0][0] == "vmap"
    assert choose_way("vmap", net, members, shape=(1, 6, 6), device=CPU)[0] == "vmap"
    assert choose_way("vmap", net, members[:1], shape=(1, 6, 6), device=CPU) == ("one by one", "a single member")


def test_under_vmap_there_is_no_bf16() -> None:
    """What would go there by rule goes one by one; asked for both, it is refused in one line."""
    net = nn.Sequential(nn.Flatten(), nn.Unflatten(1, (1, 36)), nn.Flatten(), nn.Linear(36, 3))
    members = [member("a"), member("b")]
    shape = (1, 6, 6)
    sites = find_sites(net, shape)
    plans = Plan(threads=1), Plan(threads=1, precision="bf16")
    made = [choose_network(net, members, sites=sites, shape=shape, device=CPU, plan=plan) for plan in plans]
    assert [network.how for network in made] == ["vmap", "one by one (in bf16)"]
    with pytest.raises(RecipeError, match=r"^study\.plan: .*; expected fp32, or another .*vmap knows no bf16"):
        parse_study({"data": "digits", "study": {"plan": {"how": "vmap", "precision": "bf16"}}})


def test_a_process_has_one_thread() -> None:
    with pytest.raises(RecipeError, match=r"^study\.plan: .*; expected 1 thread, or no processes"):
        parse_study({"data": "digits", "study": {"plan": {"processes": True, "threads": 2}}})


@pytest.mark.parametrize("how", ["stacked", "one by one"])
def test_all_ways_train_the_same(how: Any) -> None:
    members = [member("a"), member("b", regularizers={"dropout": {}})]
    by_rule = train(members, tiny_images())
    data = replicates(tiny_images(), members)
    events = list(fit(members, data, device=CPU, plan=Plan(how, threads=1)))
    for event in events:
        if isinstance(event, MemberFinished):
            expected = by_rule[event.record.arm, 0].weights
            for name, value in event.weights.items():
                torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-5)
    assert str(getattr(events[0], "how", "")).startswith(how)
