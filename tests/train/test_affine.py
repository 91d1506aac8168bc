"""Which updates are merged into the product, and what they come to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import CPU, deviation, member, replicates, tiny_images, train
from wellfit.train.affine import AffineUpdates, is_affine
from wellfit.train.shards import start_population

SGD = {"kind": "sgd", "lr": 0.1}
MERGES: list[dict[str, Any]] = [
    {},
    {"l2": {"strength": 0.01}},
    {"weight_decay": {"strength": 0.01}},
    {"max_norm": {}},
    {"dropout": {}, "ema": {}, "label_smoothing": {}},
    {"l1": {"strength": 0.0}},
    {"early_stopping": {}},
]
APART: list[dict[str, Any]] = [
    {"l1": {"strength": 0.01}},
    {"clip_norm": {}},
    {"clip_value": {}},
    {"gradient_noise": {}},
    {"sam": {}},
    {"drop_connect": {}},
    {"freezing": {}},
]


@pytest.mark.parametrize("given", MERGES)
def test_who_is_merged(given: dict[str, Any]) -> None:
    assert is_affine(member(regularizers=given, optimizer=SGD))


@pytest.mark.parametrize("given", APART)
def test_who_needs_the_gradient(given: dict[str, Any]) -> None:
    assert not is_affine(member(regularizers=given, optimizer=SGD))


@pytest.mark.parametrize("kind", ["momentum", "nesterov", "adam", "rmsprop"])
def test_other_optimizers_are_not_merged(kind: str) -> None:
    assert not is_affine(member(optimizer={"kind": kind}))


def test_decay_and_l2_are_what_is_kept() -> None:
    """``w <- (1 - lr decay) w``, then ``w <- w - lr (g + strength w)``: of weights, not of biases."""
    numbers = {"l2": {"strength": 0.2}, "weight_decay": {"strength": 0.03}}
    members = [member("plain", optimizer=SGD), member("both", optimizer=SGD, regularizers=numbers)]
    members.append(member("one", optimizer=SGD, regularizers={"l2": {"strength": 0.2, "on": "3.*"}}))
    members.sort(key=lambda one: ["plain", "both", "one"].index(one.arm))
    population, _ = start_population(members, replicates(tiny_images(), members), CPU)
    moment = population.moment(1)
    update = AffineUpdates(population).at(moment, population.rates(moment))
    rows = {one.arm: row for row, one in enumerate(population.members)}
    both = [update.keep[name][rows["both"]] for name in ("1.weight", "1.bias")]
    assert both == pytest.approx([1 - 0.1 * 0.03 - 0.1 * 0.2, 1], rel=1e-6)
    assert [update.keep["1.weight"][rows[arm]] for arm in ("plain", "one")] == [1, 1]
    assert update.keep["3.weight"][rows["one"]] == pytest.approx(0.98)
    assert update.rate == pytest.approx([0.1] * 3)


@pytest.mark.parametrize("given", MERGES[:5])
@pytest.mark.parametrize("schedule", [{"kind": "constant"}, {"kind": "cosine"}])
def test_merged_is_what_the_textbook_does(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], schedule: dict[str, Any]
) -> None:
    """But for last bits: the same training with every gradient made and every update apart, not fused."""
    one = member(regularizers=given, optimizer=SGD, schedule=schedule)
    merged = train([one], tiny_images())[one.key]
    monkeypatch.setattr("wellfit.train.epoch.is_affine", lambda member: False)
    monkeypatch.setattr("wellfit.train.step.FusedOptimizer", ())  # an instance of nothing
    apart = train([one], tiny_images())[one.key]
    assert deviation(merged.weights, apart.weights) < 1e-5
