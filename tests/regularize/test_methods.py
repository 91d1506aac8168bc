"""Each method against an oracle that is not ours: torchvision, autograd, numpy, worked numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torchvision.transforms.functional as vision
from torch import Tensor

from wellfit.regularize.activations.dropout import dropout
from wellfit.regularize.batch.rotation import Rotation, rotation_matrix
from wellfit.regularize.batch.warp import warp
from wellfit.regularize.gradient.clip_norm import ClipNorm, gradient_norm
from wellfit.regularize.loss.l1 import L1
from wellfit.regularize.loss.l2 import L2
from wellfit.regularize.stages import Around, Moment, Penalty
from wellfit.regularize.time.early_stopping import EarlyStopping, evaluations_without_gain
from wellfit.regularize.weights.max_norm import MaxNorm
from wellfit.regularize.weights.weight_decay import WeightDecay

MOMENT = Moment(1, 1, torch.ones(1))


def pictures(height: int = 9, width: int = 9, *, n: int = 4, channels: int = 2) -> Tensor:
    return torch.rand(n, channels, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("degrees", [-90.0, -33.0, 0.0, 10.0, 45.0, 180.0])
def test_rotation_is_torchvisions(degrees: float) -> None:
    x = pictures()
    ours = warp(x, rotation_matrix(torch.full((4,), degrees)))
    theirs = vision.rotate(x, degrees, interpolation=vision.InterpolationMode.BILINEAR)
    assert torch.allclose(ours, theirs, atol=2e-5)


def test_rotation_of_an_oblong_image_keeps_its_angles() -> None:
    x = pictures(8, 14)
    ours = warp(x, rotation_matrix(torch.full((4,), 25.0)))
    theirs = vision.rotate(x, 25.0, interpolation=vision.InterpolationMode.BILINEAR)
    assert torch.allclose(ours, theirs, atol=2e-5)


def test_a_quarter_turn_is_exact_and_counter_clockwise() -> None:
    x = pictures(7, 7)
    assert torch.allclose(warp(x, rotation_matrix(torch.full((4,), 90.0))), torch.rot90(x, 1, (2, 3)), atol=1e-5)


def test_rotation_draws_span_the_range_and_outside_is_black() -> None:
    u = Rotation(degrees=10).draw(20_000, (1, 9, 9), torch.Generator().manual_seed(1))
    m = Rotation(degrees=10).matrix(u, (1, 9, 9))
    angles = torch.atan2(m[:, 1, 0], m[:, 0, 0]) * 180 / math.pi
    assert float(angles.min()) == pytest.approx(-10, abs=0.01)
    assert float(angles.max()) == pytest.approx(10, abs=0.01)
    assert float(angles.mean()) == pytest.approx(0, abs=0.15)
    corner = warp(torch.ones(1, 1, 20, 20), rotation_matrix(torch.tensor([45.0])))
    assert float(corner[0, 0, 0, 0]) == 0.0


def test_dropout_keeps_the_expectation() -> None:
    """A unit with inputs x1, x2, each kept with probability p, expects p (w1 x1 + w2 x2); here scaled back by 1 / p."""
    keep, x, w = 0.6, torch.tensor([2.0, -3.0]), torch.tensor([0.5, 1.5])
    u = torch.rand(200_000, 2, generator=torch.Generator().manual_seed(0))
    thinned = dropout(x.expand_as(u), u, torch.tensor(1 - keep))
    assert float((thinned @ w).mean()) == pytest.approx(float(x @ w), abs=0.03)
    assert float((thinned * keep @ w).mean()) == pytest.approx(keep * float(x @ w), abs=0.02)
    assert sorted(set(thinned[:, 0].tolist())) == pytest.approx([0.0, 2.0 / keep])


@pytest.mark.parametrize("penalty", [L1, L2])
def test_penalties_closed_form_is_autograds(penalty: type[Penalty]) -> None:
    w = torch.randn(3, 4, 5, dtype=torch.float64).requires_grad_()
    strength = torch.tensor([0.0, 0.1, 2.0], dtype=torch.float64).view(3, 1, 1)
    value = penalty.value(w, {"strength": strength})
    g = torch.ones_like(w)
    penalty.add_gradient(g, w.detach(), {"strength": strength})
    (found,) = torch.autograd.grad(value.sum(), w)
    assert torch.allclose(g - 1, found, atol=1e-12)
    each = w.detach().numpy()
    plain = [np.abs(each[i]).sum() if penalty is L1 else 0.5 * (each[i] ** 2).sum() for i in range(3)]
    assert value.tolist() == pytest.approx([p * s for p, s in zip(plain, [0.0, 0.1, 2.0], strict=True)])


def test_l1_has_no_gradient_at_zero() -> None:
    g = torch.zeros(1, 2)
    L1.add_gradient(g, torch.zeros(1, 2), {"strength": torch.ones(1, 1)})
    assert g.tolist() == [[0.0, 0.0]]


def test_clip_norm_is_torchs() -> None:
    draw = torch.Generator().manual_seed(0)
    leaves = [torch.randn(2, 4, 3, generator=draw), torch.randn(2, 3, generator=draw)]
    copies = [leaf.clone() for leaf in leaves]
    ClipNorm.transform(leaves, {"limit": torch.tensor([0.5, math.inf])})
    parameters = [torch.nn.Parameter(torch.zeros_like(copy[0])) for copy in copies]
    for p, copy in zip(parameters, copies, strict=True):
        p.grad = copy[0].clone()
    norm = torch.nn.utils.clip_grad_norm_(parameters, 0.5)
    assert float(gradient_norm(copies)[0]) == pytest.approx(float(norm))
    for p, leaf, copy in zip(parameters, leaves, copies, strict=True):
        assert p.grad is not None
        assert torch.allclose(leaf[0], p.grad, atol=1e-6)
        assert torch.equal(leaf[1], copy[1])


def test_weight_decay_shrinks_by_lr_times_strength() -> None:
    w = torch.full((2, 3, 3), 2.0)
    around = Around(torch.tensor([0.1, 0.5]).view(2, 1, 1), MOMENT, {})
    WeightDecay.apply(w, {"strength": torch.tensor([0.5, 0.0]).view(2, 1, 1)}, around)
    assert w[:, 0, 0].tolist() == pytest.approx([1.9, 2.0])


@pytest.mark.parametrize("shape", [(2, 6, 4), (2, 3, 2, 3, 3)])
def test_max_norm_projects_each_units_incoming_vector(shape: tuple[int, ...]) -> None:
    w = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 2
    w[0, 0] = 0
    before = w.numpy().copy()
    limit = torch.tensor([1.5, math.inf]).view(2, *[1] * (len(shape) - 1))
    MaxNorm.apply(w, {"limit": limit}, Around(torch.ones(1), MOMENT, {}))
    for unit in range(shape[1]):
        vector = before[0, unit].ravel()
        expected = vector * min(1.0, 1.5 / max(float(np.linalg.norm(vector)), 1e-30))
        assert w[0, unit].flatten().tolist() == pytest.approx(expected.tolist(), rel=1e-5)
    assert np.array_equal(w[1].numpy(), before[1])


def test_max_norm_is_torchs_renorm() -> None:
    w = torch.randn(1, 8, 5, generator=torch.Generator().manual_seed(0)) * 3
    expected = torch.renorm(w[0], p=2, dim=0, maxnorm=2.0)
    MaxNorm.apply(w, {"limit": torch.full((1, 1, 1), 2.0)}, Around(torch.ones(1), MOMENT, {}))
    assert torch.allclose(w[0], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("scores", "min_delta", "expected"),
    [
        ([1, 2, 3], 0.0, 0),
        ([3, 2, 1], 0.0, 2),
        ([1, 2, 2, 2], 0.0, 2),
        ([1.0, 1.05, 1.2], 0.1, 0),
        ([1.0, 1.05, 1.08], 0.1, 2),
        ([2.0, math.nan, 1.0], 0.0, 2),
    ],
)
def test_early_stopping_counts_evaluations_without_gain(scores: list[float], min_delta: float, expected: int) -> None:
    assert evaluations_without_gain(scores, min_delta) == expected
    assert EarlyStopping(patience=2, min_delta=min_delta).should_stop(scores) is (expected >= 2)
