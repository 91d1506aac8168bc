"""The same checks for every method in the catalogue: a new method is a file, a line in the table, and nothing here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support import member, same_bits, tiny_images, train
from wellfit.errors import RecipeError
from wellfit.regularize.catalogue import CATALOGUE, check, make
from wellfit.regularize.stages import Method
from wellfit.train.member import Member

NAMES = list(CATALOGUE)
SEED = 3


def strong(name: str) -> dict[str, Any]:
    """The method's defaults, which every card must have and which must change something."""
    return check(name, {})


def arm(name: str, parameters: dict[str, Any] | None, seed: int = SEED, **changes: Any) -> Member:
    title = "without" if parameters is None else f"{name} {sorted(parameters.items())}"
    return member(title, seed, regularizers={} if parameters is None else {name: parameters}, **changes)


def neighbours() -> list[Member]:
    """Members of the same structure with every other method, on the same seed and on another."""
    return [member(f"next to {name}", seed, regularizers={name: strong(name)}) for name in NAMES for seed in (SEED, 4)]


@pytest.mark.parametrize("name", NAMES)
def test_off_is_the_run_without_it_bit_for_bit(name: str) -> None:
    off = dict(CATALOGUE[name].off)
    with_it, without = arm(name, off), arm(name, None)
    together = train([with_it, without, *neighbours()], tiny_images())
    alone = train([without], tiny_images())
    assert same_bits(together[with_it.key].weights, together[without.key].weights)
    assert same_bits(together[with_it.key].weights, alone[without.key].weights)


@pytest.mark.parametrize("name", NAMES)
def test_defaults_change_the_run_or_its_end(name: str) -> None:
    on, without = arm(name, strong(name), epochs=12), arm(name, None, epochs=12)
    if name == "early_stopping":
        on = arm(name, {"patience": 1}, epochs=12, optimizer={"kind": "sgd", "lr": 2.0})
        without = arm(name, None, epochs=12, optimizer={"kind": "sgd", "lr": 2.0})
    if name in {"clip_norm", "max_norm", "l1", "l2", "weight_decay"}:
        tight: dict[str, dict[str, Any]] = {"clip_norm": {"limit": 0.1}, "max_norm": {"limit": 0.3}}
        on = arm(name, tight.get(name, strong(name)), epochs=12)
    done = train([on, without], tiny_images())
    assert not same_bits(done[on.key].weights, done[without.key].weights)


@pytest.mark.parametrize("name", NAMES)
def test_neighbours_change_nothing(name: str) -> None:
    on = arm(name, strong(name))
    alone = train([on], tiny_images())[on.key]
    beside = train([*neighbours(), on], tiny_images())[on.key]
    assert same_bits(alone.weights, beside.weights)
    assert [r.val_loss for r in alone.record.curves] == [r.val_loss for r in beside.record.curves]


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_gives_the_same_run_again_and_another_seed_another(name: str) -> None:
    on = arm(name, strong(name))
    other = arm(name, strong(name), seed=SEED + 1)
    first, again = train([on, other], tiny_images()), train([on], tiny_images())
    assert same_bits(first[on.key].weights, again[on.key].weights)
    assert not same_bits(first[on.key].weights, first[other.key].weights)


@pytest.mark.parametrize("name", NAMES)
def test_goes_on_from_a_checkpoint_as_if_never_stopped(name: str, tmp_path: Path) -> None:
    from tests.support import replicates
    from wellfit.train.events import EpochEnded
    from wellfit.train.fit import fit

    members = [arm(name, strong(name)), arm(name, None, seed=5)]
    whole = train(members, tiny_images())
    path = tmp_path / "c.safetensors"
    for event in fit(members, replicates(tiny_images(), members), device=torch.device("cpu"), checkpoint=path):
        if isinstance(event, EpochEnded) and event.epoch == 2:
            break  # killed in the second epoch: the checkpoint holds the first
    resumed = train(members, tiny_images(), checkpoint=path)
    assert not path.exists()
    for key, trained in whole.items():
        assert same_bits(trained.weights, resumed[key].weights)
        rows = zip(trained.record.curves, resumed[key].record.curves, strict=True)
        assert all((a.val_loss, a.objective, a.penalty) == (b.val_loss, b.objective, b.penalty) for a, b in rows)


@pytest.mark.parametrize("name", NAMES)
def test_spec_survives_json(name: str) -> None:
    method = make(name, strong(name))
    again = make(name, json.loads(json.dumps(method.model_dump())))
    assert again == method
    assert method.model_json_schema()["type"] == "object"


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_value_names_field_rule_and_value(name: str) -> None:
    field = next(iter(CATALOGUE[name].model_fields))
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
    for field in cls.model_fields:
        assert f"``{field}``" in card, f"{name}: {field} is not described"
    assert set(cls.off) <= set(cls.model_fields)
    module = __import__(cls.__module__, fromlist=["x"])
    assert cls.__module__.endswith(f".{cls.stage}.{name}"), "a method's file has its name and stands in its stage"
    assert (module.__doc__ or "").strip()


@pytest.mark.parametrize("name", NAMES)
def test_dtype_and_device_are_kept(name: str) -> None:
    on = arm(name, strong(name), epochs=1)
    trained = train([on], tiny_images())[on.key]
    assert all(w.dtype == torch.float32 and w.device.type == "cpu" for w in trained.weights.values())


@pytest.mark.parametrize("name", NAMES)
def test_evaluation_is_untouched(name: str) -> None:
    """The row of an epoch is what a plain module in evaluation mode says about the weights handed over."""
    from tests.support import replicates
    from wellfit.models import build

    on = arm(name, strong(name), epochs=1)
    trained = train([on], tiny_images())[on.key]
    replicate = replicates(tiny_images(), [on])[SEED]
    assert on.recipe.model is not None
    module = build(on.recipe.model, shape=(1, 6, 6), outputs=3, seed=0).eval()
    module.load_state_dict(dict(trained.weights))
    rows = replicate.split.validation
    x = replicate.scaler.apply(replicate.dataset.x[rows])
    with torch.no_grad():
        loss = torch.nn.functional.cross_entropy(module(x), replicate.dataset.y[rows])
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
