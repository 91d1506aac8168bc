"""NAdam: Adam with Nesterov's momentum."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from wellfit.train.optimizers.base import Numbers, Optimizer, State

BASE = 0.96
TERMS = 60
"""Of the series in ``momentum_product``: the next one is below 2^-60 of the first."""


def momentum_at(beta1: Tensor, decay: Tensor, t: Tensor) -> Tensor:
    """Return ``mu_t = beta1 (1 - 0.96^(t decay) / 2)``."""
    return beta1 * (1 - 0.5 * BASE ** (t * decay))


def momentum_product(beta1: Tensor, decay: Tensor, t: Tensor) -> Tensor:
    """Return ``mu_1 mu_2 ... mu_t`` (P,) in float64 without its factors, so that nothing needs to be kept.

    With ``x = 0.96^decay``: ``log(1 - x^k / 2) = -sum_j x^(jk) / (j 2^j)``; summed over k first, each j is a geometric
    series. It holds to rounding for any t.
    """
    j = torch.arange(1, TERMS + 1, dtype=torch.float64, device=t.device)
    log_x = (decay * math.log(BASE)).unsqueeze(-1) * j  # (P, terms), <= 0
    of_t = torch.expm1(log_x * t.unsqueeze(-1)) / torch.expm1(log_x)
    powers = torch.where(log_x == 0, t.unsqueeze(-1), torch.exp(log_x) * of_t)  # x^j + x^2j + ... + x^tj
    return beta1**t * torch.exp(-(powers * 0.5**j / j).sum(-1))


class NAdam(Optimizer):
    """Adam whose first moment is taken one step ahead (Dozat 2016), with PyTorch's growing momentum ``mu``."""

    numbers: ClassVar[tuple[str, ...]] = ("lr", "beta1", "beta2", "eps", "momentum_decay")

    def slots(self) -> tuple[str, ...]:
        """Return the two moments."""
        return ("m", "v")

    def coefficients(self, numbers: Numbers, t: Tensor) -> dict[str, Tensor]:
        """Return the weights of the moving averages, the correction of v, and the rates of g and of m."""
        lr, beta1, beta2, decay = (numbers[name] for name in ("lr", "beta1", "beta2", "momentum_decay"))
        mu, following = momentum_at(beta1, decay, t), momentum_at(beta1, decay, t + 1)
        product = momentum_product(beta1, decay, t)
        return {
            "new_m": 1 - beta1,
            "old_v": beta2,
            "new_v": 1 - beta2,
            "root_v": (1 - beta2**t).sqrt(),
            "rate_g": lr * (1 - mu) / (1 - product),
            "rate_m": lr * following / (1 - product * following),
            "eps": numbers["eps"],
        }

    def update(self, w: Tensor, g: Tensor, state: State, c: Numbers) -> None:
        """Take one step."""
        m = state["m"].lerp_(g, c["new_m"])
        v = state["v"].mul_(c["old_v"]).addcmul_(g * c["new_v"], g)
        root = v.sqrt().div_(c["root_v"]).add_(c["eps"])
        w.sub_(g / root * c["rate_g"]).sub_(m / root * c["rate_m"])  # in two roundings, as PyTorch
