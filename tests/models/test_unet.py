"""U-Net: an answer for every pixel, of images of any size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.signal import correlate
from torch import nn

from wellfit.errors import ModelError
from wellfit.models import build, describe
from wellfit.recipe import CnnSpec, ImportSpec, MlpSpec, RnnSpec, UnetSpec, merge
from wellfit.regularize.activations.dropout import Dropout
from wellfit.train.draws import Draws
from wellfit.train.hidden import Acting, HiddenStage
from wellfit.train.losses import Loss
from wellfit.train.network import Batch, Network, Objective
from wellfit.train.one_by_one import OneByOne
from wellfit.train.sites import find_sites
from wellfit.train.vmapped import Vmapped, refusal


def made(shape: tuple[int, ...] = (2, 9, 7), **fields: Any) -> nn.Module:
    spec = UnetSpec.model_validate({"channels": [4, 6, 8], **fields})
    return build(spec, shape=shape, outputs=3, seed=0, pixels=True)


@pytest.mark.parametrize("shape", [(1, 4, 4), (3, 33, 17), (2, 5, 64), (1, 31, 31)])
@pytest.mark.parametrize("norm", ["none", "batch", "layer", {"groups": 2}])
def test_the_answer_is_as_large_as_the_image(shape: tuple[int, ...], norm: Any) -> None:
    module = made(shape, norm=norm)
    assert module(torch.rand(2, *shape)).shape == (2, 3, *shape[1:])


Array = NDArray[np.float64]


def convolved(x: Array, layer: nn.Conv2d) -> Array:
    """Return (K, H, W) for (C, H, W), by SciPy."""
    w = layer.weight.detach().double().numpy()
    bias = np.zeros(len(w)) if layer.bias is None else layer.bias.detach().double().numpy()
    found = [sum(correlate(one, k, mode="same") for one, k in zip(x, own, strict=True)) for own in w]
    summed: Array = np.stack(found) + bias[:, None, None]
    return summed


def pooled(x: Array) -> Array:
    """Return the largest of each 2x2 window, the last ones smaller where a side is odd."""
    rows = np.stack([x[:, at : at + 2].max(1) for at in range(0, x.shape[1], 2)], 1)
    return np.stack([rows[..., at : at + 2].max(2) for at in range(0, x.shape[2], 2)], 2)


def test_it_is_what_its_formula_says() -> None:
    module = made(channels=[4, 6])
    layers = {name: child for name, child in module.named_modules() if isinstance(child, nn.Conv2d)}

    def block(x: Array, name: str) -> Array:
        for at in (0, 2):
            x = np.maximum(convolved(x, layers[f"{name}.{at}"]), 0)
        return x

    x = np.random.default_rng(0).normal(size=(2, 9, 7))
    fine = block(x, "down.0")
    coarse = block(pooled(fine), "down.1")
    assert coarse.shape == (6, 5, 4)
    above = convolved(coarse.repeat(2, 1).repeat(2, 2)[:, :9, :7], layers["narrow.0"])
    expected = convolved(block(np.concatenate([fine, above]), "up.0"), layers["head"])
    answer = module(torch.tensor(x, dtype=torch.float32)[None])[0].detach().numpy()
    np.testing.assert_allclose(answer, expected, atol=1e-5)


def test_every_activation_is_a_place_and_no_other() -> None:
    sites = find_sites(made(), (2, 9, 7))
    assert sites.hidden == tuple(f"{b}.{i}" for b in ("down.0", "down.1", "down.2", "up.1", "up.0") for i in (1, 3))
    assert [sites.shapes[f"{block}.1"] for block in ("down.0", "down.1", "down.2")] == [(4, 9, 7), (6, 5, 4), (8, 3, 2)]


def numbers(network: Network, modules: list[nn.Module]) -> tuple[Any, ...]:
    leaves = {n: torch.stack([m.get_parameter(n).detach() for m in modules]) for n, _ in modules[0].named_parameters()}
    draw = torch.Generator().manual_seed(4)
    x = torch.randn(1, 4, 2, 9, 7, generator=draw)
    y = torch.randint(3, (4, 9, 7), generator=draw).expand(2, 4, 9, 7)
    batch = Batch(x, y, (slice(0, 2),), torch.zeros(2, dtype=torch.int64))
    acting = Acting("dropout", Dropout, {"rate": torch.tensor([0.3, 0.5])})
    draws = Draws([0], torch.zeros(2, dtype=torch.int64), torch.device("cpu"))
    draws.begin_epoch(1)
    hidden = HiddenStage({"down.1.1": [acting], "up.0.3": [acting]}, draws)

    def loss(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return -z.log_softmax(-3).gather(-3, y.unsqueeze(-3)).mean((-1, -2, -3))

    losses, _, gradients = network.gradients(leaves, {}, batch, Objective(Loss(loss)), hidden)
    return losses, dict(gradients), network.answers(leaves, {}, batch)


def test_vmap_is_as_one_by_one() -> None:
    modules = [build(UnetSpec(channels=(4, 6, 8)), shape=(2, 9, 7), outputs=3, seed=s, pixels=True) for s in (0, 1)]
    sites = ("down.1.1", "up.0.3")
    one = numbers(OneByOne(made(), sites, why=""), modules)
    together = numbers(Vmapped(made(), sites), modules)
    torch.testing.assert_close(one[0], together[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(one[2], together[2], atol=1e-5, rtol=0)
    for name, gradient in one[1].items():
        torch.testing.assert_close(gradient, together[1][name], atol=1e-5, rtol=0)
    assert refusal(made(), torch.zeros(1, 2, 2, 9, 7)) == ""


@pytest.mark.parametrize("spec", [MlpSpec(), CnnSpec(), RnnSpec()])
def test_other_kinds_are_refused_for_segmentation(spec: Any) -> None:
    shape = (8, 3) if isinstance(spec, RnnSpec) else (1, 8, 8)
    with pytest.raises(ModelError, match=rf"an? {spec.kind} for segmentation, .*; expected 'unet', or model"):
        build(spec, shape=shape, outputs=2, seed=0, pixels=True)


def test_what_a_unet_does_not_take() -> None:
    with pytest.raises(ModelError, match=r"3 levels, .* leave nothing of 3x9; expected at most 2 levels"):
        build(UnetSpec(), shape=(1, 3, 9), outputs=2, seed=0, pixels=True)
    with pytest.raises(ModelError, match=r"a unet, which answers at each pixel, .* expected 'cnn', or masks"):
        build(UnetSpec(), shape=(1, 8, 8), outputs=2, seed=0)
    with pytest.raises(ModelError, match=r"a unet for sequences of shape \(8, 3\); expected 'rnn', or images"):
        build(UnetSpec(), shape=(8, 3), outputs=2, seed=0)
    with pytest.raises(ModelError, match=r"model.norm.groups: received 3; expected a divisor of the widths"):
        made(norm={"groups": 3})


def test_a_network_of_ones_own_answers_at_every_pixel() -> None:
    def own(**arguments: int) -> ImportSpec:
        layer = {"in_channels": 1, "out_channels": 2, "kernel_size": 3, **arguments}
        return ImportSpec.model_validate({"import": "torch.nn.Conv2d", "args": layer})

    module = build(own(padding=1), shape=(1, 8, 6), outputs=2, seed=0, pixels=True)
    assert module(torch.zeros(3, 1, 8, 6)).shape == (3, 2, 8, 6)
    with pytest.raises(
        ModelError, match=r"returns shape \(2, 2, 6, 4\) for a batch of 2; expected shape \(2, 2, 8, 6\)"
    ):
        build(own(), shape=(1, 8, 6), outputs=2, seed=0, pixels=True)
    with pytest.raises(ModelError, match=r"returns shape \(2, 2, 8, 6\) for a batch of 2; expected shape \(2, 2\)"):
        build(own(padding=1), shape=(1, 8, 6), outputs=2, seed=0)


def test_names() -> None:
    assert describe(UnetSpec()) == "unet 16-32-64"
    base = {"model": {"kind": "unet", "channels": [4, 8]}}
    assert merge(base, {"model": {"channels": [8, 16]}}) == {"model": {"kind": "unet", "channels": [8, 16]}}
    assert merge({"model": {"kind": "mlp"}}, {"model": {"channels": [8]}}) == {"model": {"channels": [8]}}


def test_the_levels_have_the_channels_of_the_spec() -> None:
    layers = {name: child for name, child in made(channels=[4, 6, 8]).named_modules() if isinstance(child, nn.Conv2d)}
    widths = {name: (layer.in_channels, layer.out_channels) for name, layer in layers.items()}
    down = {"down.0.0": (2, 4), "down.0.2": (4, 4), "down.1.0": (4, 6), "down.1.2": (6, 6)}
    coarse = {"down.2.0": (6, 8), "down.2.2": (8, 8)}
    up = {"narrow.1": (8, 6), "up.1.0": (12, 6), "up.1.2": (6, 6), "narrow.0": (6, 4), "up.0.0": (8, 4)}
    assert widths == {**down, **coarse, **up, "up.0.2": (4, 4), "head": (4, 3)}
