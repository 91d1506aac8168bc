"""Activations of a stack: PyTorch's values, and the same bits alone and beside others."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.support import member, same_bits, tiny_images, train
from wellfit.models.activation import ACTIVATIONS
from wellfit.train.stacked_activation import activate


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_equals_the_module(name: str) -> None:
    layer = ACTIVATIONS[name]()
    x = torch.cat([torch.linspace(-120, 120, 481), torch.tensor([0.0, -0.0, 1e-30, -1e-30])]).double()
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    y, expected = activate(layer, ours), layer(theirs)
    assert torch.allclose(y, expected, rtol=1e-12, atol=1e-15)
    (g,), (wanted,) = torch.autograd.grad(y.sum(), ours), torch.autograd.grad(expected.sum(), theirs)
    assert torch.allclose(g, wanted, rtol=1e-12, atol=1e-15)
    assert torch.isfinite(g).all()


def test_elu_with_another_alpha() -> None:
    x = torch.linspace(-5, 5, 101).requires_grad_()
    y, expected = activate(nn.ELU(0.3), x), nn.ELU(0.3)(x)
    assert torch.allclose(y, expected, atol=1e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_neighbours_change_no_bit(name: str) -> None:
    """A member's elements, 12 or 8 for each of 15 or 3 samples, do not fill whole vector registers."""
    model = {"kind": "mlp", "hidden": [12, 8], "activation": name}
    members = [member(f"m{i}", seed, model=model, batch_size=15) for i in range(3) for seed in (0, 1)]
    together = train(members, tiny_images())
    for one in members[:2]:
        assert same_bits(train([one], tiny_images())[one.key].weights, together[one.key].weights)
