"""RMSprop, plain or centered, with or without momentum: one rule."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from wellfit.train.optimizers.base import Numbers, Optimizer, State


class RmsProp(Optimizer):
    """``s <- alpha s + (1 - alpha) g^2;  v <- momentum v + g / (sqrt(s) + eps);  w <- w - lr v``.

    Members with ``centered`` divide by ``sqrt(s - m^2) + eps``, m the moving mean of g. A mean or a velocity is kept
    where a member needs one.
    """

    numbers: ClassVar[tuple[str, ...]] = ("lr", "alpha", "eps", "momentum", "centered")

    def __init__(self, numbers: Numbers) -> None:
        self.with_momentum = bool((numbers["momentum"] > 0).any())
        self.with_mean = bool((numbers["centered"] > 0).any())

    def slots(self) -> tuple[str, ...]:
        """Return the mean squares, and the mean and the velocity where a member needs them."""
        return ("squares", *["mean"] * self.with_mean, *["velocity"] * self.with_momentum)

    def coefficients(self, numbers: Numbers, t: Tensor) -> dict[str, Tensor]:
        """Return the weights of the means, and the numbers."""
        return {**numbers, "new": 1 - numbers["alpha"]}

    def update(self, w: Tensor, g: Tensor, state: State, c: Numbers) -> None:
        """Take one step."""
        spread = state["squares"].mul_(c["alpha"]).add_(g.square().mul_(c["new"]))
        if self.with_mean:
            mean = state["mean"].lerp_(g, c["new"])
            variance = (spread - mean.square()).clamp_(min=0)  # rounding can leave it below 0, and PyTorch with NaN
            spread = torch.where(c["centered"] > 0, variance, spread)
        step = g / spread.sqrt().add_(c["eps"])
        if self.with_momentum:
            step = state["velocity"].mul_(c["momentum"]).add_(step)
        w.sub_(step * c["lr"])
