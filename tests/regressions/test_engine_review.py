"""What a review of the training engine found: overflowing members, networks with odd state, SAM beside own draws."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support import Trained, deviation, member, replicates, same_bits, tiny_images, train
from wellfit.errors import ModelError
from wellfit.regularize.gradient.clip_norm import ClipNorm
from wellfit.train.events import EpochEnded, Key, MemberFinished
from wellfit.train.fit import fit
from wellfit.train.member import Member
from wellfit.train.reference import train_reference

SATURATING: dict[str, Any] = {"model": {"kind": "mlp", "hidden": [12, 8], "activation": "sigmoid"}}
HERE = "tests.regressions.networks"


@pytest.mark.parametrize(
    "optimizer", [{"kind": "adadelta", "lr": 1e36}, {"kind": "sgd", "lr": 1e20}, {"kind": "lion", "lr": 1e20}]
)
@pytest.mark.parametrize("name", ["l2", "elastic_net", "ema"])
def test_a_neighbour_does_not_decide_whether_an_overflowing_member_diverges(
    optimizer: dict[str, Any], name: str
) -> None:
    """Weights of 1e20 are finite, their squares are not: a strength of 0 times those made NaN of the objective."""
    wild = member("wild", optimizer=optimizer, epochs=2, **SATURATING)
    calm = member("calm", regularizers={name: {}}, optimizer=optimizer | {"lr": 0.001}, epochs=2, **SATURATING)
    alone, beside = train([wild], tiny_images())[wild.key], train([wild, calm], tiny_images())[wild.key]
    assert (beside.record.status, beside.record.epochs_run) == (alone.record.status, alone.record.epochs_run)
    assert same_bits(beside.weights, alone.weights)


def test_infinite_weights_are_divergence_even_where_the_loss_is_finite() -> None:
    """Sigmoids saturate: the loss of a network with infinite biases is a number."""
    wild = member("wild", regularizers={"weight_decay": {"strength": 1e39, "on": ["1.bias"]}}, **SATURATING)
    done = train([wild], tiny_images())[wild.key]
    assert math.isfinite(done.record.curves[-1].val_loss)
    assert (done.record.status, done.record.best_epoch) == ("diverged", 0)
    assert all(torch.isfinite(w).all() for w in done.weights.values())


def test_no_clipping_changes_no_gradient_whose_norm_overflows() -> None:
    g = torch.tensor([[1e25, -1.0], [1e25, -1.0]])
    ClipNorm.transform([g], {"limit": torch.tensor([torch.inf, 1.0])})
    assert g[0].tolist() == [torch.tensor(1e25).item(), -1.0]


@pytest.mark.parametrize("name", ["ema", "swa", "gradient_noise", "sam"])
@pytest.mark.parametrize("network", ["Odd", "OwnDropout", "Tied"])
def test_odd_networks_agree_with_the_plain_loop(network: str, name: str) -> None:
    """Integer, boolean, empty and double buffers; own draws and running state, which SAM's two passes share."""
    one = member(name, regularizers={name: {}}, model={"import": f"{HERE}.{network}"})
    done = train([one, member("other", model=one.recipe.model)], tiny_images())[one.key]
    expected = train_reference(one, replicates(tiny_images(), [one])[0])
    filled = {key: value for key, value in expected.items() if value.numel()}
    assert deviation(filled, done.weights) < 1e-5


def goes_on(members: list[Member], path: Path) -> dict[Key, Trained]:
    """Train with a stop in each epoch, after its events and before its checkpoint."""
    done: dict[Key, Trained] = {}
    for stop in (2, 3, None):
        left = [m for m in members if m.key not in done]
        for event in fit(left, replicates(tiny_images(), left), device=torch.device("cpu"), checkpoint=path):
            if isinstance(event, MemberFinished):
                done[event.record.arm, event.record.seed] = Trained(event.record, event.weights)
            if isinstance(event, EpochEnded) and event.epoch == stop:
                break
    return done


@pytest.mark.parametrize("network", ["Odd", "OwnDropout", "Tied"])
def test_odd_networks_resume_to_the_same_bits(network: str, tmp_path: Path) -> None:
    given: dict[str, dict[str, Any]] = {
        "plain": {},
        "ema": {"ema": {}},
        "noise": {"gradient_noise": {}},
        "sam": {"sam": {}},
    }
    members = [
        member(name, seed, regularizers=methods, model={"import": f"{HERE}.{network}"}, optimizer={"kind": "nadam"})
        for name, methods in given.items()
        for seed in (0, 1)
    ]
    whole, resumed = train(members, tiny_images()), goes_on(members, tmp_path / "c.safetensors")
    assert all(same_bits(resumed[key].weights, whole[key].weights) for key in whole)
    assert not (tmp_path / "c.safetensors").exists()


def test_a_buffer_that_changes_its_shape_is_refused() -> None:
    with pytest.raises(ModelError, match=r"buffer 'seen' .*\(0,\) .*\(1,\)"):
        train([member("grows", model={"import": f"{HERE}.Growing"})], tiny_images())
