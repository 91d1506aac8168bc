"""The optimizers of the plain loop (``reference.py``): PyTorch's own, and Lion, which PyTorch does not have."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from wellfit.recipe.optimizer import (
    AdadeltaSpec,
    AdagradSpec,
    AdamaxSpec,
    AdamSpec,
    AdamWSpec,
    AmsgradSpec,
    LionSpec,
    MomentumSpec,
    NadamSpec,
    NesterovSpec,
    OptimizerSpec,
    RmspropSpec,
    SgdSpec,
)


def torch_optimizer(
    spec: OptimizerSpec, parameters: Iterable[nn.Parameter], *, fused: bool | None = None
) -> torch.optim.Optimizer:
    """Return the optimizer of a recipe as PyTorch has it, without the decay of ``adamw`` and ``lion``.

    That is the regularizer ``weight_decay``, done before the step: on weights and not on biases. A schedule sets
    ``param_groups[...]["lr"]`` before each step. ``fused``: SGD and Adam in the fused form, which rounds otherwise.
    """
    made = list(parameters)
    match spec:
        case SgdSpec() | MomentumSpec():
            return torch.optim.SGD(made, lr=spec.lr, momentum=spec.momentum, fused=fused)
        case NesterovSpec():
            return torch.optim.SGD(made, lr=spec.lr, momentum=spec.momentum, nesterov=spec.momentum > 0, fused=fused)
        case AdagradSpec():
            start = spec.initial_accumulator_value
            return torch.optim.Adagrad(
                made, lr=spec.lr, lr_decay=spec.lr_decay, initial_accumulator_value=start, eps=spec.eps
            )
        case AdadeltaSpec():
            return torch.optim.Adadelta(made, lr=spec.lr, rho=spec.rho, eps=spec.eps)
        case RmspropSpec():
            return torch.optim.RMSprop(
                made, lr=spec.lr, alpha=spec.alpha, eps=spec.eps, momentum=spec.momentum, centered=spec.centered
            )
        case LionSpec():
            return Lion(made, lr=spec.lr, betas=(spec.beta1, spec.beta2))
    betas = (spec.beta1, spec.beta2)
    match spec:
        case AdamSpec() | AdamWSpec():
            return torch.optim.Adam(made, lr=spec.lr, betas=betas, eps=spec.eps, fused=fused)
        case AmsgradSpec():
            return torch.optim.Adam(made, lr=spec.lr, betas=betas, eps=spec.eps, amsgrad=True, fused=fused)
        case AdamaxSpec():
            return torch.optim.Adamax(made, lr=spec.lr, betas=betas, eps=spec.eps)
        case NadamSpec():
            return torch.optim.NAdam(made, lr=spec.lr, betas=betas, eps=spec.eps, momentum_decay=spec.momentum_decay)


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2, without its decay."""

    def __init__(self, params: Iterable[nn.Parameter], *, lr: float, betas: tuple[float, float]) -> None:
        super().__init__(params, {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take one step; ``closure`` is not used."""
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                m: Tensor = self.state[p].setdefault("m", torch.zeros_like(p))
                p.add_(torch.sign(beta1 * m + (1 - beta1) * p.grad), alpha=-group["lr"])
                m.mul_(beta2).add_(p.grad, alpha=1 - beta2)
