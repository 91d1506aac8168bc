"""Adagrad."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from wellfit.train.optimizers.base import Numbers, Optimizer, State


class Adagrad(Optimizer):
    """``s <- s + g^2;  w <- w - lr / (1 + (t - 1) lr_decay) g / (sqrt(s + initial_accumulator_value) + eps)``.

    The initial value is added where s is read: so the state starts at 0 for all members.
    """

    numbers: ClassVar[tuple[str, ...]] = ("lr", "lr_decay", "initial_accumulator_value", "eps")

    def slots(self) -> tuple[str, ...]:
        """Return the sum of squares."""
        return ("squares",)

    def coefficients(self, numbers: Numbers, t: Tensor) -> dict[str, Tensor]:
        """Return the decayed rate and the two constants."""
        return {
            "rate": numbers["lr"] / (1 + (t - 1) * numbers["lr_decay"]),
            "initial": numbers["initial_accumulator_value"],
            "eps": numbers["eps"],
        }

    def update(self, w: Tensor, g: Tensor, state: State, c: Numbers) -> None:
        """Take one step."""
        squares = state["squares"].add_(g.square())
        root = (squares + c["initial"]).sqrt_().add_(c["eps"])
        w.sub_(g / root * c["rate"])
