"""The way back by hand is autograd's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from wellfit.train.network import Affine
from wellfit.train.products import Products
from wellfit.train.tape import Tape

P, B, IN, OUT = 3, 5, 4, 6


def leaves(*, bias: bool = True) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    sizes = {"a.weight": (OUT, IN), "a.bias": (OUT,), "b.weight": (2, OUT), "b.bias": (2,)}
    kept = {name: size for name, size in sizes.items() if bias or "bias" not in name}
    return {name: torch.randn(P, *size, generator=draw) for name, size in kept.items()}


def inputs(groups: int) -> Tensor:
    return torch.randn(groups, B, IN, generator=torch.Generator().manual_seed(1))


def by_autograd(w: dict[str, Tensor], x: Tensor, factors: list[Tensor | None], *, before: bool) -> dict[str, Tensor]:
    own = {name: value.clone().requires_grad_() for name, value in w.items()}
    scale = torch.stack([torch.ones(B, OUT) if factor is None else factor for factor in factors])

    def layer(h: Tensor, name: str) -> Tensor:
        z = h @ own[f"{name}.weight"].mT
        return z + own[f"{name}.bias"].unsqueeze(1) if f"{name}.bias" in own else z

    z = layer(x, "a")
    h = (z * scale).relu() if before else z.relu() * scale
    found = torch.autograd.grad(layer(h, "b").square().sum(), list(own.values()))
    return dict(zip(own, found, strict=True))


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_factors_before_and_after_a_relu(before: bool, bias: bool) -> None:
    """At an activation's output, and at a linear layer's: both are made where the answer lies."""
    w, x = leaves(bias=bias), inputs(2)
    slices = (slice(0, 1), slice(1, 3))
    factors = [None, (torch.rand(B, OUT) > 0.5).float() * 2, torch.zeros(B, OUT)]
    tape = Tape(w, Products())
    h = tape.linear("a", x, slices)
    h = tape.relu(tape.scale(h, factors)) if before else tape.scale(tape.relu(h), factors)
    z = tape.linear("b", h, ())
    found = tape.back(2 * z)
    expected = by_autograd(w, x[[0, 1, 1]], factors, before=before)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-5)


def test_what_is_not_fresh_is_not_written_on() -> None:
    """An input is the feed's, and what autograd has kept is autograd's."""
    w, x = leaves(), inputs(P)
    x.abs_()
    before = x.clone()
    tape = Tape(w, Products())
    half = [torch.full((B, IN), 0.5)] * P
    assert torch.equal(tape.scale(tape.relu(x), half), before / 2)
    assert torch.equal(x, before)
    z = tape.linear("a", x, ())
    h = tape.by_autograd(lambda h, _: h.tanh(), z)
    kept = h.clone()
    assert torch.equal(tape.scale(h, [torch.zeros(B, OUT)] * P), torch.zeros(P, B, OUT))
    assert torch.equal(h, kept)
    assert torch.equal(z.tanh(), kept)


def test_by_autograd_finds_leaves_inputs_and_terms() -> None:
    w, x = leaves(), inputs(P)
    w["n.scale"] = torch.rand(P, OUT) + 0.5
    terms: list[Tensor] = []

    def work(h: Tensor, own: dict[str, Tensor]) -> Tensor:
        h = h * own["n.scale"].unsqueeze(1)
        terms.append(h.square().sum((1, 2)))
        return h.sigmoid()

    tape = Tape(w, Products())
    h = tape.by_autograd(work, tape.linear("a", x, ()), ("n.scale",), terms)  # type: ignore[arg-type]
    found = tape.back(torch.ones_like(h))
    own = {name: value.clone().requires_grad_() for name, value in w.items()}
    z = (x @ own["a.weight"].mT + own["a.bias"].unsqueeze(1)) * own["n.scale"].unsqueeze(1)
    names = ("a.weight", "a.bias", "n.scale")
    expected = torch.autograd.grad(z.sigmoid().sum() + z.square().sum(), [own[name] for name in names])
    for name, value in zip(names, expected, strict=True):
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-4)


def test_an_update_in_one_is_the_gradient_and_then_the_update() -> None:
    w, x = leaves(), inputs(P)
    tape = Tape(w, Products())
    h = tape.linear("b", tape.relu(tape.linear("a", x, ())), ())
    g = {name: value.clone() for name, value in tape.back(2 * h).items()}
    keep, rate = {name: [1.0, 0.9, 0.5] for name in w}, [0.1, 0.0, 0.3]
    own = {name: value.clone() for name, value in w.items()}
    tape = Tape(own, Products(), Affine(keep, rate, torch.tensor(rate)))
    h = tape.linear("b", tape.relu(tape.linear("a", x, ())), ())
    assert tape.back(2 * h) == {}
    for name, value in w.items():
        beside = (-1, *[1] * (value.ndim - 1))
        kept, step = torch.tensor(keep[name]).view(beside), torch.tensor(rate).view(beside)
        torch.testing.assert_close(own[name], kept * value - step * g[name], rtol=1e-5, atol=1e-5)
