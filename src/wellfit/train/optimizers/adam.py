"""Adam, AdamW and AMSGrad: one rule. AdamW's decay is the regularizer ``weight_decay`` (stage 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from wellfit.train.optimizers.base import FusedOptimizer, Numbers, State, step_counts


class Adam(FusedOptimizer):
    """Adam (Kingma & Ba 2015, algorithm 1), with the largest mean square for members with ``amsgrad``.

    ::

        m <- beta1 m + (1 - beta1) g         v <- beta2 v + (1 - beta2) g^2
        w <- w - lr / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + eps)
    """

    numbers: ClassVar[tuple[str, ...]] = ("lr", "beta1", "beta2", "eps", "amsgrad")

    def __init__(self, numbers: Numbers) -> None:
        self.with_maximum = bool((numbers["amsgrad"] > 0).any())

    def slots(self) -> tuple[str, ...]:
        """Return the two moments, and the largest second one where a member needs it."""
        return ("m", "v", "largest_v") if self.with_maximum else ("m", "v")

    def coefficients(self, numbers: Numbers, t: Tensor) -> dict[str, Tensor]:
        """Return the weights of the moving averages and the corrections for their start at 0."""
        lr, beta1, beta2 = numbers["lr"], numbers["beta1"], numbers["beta2"]
        return {
            "new_m": 1 - beta1,
            "old_v": beta2,
            "new_v": 1 - beta2,
            "root_v": (1 - beta2**t).sqrt(),
            "rate": lr / (1 - beta1**t),
            "eps": numbers["eps"],
            "amsgrad": numbers["amsgrad"],
        }

    def update_member(
        self,
        w: tuple[Tensor, ...],
        g: tuple[Tensor, ...],
        state: Mapping[str, tuple[Tensor, ...]],
        numbers: Mapping[str, float],
        t: tuple[float, ...],
    ) -> None:
        """Take one step."""
        amsgrad = numbers["amsgrad"] > 0
        torch._fused_adam_(
            w,
            g,
            state["m"],
            state["v"],
            state["largest_v"] if amsgrad else [],
            step_counts(t),
            lr=numbers["lr"],
            beta1=numbers["beta1"],
            beta2=numbers["beta2"],
            weight_decay=0.0,
            eps=numbers["eps"],
            amsgrad=amsgrad,
            maximize=False,
        )

    def update(self, w: Tensor, g: Tensor, state: State, c: Numbers) -> None:
        """Take one step."""
        m = state["m"].lerp_(g, c["new_m"])
        v = state["v"].mul_(c["old_v"]).addcmul_(g * c["new_v"], g)
        if self.with_maximum:
            largest = state["largest_v"]
            torch.maximum(largest, v, out=largest)
            v = torch.where(c["amsgrad"] > 0, largest, v)
        w.sub_(m / v.sqrt().div_(c["root_v"]).add_(c["eps"]) * c["rate"])
