"""Products of a stack: in single precision exact, with half factors within their rounding, each member's its own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from wellfit.train import products as module
from wellfit.train.products import LARGE, NARROW, HalfProducts, Products, linear

EPS = {Products: 1e-6, HalfProducts: 2.0**-8}
"""Relative rounding of a factor, or of a result."""


def made(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def all_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGE", 0)


SLICES = (slice(0, 2), slice(2, 5))


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("kind", [Products, HalfProducts])
@pytest.mark.parametrize("outputs", [10, NARROW, NARROW + 1])
@pytest.mark.parametrize("slices", [(), SLICES])
def test_products_are_those_of_double_precision(kind: type[Products], outputs: int, slices: tuple[slice, ...]) -> None:
    """Of each sum the error is at most a few roundings of the sum of the magnitudes."""
    x, w = made(len(slices) or 5, 16, 24), made(5, outputs, 24, seed=1)
    b, g = made(5, outputs, seed=2), made(5, 16, outputs, seed=3)
    own = x[[0, 0, 1, 1, 1]] if slices else x
    products = kind()

    def close(found: Tensor, left: Tensor, right: Tensor, added: Tensor | float = 0.0) -> None:
        exact = left.double() @ right.double() + added
        bound = 3 * EPS[kind] * (left.double().abs() @ right.double().abs() + exact.abs())
        assert found.dtype == torch.float32
        assert bool(((found.double() - exact).abs() <= bound).all())

    close(products.forward("a", x, w, b, slices), own, w.mT, b.unsqueeze(1).double())
    close(products.forward("a", x, w, None, slices), own, w.mT)
    close(products.to_input("a", g, w), g, w)
    close(products.to_weight("a", x, g, w, slices), g.mT, own)
    keep, rate = [1.0, 0.5, 1.0, 0.9, 0.0], [1.0, 1.0, 0.0, 0.1, 2.0]
    changed = w.clone()
    products.update(x, g, changed, slices, keep, rate)
    step = torch.tensor(rate).view(-1, 1, 1)
    close(changed, -step * g.mT, own, torch.tensor(keep).view(-1, 1, 1).double() * w.double())


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("kind", [Products, HalfProducts])
def test_a_member_alone_has_the_same_bits(kind: type[Products]) -> None:
    x, w, b, g = made(1, 16, 24), made(5, 40, 24, seed=1), made(5, 40, seed=2), made(5, 16, 40, seed=3)
    many, one = kind(), kind()
    whole = slice(0, 5)
    for p in range(5):
        mine = slice(p, p + 1)
        z = many.forward("a", x, w, b, (whole,))[mine]
        assert torch.equal(one.forward("a", x, w[mine], b[mine], (slice(0, 1),)), z)
        assert torch.equal(one.to_input("a", g[mine], w[mine]), many.to_input("a", g, w)[mine])
        gw = many.to_weight("a", x, g, w, (whole,))[mine]
        assert torch.equal(one.to_weight("a", x, g[mine], w[mine], (slice(0, 1),)), gw)
        stack, alone = w.clone(), w[mine].clone()
        many.update(x, g, stack, (whole,), [0.9] * 5, [0.1] * 5)
        one.update(x, g[mine], alone, (slice(0, 1),), [0.9], [0.1])
        assert torch.equal(stack[mine], alone)


@pytest.mark.parametrize(("inputs", "is_rounded"), [(LARGE // 64 - 1, False), (LARGE // 64, True)])
def test_only_large_layers_are_rounded(inputs: int, is_rounded: bool) -> None:
    x, w, g = made(2, 8, inputs), made(2, 64, inputs, seed=1), made(2, 8, 64, seed=2)
    exact, half = Products(), HalfProducts()
    pairs = [
        (exact.forward("a", x, w, None, ()), half.forward("a", x, w, None, ())),
        (exact.to_input("a", g, w), half.to_input("a", g, w)),
    ]
    for single, found in pairs:
        assert torch.equal(single, found) is not is_rounded
    assert torch.equal(exact.to_weight("a", x, g, w, ()), half.to_weight("a", x, g, w, ()))


def test_evaluation_does_not_depend_on_the_members_either() -> None:
    x, w, b = made(2, 7, 24), made(5, 10, 24, seed=1), made(5, 10, seed=2)
    z = linear(x, w, b, SLICES, out=torch.empty(5, 7, 10))
    for p in range(5):
        alone = linear(x[int(p >= 2)][None], w[p : p + 1], b[p : p + 1], (slice(0, 1),), out=torch.empty(1, 7, 10))
        assert torch.equal(alone[0], z[p])
