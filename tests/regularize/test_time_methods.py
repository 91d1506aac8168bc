"""Methods that go by the clock: a late L1, a freezing plan."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch

from tests.support import member, same_bits, tiny_images, train
from wellfit.errors import RecipeError
from wellfit.recipe import Recipe
from wellfit.regularize.catalogue import check, make
from wellfit.regularize.loss.l1 import L1
from wellfit.regularize.stages import Moment
from wellfit.regularize.time.freezing import FreezingPlan
from wellfit.regularize.time.l1_late import L1Late

STEPS = 5


def test_l1_late_begins_at_its_start_in_each_members_budget() -> None:
    starts, epochs = [0.0, 0.5, 0.7, 1.0, 0.5], [10.0, 10.0, 10.0, 10.0, 4.0]
    numbers = {"strength": torch.full((5,), 0.3), "start": torch.tensor(starts)}
    for t in range(1, 10 * STEPS + 1):
        now = L1Late.during(numbers, Moment(t, STEPS, torch.tensor(epochs)))
        passed = [(t - 1) / (STEPS * n) for n in epochs]
        expected = [0.3 if p >= s else 0.0 for p, s in zip(passed, starts, strict=True)]
        if passed[3] < 1:
            assert now["strength"].tolist() == pytest.approx(expected), t
    assert numbers["strength"].tolist() == pytest.approx([0.3] * 5)
    assert L1Late.stage == "time"


def test_l1_late_is_l1_when_it_acts_and_nothing_before() -> None:
    draw = torch.Generator().manual_seed(0)
    w, start = torch.randn(2, 3, 4, generator=draw), torch.randn(2, 3, 4, generator=draw)
    numbers = {"strength": torch.tensor([0.3, 0.3]), "start": torch.tensor([0.0, 0.5])}
    now = L1Late.during(numbers, Moment(1, STEPS, torch.tensor([10.0, 10.0])))
    beside = {name: value.view(2, 1, 1) for name, value in now.items()}
    ours, theirs = start.clone(), start.clone()
    L1Late.add_gradient(ours, w, beside)
    L1.add_gradient(theirs, w, {"strength": torch.full((2, 1, 1), 0.3)})
    assert torch.equal(ours[0], theirs[0])
    assert torch.equal(ours[1], start[1])
    value = L1Late.value(w, beside)
    assert float(value[0]) == pytest.approx(0.3 * float(w[0].abs().sum()))
    assert float(value[1]) == 0.0
    leaf = w.double().requires_grad_()
    (g,) = torch.autograd.grad(L1Late.value(leaf, {k: v.double() for k, v in beside.items()}).sum(), leaf)
    assert torch.allclose(ours - start, g.float(), atol=1e-6)


def test_the_first_pattern_that_matches_decides() -> None:
    plan: Any = {"head.*": 0, "*.bias": math.inf, "body.[01].*": 3, "*": 1.5}
    method = FreezingPlan(plan=plan)
    names = ("head.bias", "body.0.bias", "body.1.weight", "body.2.weight")
    assert {name: method.frozen_epochs(name) for name in names} == {
        "head.bias": 0,
        "body.0.bias": math.inf,
        "body.1.weight": 3,
        "body.2.weight": 1.5,
    }
    assert FreezingPlan(plan=(("a", 2.0),)).frozen_epochs("b") == 0


def test_a_plan_is_kept_in_its_order_by_equality_json_and_recipes() -> None:
    one: dict[str, float] = {"head.*": 0, "*": math.inf}
    other = dict(reversed(one.items()))
    assert make("freezing", {"plan": one}) != make("freezing", {"plan": other})
    assert hash(make("freezing", {"plan": one})) == hash(make("freezing", {"plan": list(one.items())}))
    whole = check("freezing", {"plan": one})
    text = json.dumps(whole, sort_keys=True)
    assert text != json.dumps(check("freezing", {"plan": other}), sort_keys=True)
    assert make("freezing", json.loads(text)) == make("freezing", {"plan": one})
    recipe = Recipe.model_validate({"data": "digits", "regularizers": {"freezing": whole}})
    again = Recipe.model_validate(json.loads(json.dumps(recipe.to_dict(), sort_keys=True)))
    assert make("freezing", again.regularizers["freezing"]) == make("freezing", {"plan": one})


def test_an_empty_plan_is_off_and_the_default_holds_the_first_layer() -> None:
    assert make("freezing", {"plan": {}}).is_off
    assert FreezingPlan.make_off().is_off
    default = make("freezing", {})
    assert isinstance(default, FreezingPlan)
    assert not default.is_off
    epochs = [default.frozen_epochs(name) for name in ("1.weight", "1.bias", "0.weight", "3.weight", "10.weight")]
    assert epochs == [1, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (-1, r"plan: received -1; expected a mapping from name patterns to epochs"),
        ("a", r"received 'a'; expected a mapping"),
        ({"a": -1}, r"epochs are numbers of at least 0, not -1"),
        ({"a": True}, r"not True"),
        ({"a": math.nan}, r"not nan"),
        ({"a": "much"}, r"not 'much'"),
        ({"": 1}, r"a pattern is a text that is not empty, not ''"),
        ([["a", 1, 2]], r"expected a mapping"),
        ([5], r"expected a mapping"),
        (["ab"], r"expected a mapping"),
    ],
)
def test_a_bad_plan_says_what_is_wrong(plan: Any, words: str) -> None:
    with pytest.raises(RecipeError, match=words) as caught:
        make("freezing", {"plan": plan})
    assert "\n" not in str(caught.value)


def test_what_is_frozen_stays_and_the_rest_learns() -> None:
    """A plan that freezes everything gives the weights of the start; decay and momentum do not move them either."""
    plans: dict[str, Any] = {"all": {"*": math.inf}, "always": {"1.*": math.inf}, "late": {"1.*": 2}, "none": {}}
    decay = {"weight_decay": {"strength": 0.5}}
    members = [member(arm, 0, regularizers={"freezing": {"plan": plan}, **decay}) for arm, plan in plans.items()]
    done = {arm: trained.weights for (arm, _), trained in train(members, tiny_images()).items()}
    start = done["all"]
    for name in ("1.weight", "1.bias"):
        assert torch.equal(done["always"][name], start[name])
        assert not torch.equal(done["late"][name], start[name])
        assert not torch.equal(done["late"][name], done["none"][name])
    for name in ("3.weight", "5.weight"):
        assert not torch.equal(done["always"][name], start[name])


def test_l1_late_from_the_start_is_l1_and_from_the_end_is_nothing() -> None:
    given: dict[str, Any] = {
        "l1": {"l1": {"strength": 0.01}},
        "from the start": {"l1_late": {"strength": 0.01, "start": 0.0}},
        "half": {"l1_late": {"strength": 0.01, "start": 0.5}},
        "never": {"l1_late": {"strength": 0.01, "start": 1.0}},
        "plain": {},
    }
    members = [member(arm, 0, regularizers=each) for arm, each in given.items()]
    done = {arm: trained.weights for (arm, _), trained in train(members, tiny_images()).items()}
    assert same_bits(done["from the start"], done["l1"])
    assert same_bits(done["never"], done["plain"])
    sums = [float(done[arm]["1.weight"].abs().sum()) for arm in ("l1", "half", "plain")]
    assert sums == sorted(sums)
    assert len(set(sums)) == 3
