"""Update rules for one leaf of a stack of members: pure formulas, in place, each member with its own numbers.

``w`` and ``g`` are (P, ...); coefficients are (P, 1, ...) and broadcast; ``t`` counts steps from 1. They are checked
against ``torch.optim`` in ``tests/parity``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from wellfit.recipe import AdamSpec, AdamWSpec, MomentumSpec, SgdSpec

Spec = SgdSpec | MomentumSpec | AdamSpec | AdamWSpec
State = dict[str, Tensor]
Numbers = Mapping[str, Tensor]


class Optimizer(ABC):
    """An update rule: the numbers a member brings, the state a leaf keeps, a step's coefficients, and the update."""

    numbers: tuple[str, ...]

    @abstractmethod
    def slots(self) -> tuple[str, ...]:
        """Return the names of the state tensors of a leaf, all zero at the start."""

    @abstractmethod
    def coefficients(self, numbers: Numbers, t: int) -> dict[str, Tensor]:
        """Return the coefficients (P,) of step ``t``, worked out in float64 from the members' numbers (P,)."""

    @abstractmethod
    def update(self, w: Tensor, g: Tensor, state: State, c: Numbers) -> None:
        """Change ``w`` and ``state`` in place; the coefficients ``c`` are (P, 1, ...) in the dtype of ``w``."""


class Sgd(Optimizer):
    """``v <- momentum v + g;  w <- w - lr v``  (heavy ball; Polyak 1964, as in ``torch.optim.SGD``).

    Where no member has momentum no velocity is kept: ``w <- w - lr g``.
    """

    numbers = ("lr", "momentum")

    def __init__(self, *, with_momentum: bool) -> None:
        self.with_momentum = with_momentum

    def slots(self) -> tuple[str, ...]:
        """Return ``velocity``, or nothing without momentum."""
        return ("velocity",) if self.with_momentum else ()

    def coefficients(self, numbers: Numbers, t: int) -> dict[str, Tensor]:
        """Return the numbers themselves."""
        return dict(numbers)

    def update(self, w: Tensor, g: Tensor, state: State, c: Numbers) -> None:
        """Take one step."""
        if self.with_momentum:
            g = state["velocity"].mul_(c["momentum"]).add_(g)
        w.addcmul_(g, c["lr"], value=-1)


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, algorithm 1).

    ::

        m <- beta1 m + (1 - beta1) g         v <- beta2 v + (1 - beta2) g^2
        w <- w - lr / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + eps)
    """

    numbers = ("lr", "beta1", "beta2", "eps")

    def slots(self) -> tuple[str, ...]:
        """Return the two moments."""
        return ("m", "v")

    def coefficients(self, numbers: Numbers, t: int) -> dict[str, Tensor]:
        """Return the weights of the moving averages and the bias corrections."""
        lr, beta1, beta2 = numbers["lr"], numbers["beta1"], numbers["beta2"]
        return {
            "new_m": 1 - beta1,
            "old_v": beta2,
            "new_v": 1 - beta2,
            "root_v": (1 - beta2**t).sqrt(),
            "rate": lr / (1 - beta1**t),
            "eps": numbers["eps"],
        }

    def update(self, w: Tensor, g: Tensor, state: State, c: Numbers) -> None:
        """Take one step."""
        m = state["m"].lerp_(g, c["new_m"])
        v = state["v"].mul_(c["old_v"]).addcmul_(g * c["new_v"], g)
        w.sub_(m / v.sqrt().div_(c["root_v"]).add_(c["eps"]) * c["rate"])


def make_optimizer(specs: Sequence[Spec]) -> tuple[Optimizer, dict[str, Tensor]]:
    """Return the rule that all members share and their numbers (P,), float64.

    ``sgd`` and ``momentum`` are one rule, and so are ``adam`` and ``adamw``, whose decay is the regularizer
    ``weight_decay`` (stage 5).
    """
    rule: Optimizer
    if isinstance(specs[0], SgdSpec | MomentumSpec):
        rule = Sgd(with_momentum=any(getattr(spec, "momentum", 0.0) > 0 for spec in specs))
    else:
        rule = Adam()
    return rule, {
        name: torch.tensor([getattr(spec, name) for spec in specs], dtype=torch.float64) for name in rule.numbers
    }


def family(spec: Spec) -> str:
    """Return the name of the rule; members of one population share it."""
    return "sgd" if isinstance(spec, SgdSpec | MomentumSpec) else "adam"
