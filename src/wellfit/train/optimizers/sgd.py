"""SGD, classical momentum and Nesterov's: one rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from wellfit.train.optimizers.base import FusedOptimizer, Numbers, State


class Sgd(FusedOptimizer):
    """``v <- momentum v + g;  w <- w - lr v``, or ``w <- w - lr (g + momentum v)`` for members with ``nesterov``.

    Where no member has momentum no velocity is kept: ``w <- w - lr g``.
    """

    numbers: ClassVar[tuple[str, ...]] = ("lr", "momentum", "nesterov")

    def __init__(self, numbers: Numbers) -> None:
        self.with_momentum = bool((numbers["momentum"] > 0).any())
        self.with_nesterov = bool((numbers["nesterov"] > 0).any())

    def slots(self) -> tuple[str, ...]:
        """Return ``velocity``, or nothing without momentum."""
        return ("velocity",) if self.with_momentum else ()

    def coefficients(self, numbers: Numbers, t: Tensor) -> dict[str, Tensor]:
        """Return the numbers themselves."""
        return dict(numbers)

    def update_member(
        self,
        w: tuple[Tensor, ...],
        g: tuple[Tensor, ...],
        state: Mapping[str, tuple[Tensor, ...]],
        numbers: Mapping[str, float],
        t: tuple[float, ...],
    ) -> None:
        """Take one step."""
        with_momentum = numbers["momentum"] > 0
        torch._fused_sgd_(
            w,
            g,
            state["velocity"] if with_momentum else [],
            weight_decay=0.0,
            momentum=numbers["momentum"],
            lr=numbers["lr"],
            dampening=0.0,
            nesterov=with_momentum and numbers["nesterov"] > 0,
            maximize=False,
            is_first_step=False,
        )

    def update(self, w: Tensor, g: Tensor, state: State, c: Numbers) -> None:
        """Take one step."""
        step = g
        if self.with_momentum:
            step = velocity = state["velocity"].mul_(c["momentum"]).add_(g)
            if self.with_nesterov:
                step = torch.where(c["nesterov"] > 0, g + velocity * c["momentum"], velocity)
        w.addcmul_(step, c["lr"], value=-1)
