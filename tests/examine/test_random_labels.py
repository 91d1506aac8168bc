"""The random-label test: what memorizes does, what cannot does not, and what went wrong is called unclear."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from tests.support import tiny_images, tiny_masks, tiny_vectors
from wellfit.data import Dataset
from wellfit.errors import InputError
from wellfit.examine.memorizing import Run, enough_for, judge
from wellfit.examine.random_labels import _permuted, random_labels
from wellfit.recipe import DataSpec
from wellfit.study import prepare
from wellfit.train.replicate import make_replicate

WIDE: dict[str, Any] = {
    "data": "tiny",
    "model": {"kind": "mlp", "hidden": [128]},
    "optimizer": {"kind": "adam", "lr": 0.01},
    "batch_size": 32,
    "regularizers": {"dropout": {"rate": 0.9}, "l2": {"strength": 1.0}},
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def given(monkeypatch: pytest.MonkeyPatch, dataset: Dataset) -> None:
    monkeypatch.setattr(prepare, "load", lambda spec, **_: dataset)


def test_a_wide_network_memorizes(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, tiny_images())
    found = random_labels(WIDE, seeds=2)
    random, true = found["labels"]["random"], found["labels"]["true"]
    assert found["verdict"] == "memorizes"
    assert min(random["share"]) >= 0.99
    assert all(r > t for r, t in zip(random["reached"], true["reached"], strict=True))
    assert found["epochs_run"] == max(random["reached"])  # it ends as soon as all know theirs
    assert found["recipe"]["regularizers"] == {}
    assert found["data"]["chance_accuracy"] == pytest.approx(1 / 3, abs=0.01)


def test_a_linear_network_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, tiny_images(300, size=4))
    found = random_labels({**WIDE, "model": {"kind": "mlp", "hidden": []}}, seeds=2, epochs=600)
    assert (found["verdict"], found["reason"]) == ("cannot", "rest")
    assert found["epochs_run"] < 600


def test_a_regression_memorizes_by_r2(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, tiny_vectors(60))
    found = random_labels({**WIDE, "data": {"source": "t", "split": {"validation": 0.2}}}, seeds=1, epochs=800)
    assert found["measure"] == "r2"
    assert found["verdict"] == "memorizes"
    assert found["data"]["chance_accuracy"] is None


def test_a_learning_rate_out_of_range_is_unclear(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, tiny_vectors())
    found = random_labels({**WIDE, "optimizer": {"kind": "sgd", "lr": 1e30}}, seeds=1, epochs=5)
    assert (found["verdict"], found["reason"]) == ("unclear", "diverged")
    given(monkeypatch, tiny_images())
    found = random_labels({**WIDE, "optimizer": {"kind": "sgd", "lr": 1e-9}}, seeds=1, epochs=25)
    assert (found["verdict"], found["reason"]) == ("unclear", "not_learning")


def test_only_train_labels_are_dealt_anew() -> None:
    replicate = make_replicate(tiny_images(), DataSpec(source="tiny"), 0)
    y, dealt, train = replicate.dataset.y, _permuted(replicate).dataset.y, replicate.split.train
    rest = torch.ones(len(y), dtype=torch.bool)
    rest[train] = False
    assert torch.equal(y[rest], dealt[rest])
    assert torch.equal(y[train].sort().values, dealt[train].sort().values)
    assert not torch.equal(y[train], dealt[train])


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, tiny_masks())
    with pytest.raises(InputError, match="masks"):
        random_labels({"data": "masks"}, seeds=1)
    with pytest.raises(InputError, match="--epochs"):
        random_labels({"data": "masks"}, seeds=1, epochs=0)


FALLING = [2.3 * 0.9**k for k in range(200)]
RESTING = [1.5 + 0.8 * 0.8**k for k in range(200)]
JUMPING = [2.0 if k % 2 else 1.0 for k in range(200)]


@pytest.mark.parametrize(
    ("loss", "share", "diverged", "expected"),
    [
        (FALLING, [0.1, 0.5, 1.0], False, ("memorizes", "reached")),
        (RESTING, [0.4] * 200, False, ("cannot", "rest")),
        (FALLING, [0.4] * 200, False, ("unclear", "epochs")),
        ([2.3 - 0.004 * k for k in range(200)], [0.4] * 200, False, ("unclear", "epochs")),
        (JUMPING, [0.3] * 200, False, ("unclear", "jumps")),
        ([2.3] * 200, [0.1] * 200, False, ("unclear", "not_learning")),
        ([2.3] * 3, [0.1] * 3, False, ("unclear", "epochs")),
        ([2.3, math.nan], [0.1, 0.1], True, ("unclear", "diverged")),
    ],
)
def test_judging(loss: list[float], share: list[float], diverged: bool, expected: tuple[str, str]) -> None:
    run = Run(share, loss, diverged)
    assert judge([run], [run], enough=0.99, chance_loss=2.303) == expected


def test_some_seeds_are_said_to_be_some() -> None:
    runs = [Run([0.5, 1.0], [1.0, 0.1]), Run([0.5] * 200, RESTING)]
    assert judge(runs, runs, enough=0.99, chance_loss=2.303) == ("memorizes", "some")


def test_a_rare_class_must_be_known_too() -> None:
    assert enough_for(0.1) == 0.99
    assert enough_for(0.99) == pytest.approx(0.9995)
