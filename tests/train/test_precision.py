"""When bfloat16 may stand for float32."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from tests.support import tiny_images
from tests.train.stepping import Members, mean_squared
from wellfit.models.cnn import cnn
from wellfit.train.losses import Loss
from wellfit.train.one_by_one import OneByOne
from wellfit.train.precision import SHARE, STEPS, Agreement, Precision, compare, has_bf16, probe

Batches = Sequence[tuple[Tensor, Tensor]]


def test_the_spread_leaves_out_that_the_loss_falls() -> None:
    noise = 0.1 * torch.randn(20_000, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    falling = torch.linspace(1000, 0, 20_000, dtype=torch.float64)[:, None] + noise
    assert compare(falling, falling).spread == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize(("factor", "agrees"), [(0.0, True), (0.9, True), (1.1, False)])
def test_a_quarter_of_the_spread_is_allowed(factor: float, agrees: bool) -> None:
    losses = 1 + 0.1 * torch.randn(STEPS, 1, generator=torch.Generator().manual_seed(1))
    moved = losses + factor * SHARE * compare(losses, losses).spread
    found = compare(losses, moved)
    assert found.agrees is agrees
    assert str(found).startswith(f"losses in bf16 {'agree' if agrees else 'do not agree'}: ")


def test_the_worst_member_counts() -> None:
    losses = 1 + 0.1 * torch.randn(STEPS, 3, generator=torch.Generator().manual_seed(1))
    moved = losses.clone()
    moved[:, 1] += 1
    assert compare(losses[:, ::2], moved[:, ::2]).agrees
    assert compare(losses, moved).difference == pytest.approx(1, rel=1e-5)


def test_batches_that_are_alike_are_compared_with_the_last_digit() -> None:
    losses = torch.full((STEPS, 1), 2.0)
    assert compare(losses, losses * (1 + 2**-9)).agrees
    assert not compare(losses, losses * (1 + 2**-7)).agrees


def test_what_is_not_finite_does_not_agree_unless_fp32_diverged_too() -> None:
    losses = 1 + 0.1 * torch.randn(STEPS, 1, generator=torch.Generator().manual_seed(1))
    broken = losses.clone()
    broken[9] = torch.nan
    assert not compare(losses, broken).agrees
    assert compare(broken, losses).agrees
    assert compare(broken[8:], losses[8:]) == Agreement(False, torch.inf, 0.0, 0.0)


def losses_of(module: nn.Module, batches: Batches, lr: float, loss: Loss | None = None) -> Agreement:
    def train(precision: Precision) -> Tensor:
        network = OneByOne(copy.deepcopy(module), (), why="", precision=precision)
        return Members([module]).train(network, batches, lr, loss)

    return probe(train)


def vectors(offset: float, targets: float) -> Batches:
    draw = torch.Generator().manual_seed(2)
    x = torch.randn(STEPS, 64, 4, generator=draw)
    return [(one + offset, one[:, :1] - one[:, 1:2] + targets) for one in x]


def regressor() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 1))


def test_a_network_that_learns_scaled_numbers_agrees() -> None:
    assert losses_of(regressor(), vectors(0, 0), 0.05, Loss(mean_squared)).agrees


def test_what_differs_in_the_fourth_digit_does_not() -> None:
    """bfloat16 knows of a number between 512 and 1024 only to which multiple of four it is next."""
    assert not losses_of(regressor(), vectors(1000, 0), 1e-8, Loss(mean_squared)).agrees


def test_a_loss_of_the_difference_of_large_numbers_does_not() -> None:
    module = regressor()
    with torch.no_grad():
        next(reversed(list(module.parameters()))).fill_(1000)
    assert not losses_of(module, vectors(0, 1000), 0.01, Loss(mean_squared)).agrees


def test_a_small_cnn_agrees() -> None:
    data = tiny_images(STEPS * 16, size=8)
    x = (data.x.float() - data.x.float().mean()) / data.x.float().std()
    torch.manual_seed(0)
    batches = list(zip(x.chunk(STEPS), data.y.chunk(STEPS), strict=True))
    assert losses_of(cnn((1, 8, 8), [8, 16], [], 3), batches, 0.05).agrees


def test_devices() -> None:
    assert not has_bf16(torch.device("meta"))
    assert isinstance(has_bf16(torch.device("cpu")), bool)


def test_a_processor_that_is_not_asked_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "cpu", SimpleNamespace())
    assert not has_bf16(torch.device("cpu"))
