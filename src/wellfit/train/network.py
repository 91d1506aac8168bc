"""How a stack of networks of one structure is computed. Three ways, one contract; all give the same numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wellfit.train.hidden import HiddenStage
from wellfit.train.losses import Loss

Leaves = dict[str, Tensor]


@dataclass(frozen=True)
class Batch:
    """The same step's batch for all members, each seed and augmentation once.

    ``x`` is (G, B, ...), ``y`` (G, B) or (G, B, K); the members are ordered so that those of group g stand together at
    ``slices[g]``.
    """

    x: Tensor
    y: Tensor
    slices: tuple[slice, ...]
    group_of: Tensor
    """int64 (P,): each member's group."""

    def for_members(self, values: Tensor) -> Tensor:
        """Return (P, ...) from (G, ...): each group's values repeated for its members."""
        if len(self.slices) == 1:
            return values.expand(self.slices[0].stop, *values.shape[1:])
        return values.index_select(0, self.group_of)


def group_index(slices: Sequence[slice], device: torch.device) -> Tensor:
    """Return ``group_of`` for groups at ``slices``."""
    counts = torch.tensor([part.stop - part.start for part in slices])
    return torch.arange(len(slices)).repeat_interleave(counts).to(device)


class Network(ABC):
    """The networks of a population: one structure, stacked leaves (P, ...) by the parameters' names."""

    how: str

    @abstractmethod
    def gradients(
        self, leaves: Mapping[str, Tensor], buffers: Leaves, batch: Batch, loss: Loss, hidden: HiddenStage
    ) -> tuple[Tensor, Leaves]:
        """Return the data loss of each member (P,), a mean over the batch, and its gradients.

        Training mode; buffers (running statistics) are changed in place. The gradients belong to the network and hold
        until the next call.
        """

    @abstractmethod
    def answers(self, leaves: Mapping[str, Tensor], buffers: Leaves, batch: Batch) -> Tensor:
        """Return the answers (P, B, K) in evaluation mode, without gradients."""
