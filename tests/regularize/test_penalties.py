"""Terms added to the loss, against autograd, finite differences, torch.distributions and closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Categorical, kl_divergence

from wellfit.regularize.loss.confidence_penalty import ConfidencePenalty, entropy
from wellfit.regularize.loss.distillation import TeacherTerm, soft_target_loss
from wellfit.regularize.loss.elastic_net import ElasticNet
from wellfit.regularize.loss.l1 import L1
from wellfit.regularize.loss.l2 import L2
from wellfit.regularize.loss.sparsity import Sparsity, bernoulli_divergence
from wellfit.regularize.stages import Method, Numbers, Penalty

STRENGTHS = [0.0, 0.1, 2.0]
RATIOS = [0.3, 0.0, 0.75]


def draws(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def column(values: list[float], axes: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor(values, dtype=dtype).view(-1, *[1] * axes)


def finite_differences(f: Callable[[Tensor], Tensor], x: Tensor, h: float = 1e-6) -> Tensor:
    """The gradient of a scalar function by central differences, one number at a time."""
    found = torch.zeros_like(x)
    for i in range(x.numel()):
        step = torch.zeros_like(x)
        step.view(-1)[i] = h
        found.view(-1)[i] = (f(x + step) - f(x - step)) / (2 * h)
    return found


def test_elastic_nets_closed_form_is_autograds_and_that_of_finite_differences() -> None:
    w = draws(3, 4, 5)
    numbers = {"strength": column(STRENGTHS, 2), "l1_ratio": column(RATIOS, 2)}
    g = torch.ones_like(w)
    ElasticNet.add_gradient(g, w, numbers)
    (found,) = torch.autograd.grad(ElasticNet.value(w.requires_grad_(), numbers).sum(), w)
    assert float((g - 1 - found).abs().max()) <= 1e-15
    differences = finite_differences(lambda x: ElasticNet.value(x, numbers).sum(), w.detach())
    assert float((g - 1 - differences).abs().max()) <= 1e-8


def test_elastic_nets_value_is_the_textbooks() -> None:
    w = draws(3, 2, 3, 2, 2)
    numbers = {"strength": column(STRENGTHS, 4), "l1_ratio": column(RATIOS, 4)}
    expected = [
        a * r * np.abs(x).sum() + a * (1 - r) / 2 * np.linalg.norm(x.ravel()) ** 2
        for a, r, x in zip(STRENGTHS, RATIOS, w.numpy(), strict=True)
    ]
    assert ElasticNet.value(w, numbers).tolist() == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(("ratio", "twin"), [(1.0, L1), (0.0, L2)])
def test_elastic_net_at_its_ends_is_l1_and_l2_to_the_bit(ratio: float, twin: type[Penalty]) -> None:
    w, start = draws(2, 3, 4, dtype=torch.float32), draws(2, 3, 4, seed=1, dtype=torch.float32)
    strength = column([0.01, 0.7], 2, torch.float32)
    ours, theirs = start.clone(), start.clone()
    ElasticNet.add_gradient(ours, w, {"strength": strength, "l1_ratio": torch.full_like(strength, ratio)})
    twin.add_gradient(theirs, w, {"strength": strength})
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_elastic_net_without_strength_adds_nothing_and_neighbours_do_not_matter(dtype: torch.dtype) -> None:
    w, start = draws(3, 4, 5, dtype=dtype), draws(3, 4, 5, seed=1, dtype=dtype)
    numbers = {"strength": column(STRENGTHS, 2, dtype), "l1_ratio": column(RATIOS, 2, dtype)}
    g = start.clone()
    ElasticNet.add_gradient(g, w, numbers)
    assert g.dtype == dtype
    assert torch.equal(g[0], start[0])
    for i in range(3):
        alone, one = start[i : i + 1].clone(), {name: value[i : i + 1] for name, value in numbers.items()}
        ElasticNet.add_gradient(alone, w[i : i + 1], one)
        assert torch.equal(alone[0], g[i])
        assert torch.equal(ElasticNet.value(w[i : i + 1], one)[0], ElasticNet.value(w, numbers)[i])


def test_divergence_is_that_of_two_coins() -> None:
    target = torch.tensor([[0.05], [0.5]]).double().expand(2, 9)
    mean = torch.linspace(0.01, 0.99, 9).double().expand(2, 9)
    expected = kl_divergence(Bernoulli(probs=target), Bernoulli(probs=mean))
    assert torch.allclose(bernoulli_divergence(target, mean), expected, atol=1e-14)
    assert float(bernoulli_divergence(torch.tensor(0.3), torch.tensor(0.3))) == 0.0


def test_sparsity_takes_the_batchs_mean_of_each_unit_and_sums() -> None:
    h = draws(3, 8, 5).sigmoid()
    numbers = {"strength": column(STRENGTHS, 0), "target": column([0.05, 0.2, 0.5], 0)}
    expected = [
        s * float(kl_divergence(Bernoulli(probs=torch.full((5,), t).double()), Bernoulli(probs=x.mean(0))).sum())
        for s, t, x in zip(STRENGTHS, [0.05, 0.2, 0.5], h, strict=True)
    ]
    assert Sparsity.value(h, numbers).tolist() == pytest.approx(expected, abs=1e-7)  # the oracle's target is rounded
    one = Sparsity.value(h[1], {name: value[1] for name, value in numbers.items()})
    assert one.shape == ()
    assert float(one) == pytest.approx(expected[1], abs=1e-7)


def test_sparsity_of_feature_maps_also_takes_the_mean_over_positions() -> None:
    h = draws(2, 6, 3, 4, 5).sigmoid()
    numbers = {"strength": column([1.0, 0.5], 0), "target": column([0.1, 0.2], 0)}
    as_vectors = h.permute(0, 1, 3, 4, 2).reshape(2, -1, 3)  # each position a sample
    assert torch.allclose(Sparsity.value(h, numbers), Sparsity.value(as_vectors, numbers), atol=1e-14)


def test_sparsitys_gradient_is_the_lecture_notes() -> None:
    """strength (-rho / rho_j + (1 - rho) / (1 - rho_j)), shared by the m samples of a batch."""
    rho, beta, m = 0.05, 3.0, 8
    h = draws(1, m, 5).sigmoid().requires_grad_()
    numbers = {"strength": column([beta], 0), "target": column([rho], 0)}
    (found,) = torch.autograd.grad(Sparsity.value(h, numbers).sum(), h)
    mean = h.detach().mean(1, keepdim=True)
    expected = beta * (-rho / mean + (1 - rho) / (1 - mean)) / m
    assert torch.allclose(found, expected.expand_as(found), atol=1e-13)
    differences = finite_differences(lambda x: Sparsity.value(x, numbers).sum(), h.detach())
    assert torch.allclose(found, differences, atol=1e-7)


@pytest.mark.parametrize("level", [0.0, 1.0, 7.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_sparsity_outside_its_range_is_finite_and_without_gradient(level: float, dtype: torch.dtype) -> None:
    h = torch.full((1, 4, 3), level, dtype=dtype, requires_grad=True)
    value = Sparsity.value(h, {"strength": torch.ones(1), "target": torch.full((1,), 0.05)})
    (g,) = torch.autograd.grad(value.sum(), h)
    assert math.isfinite(value.item())
    assert value.item() > 0.1
    assert value.dtype == g.dtype == dtype
    assert g.abs().sum() == 0


def test_sparsity_without_strength_is_zero_and_so_is_its_gradient() -> None:
    h = draws(3, 8, 5, dtype=torch.float32).relu().requires_grad_()
    numbers = {"strength": column(STRENGTHS, 0, torch.float32), "target": torch.full((3,), 0.05)}
    value = Sparsity.value(h, numbers)
    (g,) = torch.autograd.grad(value.sum(), h)
    assert value[0].item() == 0.0
    assert g[0].abs().max() == 0
    assert g[1].abs().max() > 0
    alone = h.detach()[1:2].requires_grad_()
    (own,) = torch.autograd.grad(Sparsity.value(alone, {k: v[1:2] for k, v in numbers.items()}).sum(), alone)
    assert torch.equal(own[0], g[1])


def test_entropy_is_torch_distributions() -> None:
    z = draws(3, 7, 4) * 5
    assert torch.allclose(entropy(z), Categorical(logits=z).entropy(), atol=1e-13)  # type: ignore[no-untyped-call]
    assert float(entropy(torch.zeros(10).double())) == pytest.approx(math.log(10))
    assert float(entropy(torch.tensor([1000.0, 0.0, -1000.0]))) == 0.0


def test_confidence_penaltys_value_and_gradient() -> None:
    """dH/dz_k = -p_k (log p_k + H)."""
    z = draws(3, 7, 4).requires_grad_()
    numbers = {"strength": column(STRENGTHS, 1)}
    value = ConfidencePenalty.value(z, numbers)
    assert value.shape == (3, 7)
    (g,) = torch.autograd.grad(value.sum(), z)
    p = z.detach().softmax(-1)
    h = Categorical(probs=p).entropy()  # type: ignore[no-untyped-call]
    assert torch.allclose(value, -column(STRENGTHS, 1) * h, atol=1e-13)
    assert torch.allclose(g, column(STRENGTHS, 2) * p * (p.log() + h.unsqueeze(-1)), atol=1e-13)
    assert g[0].abs().max() == 0


def test_confidence_penalty_is_nothing_for_a_single_output() -> None:
    z = draws(2, 5, 1).requires_grad_()
    value = ConfidencePenalty.value(z, {"strength": column([1.0, 2.0], 1)})
    (g,) = torch.autograd.grad(value.sum(), z)
    assert value.abs().sum() == 0
    assert g.abs().sum() == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_output_penalty_keeps_the_dtype(dtype: torch.dtype) -> None:
    z = draws(2, 5, 3, dtype=dtype)
    assert ConfidencePenalty.value(z, {"strength": column([1.0, 2.0], 1, dtype)}).dtype == dtype


@pytest.mark.parametrize("temperature", [1.0, 2.0, 20.0])
def test_soft_targets_are_torchs_divergence(temperature: float) -> None:
    z, teacher = draws(7, 4), draws(7, 4, seed=1) * 3
    loss = torch.nn.KLDivLoss(reduction="none")
    each = loss((z / temperature).log_softmax(-1), (teacher / temperature).softmax(-1)).sum(-1) * temperature**2
    ours = soft_target_loss(z, teacher, torch.tensor([temperature]).double())
    assert ours.shape == (7,)
    assert torch.allclose(ours, each, atol=1e-13)
    mean = torch.nn.KLDivLoss(reduction="batchmean")
    whole = mean((z / temperature).log_softmax(-1), (teacher / temperature).softmax(-1)) * temperature**2
    assert float(ours.mean()) == pytest.approx(float(whole), rel=1e-12)


def test_soft_targets_gradient_is_the_papers_and_tends_to_matching_logits() -> None:
    z, teacher = draws(2, 7, 4).requires_grad_(), draws(2, 7, 4, seed=1)
    t = column([1.5, 1e4], 1)
    (g,) = torch.autograd.grad(soft_target_loss(z, teacher, t).sum(), z)
    each = t.unsqueeze(-1)
    assert torch.allclose(g, each * ((z / each).softmax(-1) - (teacher / each).softmax(-1)).detach(), atol=1e-11)
    difference = z.detach()[1] - teacher[1]
    assert torch.allclose(g[1], (difference - difference.mean(-1, keepdim=True)) / 4, atol=1e-3)


def test_soft_targets_are_zero_for_the_teacher_itself() -> None:
    z = draws(3, 4)
    assert soft_target_loss(z, z.clone(), torch.tensor([4.0]).double()).abs().max() == 0


def test_a_teacher_term_has_to_say_its_value() -> None:
    class Silent(TeacherTerm):
        off = {"strength": 0.0}  # noqa: RUF012
        strength: float = 0.0

    class Soft(TeacherTerm):
        off = {"strength": 0.0}  # noqa: RUF012
        strength: float = 0.0
        temperature: float = 1.0

        @staticmethod
        def value(z: Tensor, teacher: Tensor, y: Tensor, numbers: Numbers) -> Tensor:
            return numbers["strength"] * soft_target_loss(z, teacher, numbers["temperature"])

    with pytest.raises(TypeError, match="abstract"):
        Silent()  # type: ignore[abstract]
    numbers = {"strength": column([0.0, 1.0], 1), "temperature": column([2.0, 3.0], 1)}
    found = Soft.value(draws(2, 5, 3), draws(2, 5, 3, seed=1), torch.zeros(2, 5), numbers)
    assert found[0].abs().max() == 0
    assert float(found[1].min()) > 0
    assert issubclass(Soft, Method)
    assert Soft.stage == "loss"
    assert Soft().is_off
