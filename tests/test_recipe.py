from __future__ import annotations

import copy
import json
import math
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import wellfit
from wellfit.errors import RecipeError
from wellfit.recipe import AdamSpec, CnnSpec, ImportSpec, MlpSpec, Recipe, StudySpec, apply_patch, merge, validate


def recipe(**fields: Any) -> Recipe:
    return validate(Recipe, {"data": "digits", **fields})


def test_only_data_is_needed() -> None:
    found = recipe()
    assert (found.data.source, found.model, found.loss, found.optimizer.kind) == ("digits", None, None, "sgd")
    assert recipe() == validate(Recipe, {"data": {"source": "digits"}})


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ({}, MlpSpec),
        ({"hidden": [8]}, MlpSpec),
        ({"channels": [8]}, CnnSpec),
        ({"channels": [8], "hidden": [4]}, CnnSpec),
        ({"import": "a.b"}, ImportSpec),
        ({"kind": "cnn"}, CnnSpec),
    ],
)
def test_the_kind_of_network_follows_from_its_keys(model: Mapping[str, Any], kind: type) -> None:
    assert isinstance(recipe(model=model).model, kind)


def test_nothing_can_be_changed() -> None:
    found = recipe()
    with pytest.raises(ValidationError):
        found.epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"model": {"import": "nets.py:Net", "args": {"a": [1, None, 1e-7], "b": math.inf}}, "loss": "mse"},
        {"model": {"channels": [8], "hidden": []}, "data": {"source": "x", "size": [8, 9], "limit": 5}},
        {"optimizer": {"kind": "adam", "lr": 1}, "regularizers": {"l2": None, "dropout": {"rate": 0.1}}},
    ],
)
def test_plain_values_go_through_json_and_back(fields: Mapping[str, Any]) -> None:
    found = recipe(**fields)
    assert Recipe.model_validate(found.to_dict()) == found
    assert Recipe.model_validate(json.loads(json.dumps(found.to_dict()))) == found
    spec = StudySpec(recipe=found, seeds=(3, 1), factors={"l2": {"strength": 1e-4}})
    assert spec.to_dict()["data"] == found.to_dict()["data"]
    assert spec.to_dict()["study"]["seeds"] == [3, 1]


def test_there_is_a_json_schema() -> None:
    schema = Recipe.model_json_schema()
    assert schema["required"] == ["data"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["epochs"] == {"default": 30, "minimum": 1, "title": "Epochs", "type": "integer"}


NEAREST_OPTIMIZER = "'sgd' (nearest), one of adadelta, adagrad, adam, adamax, adamw, amsgrad, lion, momentum, nadam,"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": {"kind": "mlpp"}}, "model.kind: received 'mlpp'; expected 'mlp' (nearest), one of cnn, import, mlp"),
        ({"model": {"kind": None}}, "model.kind: received None; expected one of cnn, import, mlp, rnn, unet"),
        ({"model": "mlp"}, "model: received 'mlp'; expected a mapping"),
        (
            {"model": {"hiden": [8]}},
            "model.hiden: unknown key; expected 'hidden' (nearest), one of activation, hidden,",
        ),
        ({"model": {"kind": "import"}}, "model.import: missing; expected a value"),
        ({"model": {"hidden": [8, 0]}}, "model.hidden.1: received 0; expected at least 1"),
        ({"model": {"hidden": 8}}, "model.hidden: received 8; expected a list"),
        ({"model": {"channels": []}}, "model.channels: received []; expected at least 1 of them"),
        ({"model": {"activation": "rleu"}}, "model.activation: received 'rleu'; expected 'relu' (nearest), one of elu"),
        ({"optimizer": {"kind": "sgdd"}}, f"optimizer.kind: received 'sgdd'; expected {NEAREST_OPTIMIZER}"),
        ({"optimizer": {"lr": 0}}, "optimizer.lr: received 0; expected more than 0"),
        ({"optimizer": {"lr": math.nan}}, "optimizer.lr: received nan; expected a finite number"),
        ({"optimizer": {"lr": "fast"}}, "optimizer.lr: received 'fast'; expected a number"),
        ({"optimizer": {"lr": True}}, "optimizer.lr: received True; expected a number"),
        ({"optimizer": {"momentum": 1}}, "optimizer.momentum: received 1; expected less than 1"),
        ({"optimizer": {"kind": "adam", "momentum": 0.9}}, "optimizer.momentum: unknown key; expected one of beta1,"),
        ({"regularizers": {"adam": 3}}, "regularizers.adam: received 3; expected a mapping"),
        ({"regularizers": {3: {}}}, "regularizers: the key 3 is not a text; expected a name (set it in quotes)"),
        ({"loss": "mse2"}, "loss.kind: received 'mse2'; expected 'mse' (nearest), one of "),
        ({"loss": {"gamma": 2}}, "loss: received {'gamma': 2}; expected a name, a mapping with 'kind', or "),
        ({"init": {"std": 2}}, "init: received {'std': 2}; expected a mapping with 'kind'"),
        ({"schedule": {"kind": "cosine", "warmup": -1}}, "schedule.warmup: received -1; expected at least 0"),
        ({"epochs": 2.5}, "epochs: received 2.5; expected a whole number"),
        ({"epochs": "30"}, "epochs: received '30'; expected a whole number"),
        ({"batch_size": True}, "batch_size: received True; expected a whole number"),
        ({"data": 3}, "data: received 3; expected a name, a path or a mapping"),
        ({"data": ""}, "data.source: received ''; expected a text that is not empty"),
        ({"data": {}}, "data.source: missing; expected a value"),
        (
            {"data": {"source": "x", "scale": "z"}},
            "data.scale: received 'z'; expected one of minmax, none, per_image, robust, standardize",
        ),
        ({"data": {"source": "x", "size": [8, 0]}}, "data.size.1: received 0; expected at least 1"),
        ({"data": {"source": "x", "limit": 1}}, "data.limit: received 1; expected at least 2"),
        (
            {"data": {"source": "x", "split": {"tset": 1}}},
            "data.split.tset: unknown key; expected 'test' (nearest), one",
        ),
        ({"data": {"source": "x", "split": {"test": 1}}}, "data.split.test: received 1; expected less than 1"),
        ({"epoch": 3}, "epoch: unknown key; expected 'epochs' (nearest), one of batch_size, data, epochs,"),
        ({"epochs": "x" * 500}, "epochs: received '" + "x" * 76 + "...; expected a whole number"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(fields: Mapping[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe(**fields)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_the_place_of_an_error_can_be_given() -> None:
    with pytest.raises(RecipeError, match=r"^study\.arms\.a\.epochs: received 0; expected at least 1$"):
        validate(Recipe, {"data": "digits", "epochs": 0}, where="study.arms.a")
    with pytest.raises(RecipeError, match=r"^recipe: received 3; expected a mapping$"):
        validate(Recipe, 3)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"seeds": 0}, "seeds: received 0; expected 1 to 10000 seeds"),
        ({"seeds": 10**12}, "seeds: received 1000000000000; expected 1 to 10000 seeds"),
        ({"seeds": True}, "seeds: received True; expected a number of seeds or a list of seeds"),
        ({"seeds": "three"}, "seeds: received 'three'; expected a number of seeds or a list of seeds"),
        ({"seeds": [1, 1]}, "seeds: received [1, 1]; expected 1 to 10000 seeds, each once"),
        ({"seeds": []}, "seeds: received []; expected 1 to 10000 seeds, each once"),
        ({"seeds": [-1]}, "seeds.0: received -1; expected at least 0"),
        ({"seeds": [2**63]}, "seeds.0: received 9223372036854775808; expected less than "),
        ({"metric": "val_los"}, "metric: received 'val_los'; expected 'val_loss' (nearest), one of val_accuracy, val_"),
        ({"half_width": 0}, "half_width: received 0; expected more than 0"),
        ({"name": "../up"}, "name: received '../up'; expected at most 100 letters, digits,"),
        ({"name": "ends."}, "name: received 'ends.'; expected"),
        ({"name": "two\nlines"}, "name: received 'two\\nlines'; expected"),
        ({"name": "ends\n"}, "name: received 'ends\\n'; expected"),
        ({"name": ""}, "name: received ''; expected"),
        ({"name": "x" * 101}, "name: received 'xxx"),
        ({"factors": {"l2": 3}}, "factors.l2: received 3; expected a mapping"),
        ({"factors": {"l2": {1: 2}}}, "factors.l2: the key 1 is not a text; expected a name"),
    ],
)
def test_what_is_wrong_with_a_study_is_named_in_one_line(fields: Mapping[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        validate(StudySpec, {"recipe": recipe(), **fields})
    assert str(caught.value).startswith(message)


def test_a_number_of_seeds_counts_from_0() -> None:
    assert validate(StudySpec, {"recipe": recipe(), "seeds": 3}).seeds == (0, 1, 2)
    assert validate(StudySpec, {"recipe": recipe(), "seeds": [7, 2]}).seeds == (7, 2)


def test_merge_lays_one_mapping_over_another() -> None:
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 3}
    before = copy.deepcopy(base)
    assert merge(base, {"a": {"c": [9]}, "e": {"f": None}}) == {"a": {"b": 1, "c": [9]}, "d": 3, "e": {"f": None}}
    assert merge(base, {"a": None, "d": {"x": 1}, "nothing": None}) == {"d": {"x": 1}}
    assert merge(base, {}) == base == before


def test_what_merge_returns_shares_nothing() -> None:
    base, patch = {"a": {"b": [1]}}, {"c": {"d": [2]}, "e": [3]}
    merged = merge(base, patch)
    merged["a"]["b"].append(0)
    merged["c"]["d"].append(0)
    merged["e"].append(0)
    assert (base, patch) == ({"a": {"b": [1]}}, {"c": {"d": [2]}, "e": [3]})


@given(st.dictionaries(st.sampled_from("abc"), st.integers()), st.dictionaries(st.sampled_from("abc"), st.integers()))
def test_merging_flat_mappings_is_an_update(base: dict[str, int], patch: dict[str, int]) -> None:
    assert merge(base, patch) == base | patch


def test_a_patch_of_another_kind_replaces_the_old_one_whole() -> None:
    base = recipe(model={"hidden": [8], "activation": "tanh"}, optimizer={"lr": 0.5, "momentum": 0.9})
    patched = apply_patch(base, {"optimizer": {"kind": "adam"}, "model": {"channels": [4]}}, where="x")
    assert patched.optimizer == AdamSpec()
    assert patched.model == CnnSpec(channels=(4,))
    same = apply_patch(base, {"optimizer": {"lr": 0.25}, "model": {"kind": "mlp", "hidden": [3]}}, where="x")
    assert same.optimizer.model_dump() == {"kind": "sgd", "lr": 0.25, "momentum": 0.9}
    assert same.model == MlpSpec(hidden=(3,), activation="tanh")
    own = recipe(model={"import": "a.b", "args": {"x": 1}})
    assert apply_patch(own, {"model": {"args": {"y": 2}}}, where="x").model == ImportSpec(
        import_="a.b", args={"x": 1, "y": 2}
    )
    assert apply_patch(own, {"model": {"import": "a.c"}}, where="x").model == ImportSpec(import_="a.c")


def test_a_patch_names_fields_and_regularizers() -> None:
    base = recipe(data={"source": "digits", "limit": 50}, regularizers={"l2": {"strength": 1.0}, "dropout": {}})
    patched = apply_patch(base, {"l2": {"mode": "x"}, "dropout": None, "flip": {}, "data": "mnist"}, where="x")
    assert patched.regularizers == {"l2": {"strength": 1.0, "mode": "x"}, "flip": {}}
    assert (patched.data.source, patched.data.limit) == ("mnist", 50)
    assert apply_patch(base, {"regularizers": {"l2": None}, "flip": {}}, where="x").regularizers == {
        "dropout": {},
        "flip": {},
    }
    assert apply_patch(base, {"regularizers": None, "flip": {}}, where="x").regularizers == {"flip": {}}
    assert base.regularizers == {"l2": {"strength": 1.0}, "dropout": {}}


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"epochs": 0}, "here.epochs: received 0; expected at least 1"),
        ({"regularizers": "l2", "l1": {}}, "here.regularizers: received 'l2'; expected a mapping"),
        ({"l2": 3}, "here.regularizers.l2: received 3; expected a mapping"),
        ({"data": None}, "here.data: missing; expected a value"),
        ({"optimizer": {"kind": "adan"}}, "here.optimizer.kind: received 'adan'; expected 'adam' (nearest)"),
    ],
)
def test_a_wrong_patch_is_named_where_it_stands(patch: Mapping[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        apply_patch(recipe(), patch, where="here")
    assert str(caught.value).startswith(message)


def test_recipes_records_and_statistics_do_not_load_torch() -> None:
    modules = "wellfit.recipe_file, wellfit.record, wellfit.random, wellfit.study.design, wellfit.study.files"
    command = f"import sys, {modules}, wellfit.study.store; print('torch' in sys.modules)"
    source = str(Path(wellfit.__file__).parents[1])
    found = subprocess.run([sys.executable, "-c", command], env={"PYTHONPATH": source}, capture_output=True, check=True)
    assert found.stdout == b"False\n"
