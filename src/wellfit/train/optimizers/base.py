"""What every update rule answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

State = dict[str, Tensor]
Numbers = Mapping[str, Tensor]


def step_counts(t: Sequence[float]) -> list[Tensor]:
    """Return counts of steps as PyTorch's fused updates take them: a tensor for each leaf."""
    made = {count: torch.tensor(count) for count in t}
    return [made[count] for count in t]


class Optimizer(ABC):
    """An update rule: the numbers a member brings, the state a leaf keeps, a step's coefficients, and the update.

    Every tensor of a member is touched by operations of single elements alone, so that a member's bits depend on no
    neighbour. What only some members need (a velocity, a maximum) is kept where one of them needs it, and does not
    change the bits of the others: theirs are chosen by ``torch.where`` or come from a number of 0.
    """

    numbers: ClassVar[tuple[str, ...]]
    """The members' numbers that the rule reads; ``lr`` is the first."""

    def __init__(self, numbers: Numbers) -> None:  # noqa: B027 - most rules need nothing of it
        """Take the numbers (P,) of the members, to see what none of them needs."""

    @abstractmethod
    def slots(self) -> tuple[str, ...]:
        """Return the names of the state tensors of a leaf, each as large as the leaf and 0 at the start."""

    @abstractmethod
    def coefficients(self, numbers: Numbers, t: Tensor) -> dict[str, Tensor]:
        """Return the coefficients (P,) of a step, worked out in float64.

        ``t`` (P,) float64 is each member's own count of the leaf's updates with this one, from 1; ``numbers["lr"]`` is
        the learning rate of this step, with the schedule's factor in it.
        """

    @abstractmethod
    def update(self, w: Tensor, g: Tensor, state: State, c: Numbers) -> None:
        """Change ``w`` and ``state`` in place; the coefficients ``c`` are (P, 1, ...) in the dtype of ``w``."""


class FusedOptimizer(Optimizer):
    """An update rule that PyTorch also has in one pass over all leaves of a member; it is faster so on a CPU."""

    @abstractmethod
    def update_member(
        self,
        w: tuple[Tensor, ...],
        g: tuple[Tensor, ...],
        state: Mapping[str, tuple[Tensor, ...]],
        numbers: Mapping[str, float],
        t: tuple[float, ...],
    ) -> None:
        """Change all leaves ``w`` of one member and their ``state`` in place; ``numbers`` and ``t`` as in
        ``coefficients``, ``t`` for each leaf.
        """
