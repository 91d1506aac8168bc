"""The learning curve: sizes as one population, each as it would be alone, and the test set stays sealed."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support import CPU, deviation, tiny_images, tiny_masks, tiny_sequences, tiny_vectors
from wellfit.data import Dataset
from wellfit.errors import InputError, RecipeError
from wellfit.examine.learning_curve import learning_curve
from wellfit.examine.nested import nested_order, part_of
from wellfit.recipe import DataSpec, Recipe
from wellfit.study import prepare
from wellfit.study.run import run_study
from wellfit.train.events import MemberFinished
from wellfit.train.fit import fit
from wellfit.train.member import Member
from wellfit.train.reference import train_reference
from wellfit.train.replicate import make_replicate

SMALL: dict[str, Any] = {
    "data": "tiny",
    "model": {"kind": "mlp", "hidden": [8]},
    "optimizer": {"kind": "adam", "lr": 0.01},
    "batch_size": 16,
    "epochs": 3,
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def given(monkeypatch: pytest.MonkeyPatch, dataset: Dataset) -> None:
    monkeypatch.setattr(prepare, "load", lambda spec, **_: dataset)


def test_all_samples_give_what_a_study_gives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given(monkeypatch, tiny_images())
    found = learning_curve(SMALL, sizes="20,50,100", seeds=2)
    from wellfit.recipe_file import parse_study

    study = run_study(parse_study({**SMALL, "study": {"seeds": 2}}), tmp_path / "study")
    assert [size["samples"] for size in found["sizes"]] == [22, 54, 108]
    assert found["sizes"][-1]["val_loss"]["values"] == pytest.approx(study["arms"][0]["val_loss"]["values"], abs=1e-6)
    assert found["sizes"][-1]["best_epoch"] == study["arms"][0]["best_epoch"]
    assert len(found["plan"]) == 1
    assert found["plan"][0]["members"] == 6


def test_other_sizes_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, tiny_images())
    many, few = (learning_curve(SMALL, sizes=sizes, seeds=1) for sizes in ("20,50,100", "50,100"))
    for a, b in zip(many["sizes"][1:], few["sizes"], strict=True):
        assert a["val_loss"]["values"] == pytest.approx(b["val_loss"]["values"], abs=1e-6)


@pytest.mark.parametrize("regularizers", [{}, {"dropout": {"rate": 0.3}, "gaussian_noise": {"std": 0.1}}])
def test_views_of_a_seed_train_as_alone(regularizers: dict[str, Any]) -> None:
    """Parts of one seed's samples share its start, order and noise with the plain loop on the same part."""
    recipe = Recipe.model_validate({**SMALL, "loss": "mse", "regularizers": regularizers, "restore": "last"})
    replicate = make_replicate(tiny_vectors(), recipe.data, 5)
    order = nested_order(replicate, "stratified")
    views = {k: part_of(replicate, recipe.data, order, size, len(order)) for k, size in enumerate((20, 108))}
    members = [Member(str(view), 5, recipe, view) for view in views]
    weights = {
        event.record.arm: event.weights
        for event in fit(members, views, device=CPU)
        if isinstance(event, MemberFinished)
    }
    for member in members:
        alone = train_reference(member, views[member.sees])
        assert deviation(weights[member.arm], alone) < 1e-5
    assert deviation(weights["0"], weights["1"]) > 1e-3


def test_the_test_set_is_never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    data = replace(tiny_vectors(), given_test=torch.arange(40))
    poisoned = replace(data, x=data.x.index_fill(0, torch.arange(40), math.nan), y=data.y.clone())
    poisoned.y[:40] = math.nan
    found = []
    for each in (data, poisoned):
        given(monkeypatch, each)
        found.append([size["val_loss"]["values"] for size in learning_curve(SMALL, sizes="50,100", seeds=2)["sizes"]])
    assert found[0] == found[1]


@pytest.mark.parametrize("dataset", [tiny_vectors(), tiny_sequences(), tiny_images()], ids=lambda data: data.kind)
def test_kinds_of_data(monkeypatch: pytest.MonkeyPatch, dataset: Dataset) -> None:
    given(monkeypatch, dataset)
    found = learning_curve({**SMALL, "epochs": 2}, sizes=[30, 60, 100], seeds=2)
    json.dumps(found)
    assert found["sizes"][0]["error"]["ci95"] is not None
    assert (found["sizes"][0]["val_accuracy"] is None) == (dataset.task == "regression")


def test_accuracy_is_turned_into_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, tiny_images())
    found = learning_curve(SMALL, sizes="50,100", seeds=2, metric="val_accuracy")
    for size in found["sizes"]:
        assert size["error"]["mean"] == pytest.approx(1 - size["val_accuracy"]["mean"])
    assert found["recipe"]["monitor"] == "val_accuracy"


def test_counts_below_all_samples_have_epochs_of_the_largest(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, tiny_images(600))
    found = learning_curve(
        {**SMALL, "model": {"kind": "mlp", "hidden": [8], "norm": "batch"}}, sizes="20%,113", seeds=1
    )
    assert [size["samples"] for size in found["sizes"]] == [86, 113]  # 113 = 7 * 16 + 1: no last batch of one


def test_folds_of_unequal_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, tiny_images(151))
    folded = {"source": "tiny", "split": {"kind": "k_fold", "folds": 4}}
    found = learning_curve({**SMALL, "data": folded}, sizes="50,100", seeds=4)
    assert sum(one["members"] for one in found["plan"]) == 8


def test_a_diverged_run_leaves_its_seed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, tiny_vectors())
    found = learning_curve({**SMALL, "optimizer": {"kind": "sgd", "lr": 1e30}}, sizes="20,50,100", seeds=2)
    assert found["diverged"] == 6
    assert found["no_forecast"]["reason"] == "few_seeds"


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, tiny_masks())
    with pytest.raises(InputError, match="masks"):
        learning_curve({"data": "masks", "epochs": 1}, seeds=1)
    given(monkeypatch, tiny_images())
    with pytest.raises(InputError, match="at least 3 for 3 classes"):
        learning_curve(SMALL, sizes="1,50", seeds=1)
    with pytest.raises(RecipeError, match="study"):
        learning_curve({**SMALL, "study": {"seeds": 3}}, seeds=1)
    with pytest.raises(InputError, match="--seeds"):
        learning_curve(SMALL, seeds=0)


def test_what_is_left_open_is_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    from wellfit.examine.source import epochs_for, read_source

    asked = read_source({"data": "tiny"}, seeds=1)
    assert asked.is_open
    assert asked.spec.recipe.optimizer.kind == "adam"
    asked = read_source({"data": "tiny"}, seeds=1, overrides=["epochs=3", "optimizer.kind=sgd"], target="y")
    assert not asked.is_open
    assert asked.spec.recipe.optimizer.kind == "sgd"
    assert asked.spec.recipe.data == DataSpec(source="tiny", target="y")
    assert epochs_for(1300, 64, steps=2000, fewest=20, most=100) == 95
