"""Horizontal flip: mirror images left to right at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Warp


class HorizontalFlip(Warp):
    """Mirrors each image left to right with a probability, drawn anew in each epoch.

    Formula: with probability p, x'(row, column) = x(row, W - 1 - column).
    Range: ``probability`` in [0, 1]; 0 changes nothing.
    Does nothing for: vectors (an error); what looks the same in a mirror.
    Does harm when: left and right matter: digits, letters, traffic signs, organs; then it makes wrong labels.
    Source: Krizhevsky, Sutskever & Hinton 2012, "ImageNet classification with deep CNNs", section 4.1.
    """

    off: ClassVar[Mapping[str, float]] = {"probability": 0.0}
    probability: Annotated[float, Field(ge=0, le=1)] = 0.5

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n,) uniform numbers."""
        return torch.rand(n, generator=generator)

    def matrix(self, u: Tensor, shape: Sequence[int]) -> Tensor:
        """Return the mirror's matrix where ``u < probability``, else the identity."""
        mirror = torch.diag(u.new_tensor([-1.0, 1.0, 1.0]))
        return torch.where((u < self.probability)[:, None, None], mirror, torch.eye(3).to(u))
