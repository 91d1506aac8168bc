from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wellfit.errors import RecipeError, nearest
from wellfit.recipe import MlpSpec, Recipe, StudySpec
from wellfit.recipe_file import parse_study
from wellfit.study.design import Arm, control_of, expand, recipe_hash

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "dropout": {"rate": 0.5},
    "l2": {"strength": 1e-4},
    "rotation": {"degrees": 10.0},
    "horizontal_flip": {"probability": 0.5},
    "normalization": {"kind": "batch", "momentum": 0.9},
    "steps": {"at": [10, 20], "factor": 0.1},
}


def check(name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """A catalogue in small, written apart from wellfit's: numbers are >= 0, ``at`` is a list, ``kind`` a text."""
    whole = dict(DEFAULTS[name])
    for key, value in parameters.items():
        where = f"regularizers.{name}.{key}"
        if key not in whole:
            raise RecipeError(where, "unknown key", nearest(key, whole))
        wanted = list if key == "at" else str if key == "kind" else (int, float)
        if isinstance(value, bool) or not isinstance(value, wanted):
            raise RecipeError(where, f"received {value!r}", str(wanted))
        if isinstance(value, int | float) and value < 0:
            raise RecipeError(where, f"received {value!r}", "at least 0")
        whole[key] = float(value) if isinstance(value, int) else value
    return whole


def arms_of(study: Mapping[str, Any], **recipe: Any) -> tuple[Arm, ...]:
    return expand(parse_study({"data": "digits", **recipe, "study": study}), regularizers=DEFAULTS, check=check)


def names_of(study: Mapping[str, Any], **recipe: Any) -> list[str]:
    return [arm.name for arm in arms_of(study, **recipe)]


def error_of(study: Mapping[str, Any], **recipe: Any) -> str:
    with pytest.raises(RecipeError) as caught:
        arms_of(study, **recipe)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_recipe_without_a_study_is_one_plain_arm() -> None:
    (arm,) = expand(parse_study({"data": "digits"}), regularizers=DEFAULTS, check=check)
    assert arm == Arm("plain", Recipe.model_validate({"data": "digits"}), {})


def test_two_factors_make_the_four_arms_of_the_design() -> None:
    arms = arms_of({"factors": {"dropout": {"rate": 0.4}, "l2": {"strength": 1e-3}}})
    assert [arm.name for arm in arms] == ["plain", "dropout", "l2", "dropout+l2"]
    assert [arm.recipe.regularizers for arm in arms] == [
        {},
        {"dropout": {"rate": 0.4}},
        {"l2": {"strength": 1e-3}},
        {"dropout": {"rate": 0.4}, "l2": {"strength": 1e-3}},
    ]
    assert [arm.levels for arm in arms] == [
        {"dropout": "off", "l2": "off"},
        {"dropout": "on", "l2": "off"},
        {"dropout": "off", "l2": "on"},
        {"dropout": "on", "l2": "on"},
    ]


def test_a_list_makes_levels_and_their_cells_are_all_there() -> None:
    arms = arms_of({"factors": {"dropout": {"rate": [0.2, 0.4]}, "l2": None, "rotation": {"degrees": [5, 10, 15]}}})
    assert len(arms) == 3 * 2 * 4
    assert "dropout=0.2+l2+rotation=15" in [arm.name for arm in arms]
    cells = [tuple((arm.levels or {}).values()) for arm in arms]
    rates, degrees = ["off", "rate=0.2", "rate=0.4"], ["off", "degrees=5", "degrees=10", "degrees=15"]
    assert set(cells) == set(itertools.product(rates, ["off", "on"], degrees))
    by_name = {arm.name: arm.recipe.regularizers for arm in arms}
    assert by_name["dropout=0.4+l2"] == {"dropout": {"rate": 0.4}, "l2": {"strength": 1e-4}}


def test_levels_may_be_texts_and_other_parameters_stay() -> None:
    arms = arms_of({"factors": {"normalization": {"kind": ["batch", "layer"], "momentum": 0.5}}, "plain": False})
    assert [arm.name for arm in arms] == ["normalization=batch", "normalization=layer"]
    assert arms[1].recipe.regularizers == {"normalization": {"kind": "layer", "momentum": 0.5}}


def test_a_list_that_the_regularizer_takes_is_no_levels() -> None:
    assert names_of({"factors": {"steps": {"at": [5, 6]}}}) == ["plain", "steps"]
    arms = arms_of({"factors": {"steps": {"at": [5, 6], "factor": [0.1, 0.2]}}})
    assert [arm.name for arm in arms] == ["plain", "steps=0.1", "steps=0.2"]
    assert arms[2].recipe.regularizers == {"steps": {"at": [5, 6], "factor": 0.2}}


def test_a_free_name_holds_a_patch() -> None:
    patch = {"rotation": {"degrees": 5}, "horizontal_flip": {}, "optimizer": {"kind": "adam", "lr": 0.1}}
    plain, arm = arms_of({"factors": {"augmentation": patch}})
    assert (arm.name, arm.levels) == ("augmentation", {"augmentation": "on"})
    assert arm.recipe.regularizers == {"rotation": {"degrees": 5.0}, "horizontal_flip": {"probability": 0.5}}
    assert (arm.recipe.optimizer.kind, plain.recipe.optimizer.kind) == ("adam", "sgd")


def test_named_arms_come_last_and_have_no_levels() -> None:
    arms = arms_of({"factors": {"l2": {}}, "arms": {"wide": {"model": {"hidden": [512]}}}}, model={"hidden": [8]})
    assert [(arm.name, arm.levels is None) for arm in arms] == [("plain", False), ("l2", False), ("wide", True)]
    assert arms[2].recipe.model is not None
    assert arms[2].recipe.model == MlpSpec(hidden=(512,), activation="relu")


def test_an_arm_may_remove_a_regularizer_of_the_base() -> None:
    plain, bare = arms_of({"arms": {"bare": {"l2": None}}}, regularizers={"l2": {}, "dropout": {"rate": 0.1}})
    assert plain.recipe.regularizers == {"l2": {"strength": 1e-4}, "dropout": {"rate": 0.1}}
    assert bare.recipe.regularizers == {"dropout": {"rate": 0.1}}


def test_without_plain_the_cell_with_all_off_is_left_out() -> None:
    assert names_of({"factors": {"l2": {}, "dropout": {}}, "plain": False}) == ["l2", "dropout", "l2+dropout"]


def test_control() -> None:
    factors: Mapping[str, Any] = {"l2": {}, "dropout": {}}
    cases: list[tuple[Mapping[str, Any], str]] = [
        ({"factors": factors}, "plain"),
        ({"factors": factors, "plain": False}, "l2"),
        ({"factors": factors, "control": "l2+dropout"}, "l2+dropout"),
    ]
    for study, control in cases:
        spec = parse_study({"data": "digits", "study": study})
        assert control_of(spec, expand(spec, regularizers=DEFAULTS, check=check)) == control
    assert error_of({"factors": factors, "control": "dropuot"}) == (
        "study.control: there is no arm 'dropuot'; expected 'dropout' (nearest), one of dropout, l2, l2+dropout, plain"
    )


@pytest.mark.parametrize(
    ("study", "message"),
    [
        ({"factors": {"dropot": {"rate": 0.4}}}, "study.factors.dropot: neither a regularizer nor a patch of recipe "),
        ({"factors": {"dropot": {"rate": 0.4}}}, "expected 'dropout' (nearest), one of dropout, "),
        ({"factors": {"mine": {}}}, "study.factors.mine: neither a regularizer nor a patch"),
        ({"factors": {"mine": {"l2": {}, "rotatoin": {}}}}, "study.factors.mine.rotatoin: neither a recipe field nor "),
        ({"factors": {"mine": {"l2": {}, "rotatoin": {}}}}, "expected 'rotation' (nearest)"),
        ({"factors": {"mine": {"l2": {}, "rotation": None}}}, "study.factors.mine.rotation: removes what the base "),
        ({"factors": {"optimizer": {"lr": 0.1}}}, "study.factors.optimizer: is a recipe field"),
        ({"factors": {"dropout": {"rte": 0.1}}}, "study.factors.dropout.rte: unknown key; expected 'rate' (nearest)"),
        ({"factors": {"dropout": {"rate": -1}}}, "study.factors.dropout.rate: received -1; expected at least 0"),
        ({"factors": {"dropout": {"rate": [0.1, -1]}}}, "study.factors.dropout.rate: received -1; expected at least"),
        ({"factors": {"dropout": {"rate": []}}}, "study.factors.dropout.rate: received []"),
        ({"factors": {"dropout": {"rate": [[1], [2]]}}}, "study.factors.dropout.rate: received [[1], [2]]"),
        ({"factors": {"dropout": {"rate": [0.1, 0.1]}}}, "received [0.1, 0.1]; expected each level once"),
        ({"factors": {"normalization": {"kind": ["a"], "momentum": [1]}}}, "expected one list per factor"),
        ({"factors": {"mine": {"model": {"hidden": [0]}}}}, "study.factors.mine.model.hidden.0: received 0"),
        ({"factors": {"mine": {"rotation": {"degres": 3}}}}, "study.factors.mine.rotation.degres: unknown key"),
        ({"arms": {"mine": {"regularizers": {"l3": {}}}}}, "study.arms.mine.regularizers.l3: unknown regularizer"),
        ({"arms": {"mine": {"rate": 0.4}}}, "study.arms.mine.rate: neither a recipe field nor a regularizer"),
        ({"arms": {"mine": {"l2": {"strength": "x"}}}}, "study.arms.mine.l2.strength: received 'x'"),
        ({"arms": {"mine": {"model": {"kind": "mpl"}}}}, "study.arms.mine.model.kind: received 'mpl'; expected 'mlp'"),
        ({"arms": {"../x": {"l2": {}}}}, "study: the arm '../x' cannot name a folder"),
        ({"arms": {"..": {"l2": {}}}}, "the arm '..' cannot name a folder"),
        ({"arms": {"": {"l2": {}}}}, "the arm '' cannot name a folder"),
        ({"arms": {"a" * 201: {"l2": {}}}}, "cannot name a folder"),
        ({"factors": {"normalization": {"kind": ["a/b"]}}}, "the arm 'normalization=a/b' cannot name a folder"),
        ({"factors": {"l2": {}}, "arms": {"l2": {"dropout": {}}}}, "two arms are named 'l2' and 'l2'"),
        ({"factors": {"l2": {}}, "arms": {"L2": {"dropout": {}}}}, "two arms are named 'l2' and 'L2'"),
        ({"arms": {"plain": {"l2": {}}}}, "two arms are named 'plain' and 'plain'"),
        ({"arms": {"same": {"epochs": 30}}}, "arms 'plain' and 'same' have the same recipe"),
        ({"arms": {"a": {"l2": {}}, "b": {"l2": {"strength": 1e-4}}}}, "arms 'a' and 'b' have the same recipe"),
        ({"factors": {"dropout": {"rate": [1, 1.0]}}}, "arms 'dropout=1' and 'dropout=1.0' have the same recipe"),
        ({"plain": False}, "study: no arms; expected plain: true, factors or arms"),
        ({"factors": {"dropout": {"rate": [i / 2000 for i in range(1001)]}}}, "study.factors: 1002 arms; expected at "),
    ],
)
def test_what_is_wrong_is_named_in_one_line(study: Mapping[str, Any], message: str) -> None:
    assert message in error_of(study)


def test_wrong_regularizers_of_the_base_are_named_where_they_stand() -> None:
    assert error_of({}, regularizers={"dropot": {}}).startswith("regularizers.dropot: unknown regularizer; expected")
    assert error_of({}, regularizers={"l2": {"strength": -1}}).startswith("regularizers.l2.strength: received -1")


def test_many_factors_are_refused_before_they_are_multiplied_out() -> None:
    factors = {f"f{i}": {"epochs": i + 1} for i in range(64)}
    assert error_of({"factors": factors}) == f"study.factors: {2**64} arms; expected at most 1000"


def test_the_hash_knows_values_and_not_the_order_of_keys() -> None:
    one = Recipe.model_validate({"data": "digits", "regularizers": {"l2": {"a": 1, "b": 2}, "dropout": {}}})
    other = Recipe.model_validate({"regularizers": {"dropout": {}, "l2": {"b": 2, "a": 1}}, "data": "digits"})
    assert recipe_hash(one) == recipe_hash(other)
    assert recipe_hash(one) == recipe_hash(Recipe.model_validate(json.loads(json.dumps(one.to_dict()))))
    assert recipe_hash(one) != recipe_hash(one.model_copy(update={"epochs": 31}))


def test_the_hash_stays_the_same_between_versions() -> None:
    """A study that was begun with an older version goes on: this value must only change with the fields of a recipe."""
    plain = {"a": [1, 2.5], "b": {"c": None, "d": "ü"}}

    class Fixed(Recipe):
        def to_dict(self) -> dict[str, Any]:
            return plain

    found = recipe_hash(Fixed.model_validate({"data": "digits"}))
    # printf '%s' '{"a":[1,2.5],"b":{"c":null,"d":"\u00fc"}}' | sha256sum
    assert found == "92e8b2acff3c03527f04b530f1909b759336c3b5650cb21d25d373ea786fef2a"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["dropout", "l2", "rotation", "normalization"]), unique=True), st.data())
def test_every_factorial_is_full_and_its_arms_differ(factors: list[str], data: st.DataObject) -> None:
    levels = {name: data.draw(st.lists(st.floats(0.1, 0.9), min_size=1, max_size=3, unique=True)) for name in factors}
    keys = {"dropout": "rate", "l2": "strength", "rotation": "degrees", "normalization": "momentum"}
    spec = StudySpec(
        recipe=Recipe.model_validate({"data": "digits"}),
        factors={name: {keys[name]: values} for name, values in levels.items()},
    )
    arms = expand(spec, regularizers=DEFAULTS, check=check)
    found = {
        tuple(sorted((name, given[keys[name]]) for name, given in arm.recipe.regularizers.items())) for arm in arms
    }
    expected = {
        tuple(sorted((name, value) for name, value in zip(factors, cell, strict=True) if value is not None))
        for cell in itertools.product(*([None, *levels[name]] for name in factors))
    }
    assert found == expected
    assert len({arm.name for arm in arms}) == len(arms) == len(expected)
