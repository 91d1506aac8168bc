"""Activations of stacked members whose bits do not depend on how many members there are.

PyTorch's sigmoid, SiLU and ELU round differently in the last elements of a tensor, which do not fill a vector register,
than in the others; so a member's numbers would depend on its place in the stack. exp, expm1 and plain arithmetic do
not: the three are made of them here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn


class _Sigmoid(torch.autograd.Function):
    """``s = 1 / (1 + exp(-x))``, ``ds/dx = s (1 - s)``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        s = torch.exp(-x).add_(1).reciprocal_()
        ctx.save_for_backward(s)
        return s

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (s,) = ctx.saved_tensors
        return gradients[0] * s * (1 - s)


class _Elu(torch.autograd.Function):
    """``x`` where it is positive, else ``alpha (exp(x) - 1)``, whose derivative is its value plus alpha."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, alpha: float) -> Tensor:
        positive = x > 0
        y = torch.where(positive, x, torch.expm1(x.clamp(max=0)).mul_(alpha))
        ctx.save_for_backward(positive, y)
        ctx.alpha = alpha
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        positive, y = ctx.saved_tensors
        return torch.where(positive, gradients[0], gradients[0] * (y + ctx.alpha)), None


def sigmoid(x: Tensor) -> Tensor:
    """Return ``1 / (1 + exp(-x))``."""
    found: Tensor = _Sigmoid.apply(x)
    return found


def silu(x: Tensor) -> Tensor:
    """Return ``x sigmoid(x)``."""
    return x * sigmoid(x)


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Return ``x`` where it is positive, else ``alpha (exp(x) - 1)``."""
    found: Tensor = _Elu.apply(x, alpha)
    return found


REGISTERS = 32
"""Numbers that PyTorch's elementwise loops take at once, at most; the rest of a stretch it takes one by one."""


def in_place(like: Tensor, block: int) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]:
    """Return ``sigmoid_(x)`` in place and ``tanh(x, out)``, which may be x: without gradients, of a tensor (N, B, H) or
    some such blocks of ``like`` (..., K H).

    Sigmoid is PyTorch's, which is twice as fast, where each member's ``block`` of B H numbers fills whole registers
    however a stack is split among threads. tanh is ``2 sigmoid(2 x) - 1``, with an error of 2e-7 and several times as
    fast as PyTorch's.
    """
    shares = math.lcm(*range(1, torch.get_num_threads() + 1))
    even = like.shape[-1] % REGISTERS == 0 and block % (REGISTERS * shares) == 0
    sigmoid_ = torch.sigmoid_ if like.is_cuda or even else _sigmoid_
    two, less = like.new_tensor(2.0), like.new_tensor(-1.0)

    def tanh(x: Tensor, out: Tensor) -> Tensor:
        return torch.add(less, sigmoid_(torch.mul(x, two, out=out)), alpha=2, out=out)

    return sigmoid_, tanh


def _sigmoid_(x: Tensor) -> Tensor:
    return x.neg_().exp_().add_(1).reciprocal_()


STEADY: Mapping[type[nn.Module], Callable[[Any, Tensor], Tensor]] = {
    nn.Sigmoid: lambda layer, x: sigmoid(x),
    nn.SiLU: lambda layer, x: silu(x),
    nn.ELU: lambda layer, x: elu(x, layer.alpha),
}


def activate(layer: nn.Module, x: Tensor) -> Tensor:
    """Return what the elementwise ``layer`` makes of the activations of all members."""
    steady = STEADY.get(type(layer))
    found: Tensor = layer(x) if steady is None else steady(layer, x)
    return found
