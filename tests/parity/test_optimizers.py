"""Update rules against ``torch.optim``: the same gradients for 100 steps, deviations to 1e-6."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from wellfit.recipe import AdamSpec, AdamWSpec, MomentumSpec, SgdSpec
from wellfit.regularize.weights.weight_decay import WeightDecay
from wellfit.train.optimizers import make_optimizer
from wellfit.train.population import per_member

STEPS, SHAPE = 100, (7, 5)
Spec = SgdSpec | MomentumSpec | AdamSpec | AdamWSpec

SPECS: dict[str, list[Spec]] = {
    "sgd": [SgdSpec(lr=0.1), SgdSpec(lr=0.01)],
    "momentum": [MomentumSpec(lr=0.1), MomentumSpec(lr=0.05, momentum=0.5), SgdSpec(lr=0.1)],
    "adam": [AdamSpec(), AdamSpec(lr=0.01, beta1=0.8, beta2=0.99, eps=1e-6)],
    "adamw": [AdamWSpec(weight_decay=0.1), AdamWSpec(lr=0.01, weight_decay=0.01)],
}


def torch_twin(spec: Spec, w: Tensor) -> torch.optim.Optimizer:
    if isinstance(spec, AdamWSpec):
        betas = (spec.beta1, spec.beta2)
        return torch.optim.AdamW([w], lr=spec.lr, betas=betas, eps=spec.eps, weight_decay=spec.weight_decay)
    if isinstance(spec, AdamSpec):
        return torch.optim.Adam([w], lr=spec.lr, betas=(spec.beta1, spec.beta2), eps=spec.eps)
    return torch.optim.SGD([w], lr=spec.lr, momentum=spec.momentum)


def gradient_of(target: Tensor) -> Callable[[Tensor], Tensor]:
    """Of a stretched bowl, so that the steps differ by direction."""
    stretch = torch.linspace(0.1, 2, target.numel()).view(target.shape)
    return lambda w: stretch * (w - target)


@pytest.mark.parametrize("kind", SPECS)
def test_equals_torch_optim(kind: str) -> None:
    specs = SPECS[kind]
    draw = torch.Generator().manual_seed(0)
    start = torch.randn(len(specs), *SHAPE, generator=draw)
    gradient = gradient_of(torch.randn(SHAPE, generator=draw))
    rule, numbers = make_optimizer(specs)
    w = start.clone()
    state = {slot: torch.zeros_like(w) for slot in rule.slots()}
    decay = {"strength": torch.tensor([getattr(spec, "weight_decay", 0.0) for spec in specs]).view(-1, 1, 1)}
    for t in range(1, STEPS + 1):
        g = gradient(w)
        WeightDecay.apply(w, per_member(numbers["lr"], w).float(), decay)
        c = {name: per_member(value, w).float() for name, value in rule.coefficients(numbers, t).items()}
        rule.update(w, g, state, c)
    for i, spec in enumerate(specs):
        twin = start[i].clone().requires_grad_()
        optimizer = torch_twin(spec, twin)
        for _ in range(STEPS):
            twin.grad = gradient(twin.detach())
            optimizer.step()
        assert float((w[i] - twin.detach()).abs().max()) <= 1e-6, spec


def test_decay_and_penalty_agree_for_sgd_and_not_for_adam() -> None:
    """L2 in the loss is decay of the weights for plain SGD; Adam rescales the penalty's gradient."""
    results: dict[str, Any] = {}
    pairs: dict[str, Spec] = {"sgd": SgdSpec(lr=0.1), "adam": AdamSpec(lr=0.1)}
    for kind, spec in pairs.items():
        rule, numbers = make_optimizer([spec])
        ends = []
        for in_loss in (True, False):
            w = torch.ones(1, 3, 2)
            state = {slot: torch.zeros_like(w) for slot in rule.slots()}
            g = torch.full_like(w, 0.5)
            if in_loss:
                g = g + 0.3 * w
            else:
                WeightDecay.apply(w, torch.tensor(0.1).view(1, 1, 1), {"strength": torch.tensor(0.3).view(1, 1, 1)})
            rule.update(w, g, state, {k: per_member(v, w).float() for k, v in rule.coefficients(numbers, 1).items()})
            ends.append(w)
        results[kind] = float((ends[0] - ends[1]).abs().max())
    assert results["sgd"] < 1e-7
    assert results["adam"] > 0.01
