"""Adadelta."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from wellfit.train.optimizers.base import Numbers, Optimizer, State


class Adadelta(Optimizer):
    """``d = g sqrt(u + eps) / sqrt(s + eps);  w <- w - lr d``; s and u are moving means of g^2 and d^2."""

    numbers: ClassVar[tuple[str, ...]] = ("lr", "rho", "eps")

    def slots(self) -> tuple[str, ...]:
        """Return the mean squares of gradients and of steps."""
        return ("squares", "steps")

    def coefficients(self, numbers: Numbers, t: Tensor) -> dict[str, Tensor]:
        """Return the weights of the means, and the numbers."""
        return {**numbers, "new": 1 - numbers["rho"]}

    def update(self, w: Tensor, g: Tensor, state: State, c: Numbers) -> None:
        """Take one step."""
        squares = state["squares"].mul_(c["rho"]).add_(g.square().mul_(c["new"]))
        steps = state["steps"]
        step = (steps + c["eps"]).sqrt_().div_((squares + c["eps"]).sqrt_()).mul_(g)
        steps.mul_(c["rho"]).add_(step.square().mul_(c["new"]))
        w.sub_(step.mul_(c["lr"]))
