"""Cleaning as an arm: keep, clean, and the same number left out at random, from plan to report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wellfit.data import Dataset, load
from wellfit.data.audit import read_subject
from wellfit.data.clean import Action, Plan
from wellfit.errors import InputError, RecipeError
from wellfit.recipe import DataSpec, StudySpec
from wellfit.recipe_file import parse_study
from wellfit.study import prepare as prepare_module
from wellfit.study.prepare import design, prepare
from wellfit.study.run import run_study

NOISY = tuple(f"train sample {i}" for i in range(0, 240, 4))
"""The samples with a wrong label."""


def write(folder: Path, *, actions: tuple[Action, ...] = (Action(action="drop", where=NOISY),)) -> None:
    """Three classes in five dimensions, a quarter of the train labels wrong; a plan that names them."""
    draw = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for part, count in (("train", 240), ("test", 90)):
        y = np.arange(count) % 3
        x = draw.normal(size=(count, 5)).astype(np.float32)
        x[np.arange(count), y] += 3
        if part == "train":
            y[::4] = (y[::4] + 1) % 3
        arrays |= {f"x_{part}": x, f"y_{part}": y}
    np.savez(folder / "a.npz", **arrays)
    subject = read_subject(DataSpec(source=str(folder / "a.npz")))
    plan = Plan(source="a.npz", fingerprint=subject.fingerprint, actions=actions)
    (folder / "plan.yaml").write_text(plan.to_yaml())


def spec(folder: Path, **study: Any) -> StudySpec:
    values = {
        "data": str(folder / "a.npz"),
        "model": {"hidden": [16]},
        "optimizer": {"kind": "momentum", "lr": 0.05},
        "batch_size": 32,
        "epochs": 5,
        "restore": "last",
        "study": {"seeds": 3, "cleaning": str(folder / "plan.yaml")} | study,
    }
    return parse_study(values, name="cleaning")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("cleaning")
    write(folder)
    return run_study(spec(folder), folder / "run", certificates=3), folder


def test_three_arms_and_what_was_done(done: tuple[dict[str, Any], Path]) -> None:
    result, _ = done
    arms = {arm["name"]: arm for arm in result["arms"]}
    assert list(arms) == ["plain", "clean", "random"]
    assert result["control"] == "plain"
    assert {name: arm["cleaning"]["do"] for name, arm in arms.items()} == {
        "plain": "keep",
        "clean": "clean",
        "random": "random",
    }
    dropped = arms["clean"]["cleaning"]["dropped"]
    assert dropped == arms["random"]["cleaning"]["dropped"]
    assert arms["plain"]["cleaning"]["dropped"] == [0, 0, 0]
    assert all(45 < count < 60 for count in dropped)
    for arm in arms.values():
        left = arm["cleaning"]["train"]
        assert left == [216 - gone for gone in arm["cleaning"]["dropped"]]
        assert arm["cleaning"]["relabeled"] == [0, 0, 0]
    assert result["certificate"]["largest"] == 0


def test_wrong_labels_are_worth_leaving_out_and_others_are_not(done: tuple[dict[str, Any], Path]) -> None:
    """By the test set, whose labels are right; its loss, paired by seed."""
    result, _ = done
    loss = {arm["name"]: np.array(arm["test_loss"]["values"]) for arm in result["arms"]}
    assert (loss["clean"] < loss["plain"] - 0.03).all()
    assert (loss["clean"] < loss["random"] - 0.03).all()


def test_other_arms_change_nothing_of_the_control(done: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    result, folder = done
    alone = spec(folder).recipe.model_copy(update={"data": DataSpec(source=str(folder / "a.npz"))})
    without = run_study(StudySpec(name="alone", recipe=alone, seeds=(0, 1, 2)), tmp_path / "alone")
    assert without["arms"][0]["val_loss"] == result["arms"][0]["val_loss"]
    assert without["arms"][0]["test_loss"] == result["arms"][0]["test_loss"]
    assert without["arms"][0]["train_loss"] != result["arms"][0]["train_loss"], "the probe has no sample of the plan"


def test_the_source_is_loaded_and_the_plan_read_once(
    done: tuple[dict[str, Any], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[DataSpec] = []

    def counted(data: DataSpec, memory: int | None) -> Dataset:
        loads.append(data)
        return load(data, memory=memory)

    monkeypatch.setattr(prepare_module, "load", counted)
    whole = spec(done[1], factors={"dropout": {"rate": 0.2}})
    made = prepare(whole, design(whole))
    assert len(loads) == 1
    assert len(made.replicates) == 3
    x = {id(one.dataset.x) for replicates in made.replicates.values() for one in replicates.values()}
    assert len(x) == 1


def test_a_complete_study_is_run_again_only_with_another_plan(tmp_path: Path) -> None:
    write(tmp_path)
    small = spec(tmp_path, seeds=1)
    small = small.model_copy(update={"recipe": small.recipe.model_copy(update={"epochs": 1})})
    first = run_study(small, tmp_path / "run")
    assert run_study(small, tmp_path / "run") == json.loads((tmp_path / "run" / "result.json").read_text())
    plan = (tmp_path / "plan.yaml").read_text()
    (tmp_path / "plan.yaml").write_text(plan.replace("  - train sample 8\n", ""))
    with pytest.raises(RecipeError, match=r"the plan .*plan.yaml has changed since this study was begun"):
        run_study(small, tmp_path / "run")
    again = run_study(small, tmp_path / "run", fresh=True)
    counts = [result["arms"][1]["cleaning"]["dropped"][0] for result in (first, again)]
    assert counts[0] - counts[1] in (0, 1)
    (tmp_path / "plan.yaml").unlink()
    assert run_study(small, tmp_path / "run")["arms"] == json.loads(json.dumps(again["arms"]))


def test_a_plan_that_leaves_out_nothing_is_said(tmp_path: Path) -> None:
    write(tmp_path, actions=(Action(action="relabel", where=("train sample 1",), to="0"),))
    whole = spec(tmp_path)
    said = prepare(whole, design(whole)).advice
    (line,) = [line for line in said if "at random changes nothing" in line]
    assert said[line] == ["random"]


def test_a_loss_on_doubted_validation_labels_is_not_trusted(tmp_path: Path) -> None:
    write(tmp_path)
    for metric, count in (("val_loss", 1), ("val_accuracy", 0)):
        whole = spec(tmp_path, metric=metric)
        said = prepare(whole, design(whole)).advice
        assert [arms for line, arms in said.items() if "of the validation samples" in line] == [["clean"]] * count


def test_balanced_weights_are_the_same_in_all_arms(tmp_path: Path) -> None:
    """They belong to the loss, which arms are compared by."""
    write(tmp_path)
    whole = spec(tmp_path)
    loss = {"kind": "cross_entropy", "class_weights": "balanced"}
    patched = parse_study({**whole.recipe.to_dict(), "loss": loss, "study": {"arms": whole.arms}})
    weights = {repr(arm.recipe.loss) for arm in prepare(patched, design(patched)).arms}
    assert len(weights) == 1


def test_sizes_may_leave_no_batch(tmp_path: Path) -> None:
    write(tmp_path)
    whole = parse_study(
        {"data": str(tmp_path / "a.npz"), "batch_size": 200, "study": {"cleaning": str(tmp_path / "plan.yaml")}}
    )
    with pytest.raises(RecipeError, match="arm clean, batch_size: received 200, larger than the"):
        prepare(whole, design(whole))


def prepare_study(values: dict[str, Any]) -> None:
    whole = parse_study(values)
    prepare(whole, design(whole))


@pytest.mark.parametrize(
    ("study", "data", "said"),
    [
        ({"cleaning": 3}, {}, "study.cleaning: received 3; expected the path of a plan"),
        ({"cleaning": "p", "arms": {"random": {}}}, {}, "study.arms.random: study.cleaning has an arm of that name"),
        ({"cleaning": "p"}, {"clean": "q"}, "study.cleaning: received with data.clean"),
        ({"cleaning": "/nowhere.yaml"}, {}, "/nowhere.yaml: no such file"),
        ({}, {"clean": {"plan": "p", "do": "burn"}}, "data.clean.do"),
    ],
)
def test_bad_plans_of_a_study(study: dict[str, Any], data: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        prepare_study({"data": {"source": "digits", **data}, "study": study})
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_recipe_without_a_plan_is_as_before() -> None:
    assert "clean" not in parse_study({"data": "digits"}).recipe.to_dict()["data"]
    short = parse_study({"data": {"source": "digits", "clean": "p.yaml"}}).recipe
    assert short.to_dict()["data"]["clean"] == {"plan": "p.yaml", "do": "clean"}
