"""Lion: steps by a sign. Its decay is the regularizer ``weight_decay`` (stage 5)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from wellfit.train.optimizers.base import Numbers, Optimizer, State


class Lion(Optimizer):
    """``w <- w - lr sign(beta1 m + (1 - beta1) g);  m <- beta2 m + (1 - beta2) g`` (Chen et al. 2023, algorithm 2)."""

    numbers: ClassVar[tuple[str, ...]] = ("lr", "beta1", "beta2")

    def slots(self) -> tuple[str, ...]:
        """Return the moving mean of the gradients."""
        return ("m",)

    def coefficients(self, numbers: Numbers, t: Tensor) -> dict[str, Tensor]:
        """Return the rate and the weights of both means."""
        beta1, beta2 = numbers["beta1"], numbers["beta2"]
        return {"lr": numbers["lr"], "beta1": beta1, "new_1": 1 - beta1, "beta2": beta2, "new_2": 1 - beta2}

    def update(self, w: Tensor, g: Tensor, state: State, c: Numbers) -> None:
        """Take one step."""
        m = state["m"]
        direction = (m * c["beta1"]).add_(g * c["new_1"]).sign_()
        w.sub_(direction.mul_(c["lr"]))
        m.mul_(c["beta2"]).add_(g * c["new_2"])
