"""Networks with the places that some methods need."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Residual(nn.Module):
    """A block with a branch that stochastic depth can drop.

    Its buffer makes it go one by one: there a member's bits do not depend on its neighbours, unlike under vmap.
    """

    def __init__(self, inputs: int = 36, outputs: int = 3, width: int = 10) -> None:
        super().__init__()
        self.first, self.act = nn.Linear(inputs, width), nn.ReLU()
        self.branch = nn.Sequential(nn.Linear(width, width), nn.Tanh())
        self.last = nn.Linear(width, outputs)
        self.register_buffer("offset", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs)."""
        h = self.act(self.first(x.flatten(1) + self.get_buffer("offset")))
        return self.last(h + self.branch(h))  # type: ignore[no-any-return]
