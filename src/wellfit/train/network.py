"""How a stack of networks of one structure is computed. Three ways, one contract; all give the same numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wellfit.regularize.stages import OutputPenalty
from wellfit.train.hidden import HiddenStage
from wellfit.train.losses import Loss

Leaves = dict[str, Tensor]


@dataclass(frozen=True)
class Batch:
    """The same step's batch for all members, each seed and augmentation once.

    The members are ordered so that those of group g stand together at ``slices[g]``.
    """

    x: Tensor
    """(G, B, ...)."""
    y: Tensor
    """(P, B) classes, (P, B, C) soft targets, (P, B, K) numbers or (P, B, H, W) masks."""
    slices: tuple[slice, ...]
    group_of: Tensor
    """int64 (P,): each member's group."""

    def for_members(self, values: Tensor) -> Tensor:
        """Return (P, ...) from (G, ...): each group's values repeated for its members."""
        return of_groups(values, self.slices, self.group_of)


def of_groups(values: Tensor, slices: Sequence[slice], group_of: Tensor) -> Tensor:
    """Return (P, ...) from (G, ...): each group's values repeated for its members."""
    if len(slices) == 1:
        return values.expand(slices[0].stop, *values.shape[1:])
    return values.index_select(0, group_of)


def group_index(slices: Sequence[slice], device: torch.device) -> Tensor:
    """Return ``group_of`` for groups at ``slices``."""
    counts = torch.tensor([part.stop - part.start for part in slices])
    return torch.arange(len(slices)).repeat_interleave(counts).to(device)


@dataclass(frozen=True)
class Affine:
    """A step's update of each member, where it is ``w <- keep w - rate g``."""

    keep: Mapping[str, Sequence[float]]
    """By leaf, each member's; 1 where nothing shrinks it."""
    rate: Sequence[float]
    rates: Tensor
    """The same (P,), float32."""


@dataclass(frozen=True)
class Objective:
    """What a step's answers are judged by: the data loss, and the terms that read the answers."""

    loss: Loss
    outputs: Sequence[tuple[type[OutputPenalty], Mapping[str, Tensor]]] = ()
    """Method and numbers (P,)."""

    @property
    def numbers(self) -> list[dict[str, Tensor]]:
        """Return the numbers (P,) of each term."""
        return [dict(numbers) for _, numbers in self.outputs]

    def data(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the mean data loss (...) of answers (..., B, K), or (..., B, C, H, W)."""
        return self.loss(z, y).mean(-1)

    def slope(self, z: Tensor, y: Tensor) -> tuple[Tensor, list[Tensor], Tensor]:
        """Return data losses (P,), each term (P,), and the gradient of all of them by the answers ``z`` (P, B, ...)."""
        if self.loss.slope is None:
            (losses,), g = _by_autograd(lambda z: [self.data(z, y)], z)
        else:
            each, g = self.loss.slope(z, y)
            losses, g = each.mean(-1), g.div_(z.shape[1])
        if not self.outputs:
            return losses, [], g
        terms, of_terms = _by_autograd(lambda z: self.terms(z, self.numbers), z)
        return losses, terms, g + of_terms

    def terms(self, z: Tensor, numbers: Sequence[Mapping[str, Tensor]]) -> list[Tensor]:
        """Return what the terms come to (...), for numbers (...): of all members, or of one."""
        found = []
        if self.loss.pixels:  # each is an answer: (..., B H W, C)
            z = z.flatten(-2).transpose(-2, -1).flatten(-3, -2)
        for (method, _), own in zip(self.outputs, numbers, strict=True):
            beside = {name: value.unsqueeze(-1) for name, value in own.items()}
            found.append(method.value(z, beside).mean(-1))
        return found


def _by_autograd(function: Callable[[Tensor], Sequence[Tensor]], z: Tensor) -> tuple[list[Tensor], Tensor]:
    """Return the values (P,) of a function of the answers, and the gradient of their sum."""
    z = z.detach().requires_grad_()
    with torch.enable_grad():
        values = function(z)
    # members do not meet: the gradient of the sum is each one's own
    (g,) = torch.autograd.grad(values, z, [torch.ones_like(value) for value in values])
    return [value.detach() for value in values], g


class Network(ABC):
    """The networks of a population: one structure, stacked leaves (P, ...) by the parameters' names."""

    how: str
    merges: bool = False
    """Whether it does an ``update`` in one with the gradient."""
    draws_by_itself: bool = False
    """Whether a forward draws from PyTorch's own generator, which the process has one of."""

    @abstractmethod
    def gradients(
        self,
        leaves: Mapping[str, Tensor],
        buffers: Leaves,
        batch: Batch,
        objective: Objective,
        hidden: HiddenStage,
        update: Affine | None = None,
    ) -> tuple[Tensor, Tensor, Leaves]:
        """Return for each member the data loss (P,), a mean over the batch, what the terms added to it (P,), and the
        gradients of their sum.

        Training mode; buffers (running statistics) are changed in place. The gradients belong to the network and hold
        until the next call. With ``update`` it may be done to a leaf at once, in place, whose gradient is then left
        out.
        """

    @abstractmethod
    def answers(
        self, leaves: Mapping[str, Tensor], buffers: Leaves, batch: Batch, hidden: HiddenStage | None = None
    ) -> Tensor:
        """Return the answers (P, B, K), or (P, B, C, H, W), in evaluation mode, without gradients."""


def added(total: Tensor, terms: Sequence[Tensor]) -> Tensor:
    """Return ``total`` with the terms added to it."""
    for term in terms:
        total = total + term
    return total
