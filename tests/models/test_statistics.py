"""Activation statistics: in numbers, and what they show of initializations."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wellfit.models.init import initialize
from wellfit.models.mlp import mlp
from wellfit.models.statistics import activation_statistics, count_distinct
from wellfit.recipe.init import ConstantInitSpec, HeNormalSpec, InitSpec, NormalSpec, ZerosSpec

X = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))


def set_weights(layer: nn.Linear, weight: list[list[float]], bias: list[float]) -> nn.Linear:
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        layer.bias.copy_(torch.tensor(bias))
    return layer


def test_in_numbers() -> None:
    """Two samples, 1 and -2; units x, -x, x (again), and -5, which is dead."""
    first = set_weights(nn.Linear(1, 4), [[1.0], [-1.0], [1.0], [0.0]], [0.0, 0.0, 0.0, -5.0])
    module = nn.Sequential(first, nn.ReLU(), nn.Linear(4, 1))
    (found,) = activation_statistics(module, torch.tensor([[1.0], [-2.0]]))
    assert (found.site, found.kind, found.units, found.layer) == ("1", "ReLU", 4, "0")
    values = [1.0, 0.0, 1.0, 0.0, 0.0, 2.0, 0.0, 0.0]
    assert found.mean == 0.5
    assert found.std == pytest.approx(math.sqrt(sum((v - 0.5) ** 2 for v in values) / 8))
    # variances of the units: 1/4 around 1/2, 1 around 1, 1/4 around 1/2, and 0
    assert found.signal == pytest.approx(math.sqrt((0.25 + 1 + 0.25 + 0) / 4))
    assert (found.zeros, found.dead, found.saturated, found.distinct) == (5 / 8, 1 / 4, None, 3)
    assert found.weight_std == pytest.approx(math.sqrt(3 / 4 - 1 / 16))


def test_saturation_is_one_percent_of_the_range() -> None:
    inputs = torch.tensor([[2.4], [-2.2], [0.0], [9.0]])  # tanh: 0.984, -0.976, 0, 1; sigmoid: 0.917, 0.1, 0.5, 0.9999
    line = set_weights(nn.Linear(1, 1), [[1.0]], [0.0])
    for act, part in ((nn.Tanh(), 0.5), (nn.Sigmoid(), 0.25)):
        (found,) = activation_statistics(nn.Sequential(line, act, nn.Linear(1, 1)), inputs)
        assert found.saturated == part
    assert found.zeros == 0


def test_channels_are_the_units_of_a_convolution() -> None:
    module = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 5), nn.ELU())
    module.append(nn.Linear(5, 2))
    x = torch.randn(7, 1, 4, 4)
    first, second = activation_statistics(module, x)
    h = module[2](module[1].eval()(module[0](x)))
    assert (first.units, first.layer, second.units, second.layer) == (3, "0", 5, "4")
    assert first.zeros == pytest.approx(float((h == 0).float().mean()))
    assert first.mean == pytest.approx(float(h.detach().mean()), rel=1e-5)


class Twice(nn.Module):
    """One activation module called twice, in place; its third call is the answer. And one that is functional."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.act, self.drop = nn.Linear(6, 5), nn.Linear(5, 4), nn.ReLU(inplace=True), nn.Dropout()

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.drop(self.act(self.a(x)))
        h = self.act(self.b(h))
        h.add_(1.0)
        return self.act(F.relu(h))  # type: ignore[no-any-return]


def test_calls_are_places_and_the_answer_is_none() -> None:
    module = Twice().train()
    state = torch.get_rng_state()
    found = activation_statistics(module, X)
    assert [(s.site, s.units, s.layer) for s in found] == [("act", 5, "a"), ("act#2", 4, "b")]
    assert found[1].zeros > 0  # before 1 is added in place
    assert module.training
    assert module.drop.training
    assert not module.act._forward_hooks
    assert torch.equal(torch.get_rng_state(), state)
    assert [s.site for s in activation_statistics(module, X, sites={"act#2"})] == ["act#2"]
    assert activation_statistics(nn.Linear(6, 2), X) == ()


def test_it_is_plain_numbers() -> None:
    for found in activation_statistics(mlp(6, (5, 4), 2), X):
        assert json.loads(json.dumps(asdict(found))) == asdict(found)


def test_distinct_rows() -> None:
    rows = torch.randn(50, 300, generator=torch.Generator().manual_seed(1))
    assert count_distinct(rows) == 50
    assert count_distinct(torch.cat([rows, rows * (1 + 1e-6), -rows, torch.zeros(3, 300)])) == 101
    assert count_distinct(1e-20 * torch.cat([rows, rows * 1.01])) == 100
    wide = torch.ones(2, 2**16 + 3)
    wide[1, -1] = 300.0  # in the last chunk
    assert count_distinct(wide) == 2


@pytest.mark.parametrize("init", [ZerosSpec(), ConstantInitSpec(value=0.02)])
def test_equal_weights_stay_equal(init: InitSpec) -> None:
    """Thirty steps of training: each hidden layer is one unit as before, with ReLU and with tanh."""
    for activation in ("relu", "tanh"):
        module = mlp(6, (7, 5), 3, activation=activation)
        initialize(module, init, seed=0)
        y = (X[:, 0] > 0).long() + (X[:, 1] > 0).long()
        for _ in range(30):
            gradients = torch.autograd.grad(F.cross_entropy(module(X), y), list(module.parameters()))
            with torch.no_grad():
                for p, g in zip(module.parameters(), gradients, strict=True):
                    p.sub_(0.1 * g)
        assert [s.distinct for s in activation_statistics(module, X)] == [1, 1]
    initialize(module, HeNormalSpec(), seed=0)
    assert [s.distinct for s in activation_statistics(module, X)] == [7, 5]


def test_small_weights_vanish_and_large_ones_saturate() -> None:
    deep = mlp(6, (30,) * 5, 3, activation="tanh")
    initialize(deep, NormalSpec(std=0.01), seed=0)
    small = [s.std for s in activation_statistics(deep, X)]
    assert all(b < 0.2 * a for a, b in pairwise(small))
    initialize(deep, NormalSpec(std=10.0), seed=0)
    assert all((s.saturated or 0) > 0.7 for s in activation_statistics(deep, X))
