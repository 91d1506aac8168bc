"""The same checks for every method in the catalogue: a new method is a file, a line in the table, and nothing here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from tests.contract.benches import Bench, bench, strong
from tests.support import member, replicates, same_bits, train
from wellfit.errors import RecipeError
from wellfit.models import build, load_state
from wellfit.regularize.catalogue import CATALOGUE, make
from wellfit.regularize.stages import Method
from wellfit.train.events import EpochEnded
from wellfit.train.fit import fit
from wellfit.train.handed import scale_in_evaluation
from wellfit.train.member import Member

NAMES = list(CATALOGUE)
SEED = 3


def arm(name: str, parameters: dict[str, Any] | None, seed: int = SEED, **changes: Any) -> Member:
    title = "without" if parameters is None else f"{name} {sorted(parameters.items())}"
    given = {} if parameters is None else {name: parameters}
    return member(title, seed, regularizers=given, **{**bench(name).changes, **changes})


def neighbours(place: Bench, most: int = 12) -> list[Member]:
    """Members of the same structure with other methods, on the same seed and on another."""
    names = [name for name in NAMES if place.suits(name)]
    chosen = names[:: max(1, len(names) // most)]
    return [
        member(f"next to {name}", seed, regularizers={name: strong(name)}, **place.changes)
        for name in chosen
        for seed in (SEED, 4)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_off_is_the_run_without_it_bit_for_bit(name: str) -> None:
    place = bench(name)
    with_it, without, on = arm(name, dict(CATALOGUE[name].off)), arm(name, None), arm(name, strong(name))
    together = train([with_it, without, on, *neighbours(place)], place.dataset)
    alone = train([without], place.dataset)
    assert same_bits(together[with_it.key].weights, together[without.key].weights)
    assert same_bits(together[without.key].weights, alone[without.key].weights)


@pytest.mark.parametrize("name", NAMES)
def test_it_changes_the_run_or_its_end(name: str) -> None:
    changes: dict[str, Any] = {"epochs": 12}
    if name == "early_stopping":
        changes |= {"optimizer": {"kind": "sgd", "lr": 2.0}}
    on, without = arm(name, strong(name), **changes), arm(name, None, **changes)
    done = train([on, without], bench(name).dataset)
    assert not same_bits(done[on.key].weights, done[without.key].weights)


@pytest.mark.parametrize("name", NAMES)
def test_neighbours_change_nothing(name: str) -> None:
    place, on = bench(name), arm(name, strong(name))
    alone = train([on], place.dataset)[on.key]
    beside = train([*neighbours(place), on], place.dataset)[on.key]
    assert same_bits(alone.weights, beside.weights)
    assert [r.val_loss for r in alone.record.curves] == [r.val_loss for r in beside.record.curves]


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_gives_the_same_run_again_and_another_seed_another(name: str) -> None:
    on, other = arm(name, strong(name)), arm(name, strong(name), seed=SEED + 1)
    dataset = bench(name).dataset
    first, again = train([on, other], dataset), train([on], dataset)
    assert same_bits(first[on.key].weights, again[on.key].weights)
    assert not same_bits(first[on.key].weights, first[other.key].weights)


@pytest.mark.parametrize("name", NAMES)
def test_goes_on_from_a_checkpoint_as_if_never_stopped(name: str, tmp_path: Path) -> None:
    dataset = bench(name).dataset
    members = [arm(name, strong(name)), arm(name, None, seed=5)]
    whole = train(members, dataset)
    path = tmp_path / "c.safetensors"
    for event in fit(members, replicates(dataset, members), device=torch.device("cpu"), checkpoint=path):
        if isinstance(event, EpochEnded) and event.epoch == 2:
            break  # killed in the second epoch: the checkpoint holds the first
    resumed = train(members, dataset, checkpoint=path)
    assert not path.exists()
    for key, trained in whole.items():
        assert same_bits(trained.weights, resumed[key].weights)
        rows = zip(trained.record.curves, resumed[key].record.curves, strict=True)
        assert all((a.val_loss, a.objective, a.penalty) == (b.val_loss, b.objective, b.penalty) for a, b in rows)


@pytest.mark.parametrize("name", NAMES)
def test_spec_survives_json(name: str) -> None:
    method = make(name, strong(name))
    again = make(name, json.loads(json.dumps(method.model_dump(mode="json"))))
    assert again == method
    assert repr(again) == repr(method)
    assert method.model_json_schema()["type"] == "object"


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_value_names_field_rule_and_value(name: str) -> None:
    fields = CATALOGUE[name].number_fields()
    if not fields:
        field = next(iter(CATALOGUE[name].model_fields))
        with pytest.raises(RecipeError, match=rf"{name}\.{field}: received -1\b.*; expected "):
            make(name, {field: -1})
        return
    field = fields[0]
    with pytest.raises(
        RecipeError, match=rf"{name}\.{field}: received -1\b.*; expected (more than|at least) \d"
    ) as caught:
        make(name, {field: -1})
    assert caught.value.exit_code == 2
    with pytest.raises(RecipeError, match="received 'much'"):
        make(name, {field: "much"})
    with pytest.raises(RecipeError, match="received True; expected a number"):
        make(name, {field: True})
    with pytest.raises(RecipeError, match="received nan"):
        make(name, {field: float("nan")})
    with pytest.raises(RecipeError, match=f"'{field}' .nearest"):
        make(name, {field + "x": 1})


@pytest.mark.parametrize("name", NAMES)
def test_card_is_whole(name: str) -> None:
    cls = CATALOGUE[name]
    card = cls.__doc__ or ""
    for heading in ("Formula:", "Range:", "Source:"):
        assert heading in card, f"{name}: no {heading}"
    assert re.search(r"Does (nothing|little) for:", card)
    assert re.search(r"Source: .*\d{4}", card, re.DOTALL), "a source has a year"
    for field in set(cls.model_fields) - {"at", "on"}:  # where it acts: said once, in ``stages.py``
        assert f"``{field}``" in card, f"{name}: {field} is not described"
    assert set(cls.off) <= set(cls.model_fields)
    module = __import__(cls.__module__, fromlist=["x"])
    assert cls.__module__.endswith(f".{cls.stage}.{name}"), "a method's file has its name and stands in its stage"
    assert (module.__doc__ or "").strip()


@pytest.mark.parametrize("name", NAMES)
def test_dtype_and_device_are_kept(name: str) -> None:
    on = arm(name, strong(name), epochs=1)
    trained = train([on], bench(name).dataset)[on.key]
    assert all(w.dtype == torch.float32 and w.device.type == "cpu" for w in trained.weights.values())


@pytest.mark.parametrize("name", NAMES)
def test_evaluation_is_untouched(name: str) -> None:
    """The row of an epoch is what the plain module that is handed over says in evaluation mode."""
    place, on = bench(name), arm(name, strong(name), epochs=1)
    trained = train([on], place.dataset)[on.key]
    replicate = replicates(place.dataset, [on])[SEED]
    assert on.recipe.model is not None
    shape = place.dataset.shape
    module = build(on.recipe.model, shape=shape, outputs=place.dataset.outputs, seed=0)
    load_state(module, trained.weights)
    scale_in_evaluation(module.eval(), on, shape)
    rows = replicate.split.validation
    with torch.no_grad():
        z = module(replicate.scale(replicate.gather(rows, device=torch.device("cpu"))))
    y = replicate.targets(rows, device=torch.device("cpu"))
    loss = F.mse_loss(z, y) if place.dataset.task == "regression" else F.cross_entropy(z, y)
    assert trained.record.curves[-1].val_loss == pytest.approx(float(loss), rel=1e-6)


def test_unknown_method_names_the_nearest() -> None:
    with pytest.raises(
        RecipeError, match=r"regularizers.drop_out: unknown regularizer; expected 'dropout' \(nearest\)"
    ):
        make("drop_out", {})


def test_every_method_has_a_stage_of_the_six() -> None:
    stages = {"batch", "activations", "loss", "gradient", "weights", "time"}
    assert {cls.stage for cls in CATALOGUE.values()} == stages
    assert all(issubclass(cls, Method) for cls in CATALOGUE.values())
