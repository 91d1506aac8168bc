"""The same checks for every optimizer, schedule, loss, initialization and normalization."""

from __future__ import annotations

import inspect
import json
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import BaseModel

from tests.support import deviation, member, replicates, same_bits, tiny_images, tiny_vectors, train
from wellfit.cards import parse_card
from wellfit.errors import RecipeError
from wellfit.recipe import Recipe, validate
from wellfit.recipe.init import InitSpec
from wellfit.recipe.loss import LossSpec
from wellfit.recipe.norm import NormSpec
from wellfit.recipe.optimizer import OptimizerSpec
from wellfit.recipe.schedule import ScheduleSpec
from wellfit.train.events import EpochEnded
from wellfit.train.fit import fit
from wellfit.train.member import Member


def classes(union: Any) -> Iterator[type[BaseModel]]:
    if isinstance(union, type) and issubclass(union, BaseModel):
        yield union
    else:
        for part in typing.get_args(union):
            yield from classes(part)


FIELDS = {"optimizer": OptimizerSpec, "schedule": ScheduleSpec, "loss": LossSpec, "init": InitSpec, "norm": NormSpec}
SPECS = [(field, cls) for field, union in FIELDS.items() for cls in classes(union)]
IDS = [f"{field} {cls.model_fields['kind'].default}" for field, cls in SPECS]
NUMBERS = {"mse", "mae", "huber"}


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> str:
    from safetensors.torch import save_file

    path = tmp_path_factory.mktemp("pretrained") / "weights.safetensors"
    save_file(dict(train([member("teacher", 9)], tiny_images())["teacher", 9].weights), str(path))
    return str(path)


def given(field: str, cls: type[BaseModel], pretrained: str) -> dict[str, Any]:
    kind = cls.model_fields["kind"].default
    terms = [{"loss": "cross_entropy", "weight": 0.7}, {"loss": "dice", "weight": 0.3}]
    needed: dict[str, dict[str, Any]] = {
        "pretrained": {"path": pretrained},
        "group": {"groups": 2},
        "sum": {"terms": terms},
    }
    return {"kind": kind, **needed.get(kind, {})}


def one(field: str, cls: type[BaseModel], pretrained: str, seed: int = 0, **more: Any) -> tuple[Member, Any]:
    """A member with it, and data that it suits."""
    values = given(field, cls, pretrained)
    kind = values["kind"]
    dataset = tiny_vectors() if kind in NUMBERS else tiny_images(classes=2 if kind == "hinge" else 3)
    model: dict[str, Any] = {"kind": "mlp", "hidden": [12, 8], "norm": values}
    if kind == "instance":
        model = {"kind": "cnn", "channels": [4, 8], "norm": values}
    changes: dict[str, Any] = {"model": model} if field == "norm" else {field: values}
    changes["batch_size"] = 18  # 108 samples: no batch of another size
    return member(f"{field} {kind}", seed, **{**changes, **more}), dataset


@pytest.mark.parametrize(("field", "cls"), SPECS, ids=IDS)
def test_neighbours_change_nothing_and_a_seed_gives_the_same_run(
    field: str, cls: type[BaseModel], pretrained: str
) -> None:
    first, dataset = one(field, cls, pretrained)
    other, _ = one(field, cls, pretrained, seed=1)
    beside = [
        Member("slower", first.seed, first.recipe.model_copy(update={"epochs": 2})),
        Member("decayed", 1, first.recipe.model_copy(update={"regularizers": {"l2": {}, "dropout": {"rate": 0.2}}})),
    ]
    alone = train([first], dataset)[first.key]
    together = train([other, *beside, first], dataset)
    assert same_bits(alone.weights, together[first.key].weights)
    assert [r.val_loss for r in alone.record.curves] == [r.val_loss for r in together[first.key].record.curves]
    starts_alike = first.recipe.init.kind in {"zeros", "constant"}
    assert starts_alike or not same_bits(together[first.key].weights, together[other.key].weights)
    assert all(w.dtype in {torch.float32, torch.int64} for w in alone.weights.values())


@pytest.mark.parametrize(("field", "cls"), SPECS, ids=IDS)
def test_goes_on_from_a_checkpoint(field: str, cls: type[BaseModel], pretrained: str, tmp_path: Path) -> None:
    first, dataset = one(field, cls, pretrained)
    whole = train([first], dataset)[first.key]
    path = tmp_path / "c.safetensors"
    for event in fit([first], replicates(dataset, [first]), device=torch.device("cpu"), checkpoint=path):
        if isinstance(event, EpochEnded) and event.epoch == 2:
            break
    resumed = train([first], dataset, checkpoint=path)[first.key]
    assert same_bits(whole.weights, resumed.weights)
    assert [row.lr for row in whole.record.curves] == [row.lr for row in resumed.record.curves]


@pytest.mark.parametrize(("field", "cls"), SPECS, ids=IDS)
def test_it_survives_json(field: str, cls: type[BaseModel], pretrained: str) -> None:
    first, _ = one(field, cls, pretrained)
    again = Recipe.model_validate(json.loads(json.dumps(first.recipe.to_dict())))
    assert again == first.recipe


@pytest.mark.parametrize(("field", "cls"), SPECS, ids=IDS)
def test_a_bad_value_names_field_rule_and_value(field: str, cls: type[BaseModel], pretrained: str) -> None:
    values = given(field, cls, pretrained)

    def recipe(changed: dict[str, Any]) -> Recipe:
        part = {"model": {"norm": changed}} if field == "norm" else {field: changed}
        return validate(Recipe, {"data": "digits", **part})

    place = "model.norm" if field == "norm" else field
    with pytest.raises(RecipeError, match=rf"^{place}\.colour: unknown key; expected") as caught:
        recipe({**values, "colour": 1})
    assert caught.value.exit_code == 2
    for name, info in cls.model_fields.items():
        if info.annotation in (float, int):
            with pytest.raises(RecipeError, match=rf"^{place}\.{name}: received 'much'; expected a .*number"):
                recipe({**values, name: "much"})
            with pytest.raises(RecipeError, match=rf"^{place}\.{name}: received nan; expected"):
                recipe({**values, name: float("nan")})


@pytest.mark.parametrize(("field", "cls"), SPECS, ids=IDS)
def test_card_is_whole(field: str, cls: type[BaseModel]) -> None:
    if cls.model_fields["kind"].default == "none":
        return
    summary, sections = parse_card(inspect.getdoc(cls) or "")
    assert summary.endswith(".")
    assert {"Formula", "Range", "Source"} <= sections.keys()
    assert any(heading.startswith("Does ") for heading in sections)
    assert re.search(r"\d{4}", sections["Source"])
    for name, info in cls.model_fields.items():
        if name != "kind":
            assert f"``{info.alias or name}``" in (cls.__doc__ or ""), f"{name} is not described"


@pytest.mark.parametrize("kind", ["batch", "layer", "instance", "group"])
def test_norms_are_as_the_plain_loop_has_them(kind: str) -> None:
    from wellfit.train.reference import train_reference

    cls = next(cls for cls in classes(NormSpec) if cls.model_fields["kind"].default == kind)
    first, dataset = one("norm", cls, "", epochs=6)
    trained = train([first], dataset)[first.key]
    plain = train_reference(first, replicates(dataset, [first])[0])
    assert deviation(trained.weights, plain) < 1e-4
