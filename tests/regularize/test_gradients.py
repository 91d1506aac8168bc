"""Rules that change the gradient, against torch.nn.utils, the papers' formulas and a loss with a known worst place."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from wellfit.regularize.gradient.clip_value import ClipValue
from wellfit.regularize.gradient.gradient_noise import GradientNoise
from wellfit.regularize.gradient.sam import Sam, ascent
from wellfit.regularize.stages import Moment

SHAPES = [(3, 4, 5), (3, 4), (3, 2, 3, 2, 2)]


def gradients(seed: int = 0, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=draw, dtype=dtype) for shape in SHAPES]


def at(t: int, *, members: int = 3) -> Moment:
    return Moment(t, 5, torch.full((members,), 10.0))


def test_clip_value_is_torchs() -> None:
    leaves, limits = gradients(), [0.5, math.inf, 0.01]
    copies = [leaf.clone() for leaf in leaves]
    ClipValue.transform(leaves, {"limit": torch.tensor(limits)})
    for member, limit in enumerate(limits):
        parameters = [torch.nn.Parameter(torch.zeros_like(copy[member])) for copy in copies]
        for p, copy in zip(parameters, copies, strict=True):
            p.grad = copy[member].clone()
        torch.nn.utils.clip_grad_value_(parameters, limit)
        for p, leaf in zip(parameters, leaves, strict=True):
            assert p.grad is not None
            assert torch.equal(leaf[member], p.grad)


def test_clip_value_without_limit_keeps_every_bit() -> None:
    g = torch.tensor([[-0.0, math.inf, -math.inf, 1e-45, 3e38], [5.0, -5.0, 0.5, -0.5, 0.0]])
    before = g.clone()
    ClipValue.transform([g], {"limit": torch.tensor([math.inf, 1.0])})
    assert torch.equal(g[0].view(torch.int32), before[0].view(torch.int32))
    assert g[1].tolist() == [1.0, -1.0, 0.5, -0.5, 0.0]


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_clip_value_keeps_the_dtype_and_takes_any_leaf(dtype: torch.dtype) -> None:
    leaves = [*gradients(dtype=dtype), torch.tensor([2.0, -2.0, 0.1], dtype=dtype)]
    ClipValue.transform(leaves, {"limit": torch.ones(3)})
    assert all(leaf.dtype == dtype and leaf.abs().max() <= 1 for leaf in leaves)
    assert leaves[-1].tolist() == pytest.approx([1.0, -1.0, 0.1], rel=1e-2)


@pytest.mark.parametrize("t", [1, 2, 100, 10**6])
def test_gradient_noise_has_the_papers_deviation(t: int) -> None:
    """Its steps count from 0, ours from 1."""
    etas, gammas = [0.01, 0.3, 1.0], [0.55, 0.0, 2.0]
    found = GradientNoise.deviation({"strength": torch.tensor(etas), "decay": torch.tensor(gammas)}, at(t))
    expected = [math.sqrt(eta / (1 + (t - 1)) ** gamma) for eta, gamma in zip(etas, gammas, strict=True)]
    assert found.tolist() == pytest.approx(expected, rel=1e-5)


def test_no_gradient_noise_is_exactly_none_for_any_decay() -> None:
    numbers = {"strength": torch.tensor([0.0, 0.0, 0.3]), "decay": torch.tensor([0.55, 1e30, 1e30])}
    assert GradientNoise.deviation(numbers, at(1)).tolist() == pytest.approx([0.0, 0.0, math.sqrt(0.3)])
    assert GradientNoise.deviation(numbers, at(7)).tolist() == [0.0, 0.0, 0.0]


def test_sam_moves_by_the_radius_along_the_whole_gradient() -> None:
    leaves, radii = gradients(), torch.tensor([0.05, 2.0, 0.5])
    moves = Sam.move(leaves, {"radius": radii})
    for member in range(3):
        g = torch.cat([leaf[member].flatten() for leaf in leaves])
        moved = torch.cat([move[member].flatten() for move in moves])
        assert torch.allclose(moved, radii[member] * g / torch.linalg.vector_norm(g), atol=1e-6)
        assert float(torch.linalg.vector_norm(moved)) == pytest.approx(float(radii[member]), rel=1e-5)


def test_sam_moves_nothing_without_radius_or_gradient() -> None:
    leaves = gradients()
    for leaf in leaves:
        leaf[1] = 0
    leaves[0][0, 0, 0] = math.inf  # times a radius of 0 that would be NaN
    moves = Sam.move(leaves, {"radius": torch.tensor([0.0, 0.05, 0.05])})
    for move in moves:
        assert torch.equal(move[:2], torch.zeros_like(move[:2]))
        assert move[2].abs().max() > 0


def test_sams_move_is_the_worst_within_the_radius() -> None:
    """To first order: no other direction of that length raises a smooth loss as much."""
    draw = torch.Generator().manual_seed(3)
    w = torch.randn(1, 6, generator=draw, dtype=torch.float64)
    curve = torch.randn(6, 6, generator=draw, dtype=torch.float64)

    def loss(x: Tensor) -> Tensor:
        return (x @ curve).square().sum(-1).add(1).log()

    x = w.clone().requires_grad_()
    (g,) = torch.autograd.grad(loss(x).sum(), x)
    radius = 1e-4
    (best,) = ascent([g], torch.tensor([radius], dtype=torch.float64))
    others = torch.randn(2000, 6, generator=draw, dtype=torch.float64)
    others *= radius / others.norm(dim=1, keepdim=True)
    assert float(loss(w + best)) >= float(loss(w + others).max())


def test_sams_second_gradient_of_a_bowl_in_numbers() -> None:
    """L = (x^2 + 4 y^2) / 2 at (3, 1): g = (3, 4), e = 0.5 (0.6, 0.8), and the gradient there is (3.3, 5.6)."""
    bowl = torch.tensor([1.0, 4.0])
    w = torch.tensor([[3.0, 1.0]])
    (e,) = Sam.move([bowl * w], {"radius": torch.tensor([0.5])})
    assert e[0].tolist() == pytest.approx([0.3, 0.4])
    assert (bowl * (w + e))[0].tolist() == pytest.approx([3.3, 5.6])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_sam_keeps_the_dtype_and_members_apart(dtype: torch.dtype) -> None:
    leaves = [*gradients(dtype=dtype), torch.tensor([2.0, -2.0, 0.1], dtype=dtype)]  # one is a number a member
    radius = torch.tensor([0.1, 0.0, 3.0], dtype=dtype)
    moves = Sam.move(leaves, {"radius": radius})
    assert all(move.dtype == dtype and move.shape == leaf.shape for move, leaf in zip(moves, leaves, strict=True))
    alone = Sam.move([leaf[2:] for leaf in leaves], {"radius": radius[2:]})
    assert all(torch.equal(move[2:], own) for move, own in zip(moves, alone, strict=True))
