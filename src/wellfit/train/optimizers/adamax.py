"""Adamax: Adam with the infinity norm."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from wellfit.train.optimizers.base import Numbers, Optimizer, State


class Adamax(Optimizer):
    """``m <- beta1 m + (1 - beta1) g;  u <- max(beta2 u, |g| + eps);  w <- w - lr / (1 - beta1^t) m / u``."""

    numbers: ClassVar[tuple[str, ...]] = ("lr", "beta1", "beta2", "eps")

    def slots(self) -> tuple[str, ...]:
        """Return the first moment and the decaying maximum."""
        return ("m", "largest")

    def coefficients(self, numbers: Numbers, t: Tensor) -> dict[str, Tensor]:
        """Return the weights of the averages and the corrected rate."""
        beta1 = numbers["beta1"]
        return {
            "new_m": 1 - beta1,
            "beta2": numbers["beta2"],
            "rate": numbers["lr"] / (1 - beta1**t),
            "eps": numbers["eps"],
        }

    def update(self, w: Tensor, g: Tensor, state: State, c: Numbers) -> None:
        """Take one step."""
        m = state["m"].lerp_(g, c["new_m"])
        largest = state["largest"].mul_(c["beta2"])
        torch.maximum(largest, g.abs().add_(c["eps"]), out=largest)
        w.sub_(m / largest * c["rate"])
