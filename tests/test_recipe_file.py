from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from wellfit.errors import RecipeError
from wellfit.recipe import MlpSpec
from wellfit.recipe_file import parse_study, parse_yaml, read_file, read_study, set_path

DESIGN = """
data: fashion-mnist             # a name, a path, or {source: ..., target: ..., task: ...}
model: {kind: mlp, hidden: [128, 128]}     # or {import: mypackage.nets.Net, args: {...}}
optimizer: {kind: sgd, lr: 0.01}
batch_size: 64
epochs: 30
study:
  seeds: 3
  metric: val_loss
  factors: {dropout: {rate: 0.4}, l2: {strength: 1.0e-4}}      # 4 arms: plain, dropout, l2, dropout+l2
  arms: {wide: {model: {hidden: [1024, 512]}}}                 # and named ones
"""


def test_the_recipe_file_of_the_design(tmp_path: Path) -> None:
    (tmp_path / "homework.yaml").write_text(DESIGN)
    spec = read_study(tmp_path / "homework.yaml")
    assert spec.name == "homework"
    assert (spec.recipe.data.source, spec.recipe.model) == ("fashion-mnist", MlpSpec(hidden=(128, 128)))
    assert (spec.seeds, spec.metric) == ((0, 1, 2), "val_loss")
    assert spec.factors == {"dropout": {"rate": 0.4}, "l2": {"strength": 0.0001}}
    assert spec.arms == {"wide": {"model": {"hidden": [1024, 512]}}}


def test_without_a_study_it_is_one_arm_and_one_seed() -> None:
    spec = parse_study({"data": "digits"})
    assert (spec.name, spec.seeds, spec.factors, spec.arms, spec.plain) == ("study", (0,), {}, {}, True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("-1E5", -1e5),
        (".5e+1", 5.0),
        ("1.e3", 1000.0),
        ("1_0e2", 1000.0),
        ("0.1", 0.1),
        ("3", 3),
        (".inf", math.inf),
        ("'1e-4'", "1e-4"),
        ("e4", "e4"),
        ("1e", "1e"),
        ("v1e4", "v1e4"),
        ("2024-01-31", "2024-01-31"),
        ("2024-99-99", "2024-99-99"),
        ("[256,256]", [256, 256]),
        ("{a: 1e3}", {"a": 1000.0}),
        ("null", None),
        ("", None),
    ],
)
def test_values_are_read_as_in_yaml_1_2(text: str, value: Any) -> None:
    found = parse_yaml(text)
    assert found == value
    assert type(found) is type(value)


def test_a_mapping_may_take_in_another_and_override_it() -> None:
    assert parse_yaml("base: &b {x: 1, y: 2}\nmine: {<<: *b, y: 3}")["mine"] == {"x": 1, "y": 3}


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2",
        "a: {b: 1, b: 2}",
        "? [1]\n: 2",
        "? {a: 1}\n: 2",
        "a: [",
        "a: !!int x",
        "a: 0x_",
        "a: !!set {b}",
        "a: !!timestamp x",
        "a: !!binary eA==",
        "a: !!python/object/apply:os.getpid []",
        "&a [*a]",
        "&a {b: *a}",
        "*x",
        "[" * 5000,
        "a: 1\n---\nb: 2",
        "a: \0",
        "\t- a",
    ],
)
def test_what_cannot_be_read_is_a_yaml_error(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        parse_yaml(text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ": is empty; expected a mapping with the key 'data'"),
        (b"- 1", ": holds a list; expected a mapping with the key 'data'"),
        (b"data: digits\ndata: mnist", ", line 2: the key 'data' stands twice; expected a recipe in YAML"),
        (b"data: [", ", line 1: expected the node content, but found '<stream end>'; expected a recipe in YAML"),
        (b"data: \xff", ": cannot be read (UnicodeDecodeError); expected a recipe in YAML"),
        (b"data: !!int x", ": a value is not plain (invalid literal for int() with base 10: 'x'); expected a recipe"),
        (b"a: " + b"[" * 5000, ": nested too deeply; expected a recipe in YAML"),
        (b"epoch: 3", ""),
    ],
)
def test_a_file_that_is_no_recipe_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(RecipeError) as caught:
        read_study(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{path}{message}" if message else "epoch: unknown key; expected 'epochs'")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"x\.yaml: no such file; expected a recipe in YAML"):
        read_file(tmp_path / "x.yaml")
    with pytest.raises(RecipeError, match=r"cannot be read \(IsADirectoryError\)"):
        read_file(tmp_path)


@pytest.mark.parametrize(
    ("file", "name"),
    [("my study-1.yaml", "my study-1"), ("größe.yaml", "gr-e"), ("_x_.v2.yml", "x_.v2"), ("ü.yaml", "study")],
)
def test_a_study_without_a_name_has_its_files(tmp_path: Path, file: str, name: str) -> None:
    (tmp_path / file).write_text("data: digits")
    assert read_study(tmp_path / file).name == name
    (tmp_path / file).write_text("data: digits\nname: given")
    assert read_study(tmp_path / file).name == "given"


@pytest.mark.parametrize(
    ("override", "values"),
    [
        ("epochs=3", {"data": "digits", "epochs": 3}),
        ("model.hidden=[256,256]", {"data": "digits", "model": {"hidden": [256, 256]}}),
        (" optimizer.lr = 1e-4", {"data": "digits", "optimizer": {"lr": 1e-4}}),
        ("data.limit=50", {"data": {"source": "digits", "limit": 50}}),
        ("data=mnist", {"data": "mnist"}),
        ("study.arms.a.l2.strength=1=2", {"data": "digits", "study": {"arms": {"a": {"l2": {"strength": "1=2"}}}}}),
        ("loss=", {"data": "digits", "loss": None}),
    ],
)
def test_dotted_overrides(override: str, values: Mapping[str, Any]) -> None:
    found: dict[str, Any] = {"data": "digits"}
    set_path(found, override)
    assert found == values


def test_an_override_goes_into_an_empty_mapping_and_keeps_its_neighbors() -> None:
    values: dict[str, Any] = {"data": "digits", "regularizers": {"l2": None}, "optimizer": {"momentum": 0.5}}
    set_path(values, "regularizers.l2.strength=0.1")
    set_path(values, "optimizer.lr=0.1")
    assert values["regularizers"] == {"l2": {"strength": 0.1}}
    assert values["optimizer"] == {"momentum": 0.5, "lr": 0.1}


@pytest.mark.parametrize(
    ("key", "name", "override", "whole"),
    [
        ("optimizer", "adam", "optimizer.lr=0.1", {"kind": "adam", "lr": 0.1}),
        ("schedule", "cosine", "schedule.warmup=2", {"kind": "cosine", "warmup": 2}),
        ("loss", "focal", "loss.gamma=1.0", {"kind": "focal", "gamma": 1.0}),
        ("init", "orthogonal", "init.gain=1.4", {"kind": "orthogonal", "gain": 1.4}),
    ],
)
def test_an_override_goes_into_what_is_only_named(key: str, name: str, override: str, whole: dict[str, Any]) -> None:
    values: dict[str, Any] = {"data": "digits", key: name}
    set_path(values, override)
    assert values[key] == whole
    parse_study(values)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("epochs", "--set: received 'epochs'; expected KEY.KEY=VALUE"),
        ("=3", "--set: received '=3'; expected KEY.KEY=VALUE"),
        ("a..b=3", "--set: received 'a..b=3'; expected KEY.KEY=VALUE"),
        ("epochs=[", "--set epochs: the value '[' is not YAML; expected a value such as 0.1 or [256,256]"),
        ("epochs.x=3", "--set epochs.x: 'epochs' is a value, not a mapping; expected a path to a key"),
        ("model.hiden=[3]", "model.hiden: unknown key; expected 'hidden' (nearest)"),
        ("study.seeds=0", "study.seeds: received 0; expected 1 to 10000 seeds"),
    ],
)
def test_wrong_overrides_are_one_line(override: str, message: str) -> None:
    values = {"data": "digits", "epochs": 3}
    with pytest.raises(RecipeError) as caught:
        parse_study(values, overrides=[override])
    assert str(caught.value).startswith(message)
    assert values == {"data": "digits", "epochs": 3}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "data: missing"),
        ({"data": "x", "stduy": {}}, "stduy: unknown key; expected 'study' (nearest)"),
        ({"data": "x", 3: 4}, "3: unknown key; expected one of batch_size"),
        ({"data": "x", "study": [1]}, "study: received [1]; expected a mapping"),
        ({"data": "x", "study": {"seed": 3}}, "study.seed: unknown key; expected 'seeds' (nearest)"),
        ({"data": "x", "study": {"recipe": {}}}, "study.recipe: unknown key"),
        ({"data": "x", "study": {"name": "y"}}, "study.name: unknown key"),
        ({"data": "x", "study": {"metric": "loss"}}, "study.metric: received 'loss'"),
        ({"data": "x", "study": {"factors": [1]}}, "study.factors: received [1]; expected a mapping"),
        ({"data": "x", "study": {"factors": {"l2": False}}}, "study.factors.l2: received False; expected a mapping"),
        ({"data": "x", "study": {"arms": {"wide": 0}}}, "study.arms.wide: received 0; expected a mapping"),
        ({"data": "x", "study": {"arms": {True: {}}}}, "study.arms: the key True is not a text; expected a name"),
        ({"data": "x", "name": "a/b"}, "name: received 'a/b'; expected at most 100 letters"),
        ({"data": "x", "name": 3}, "name: received 3; expected a text"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(values: Mapping[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_study(values)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_factor_or_arm_without_anything_has_no_parameters() -> None:
    spec = parse_study({"data": "x", "study": {"factors": {"l2": None}, "arms": {"a": None}}})
    assert (spec.factors, spec.arms) == ({"l2": {}}, {"a": {}})
    assert parse_study({"data": "x", "study": None}).seeds == (0,)


def test_on_and_off_are_names_and_true_and_false_are_truth() -> None:
    values = parse_yaml("regularizers: {l2: {on: 'head.*'}}\nyes: no\nflag: true\nother: False")
    assert values == {"regularizers": {"l2": {"on": "head.*"}}, "yes": "no", "flag": True, "other": False}
    spec = parse_study(parse_yaml("data: {source: digits, skip_bad: true}\nregularizers: {l2: {on: ['a', 'off']}}"))
    assert spec.recipe.regularizers["l2"]["on"] == ["a", "off"]


def test_a_file_too_large_for_a_recipe_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    path.write_text("data: digits\nfoo: [" + "1," * 600_000 + "1]\n")
    with pytest.raises(RecipeError, match=r"has 1,200,0\d\d bytes; expected a recipe in YAML, at most 1,048,576 bytes"):
        read_file(path)
