"""Time shift: move each sequence along its time axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Augmentation


def shift(x: Tensor, steps: Tensor) -> Tensor:
    """Return sequences (n, T, C) moved by whole ``steps`` (n,), positive to later times; what comes in is 0."""
    length = x.shape[1]
    source = torch.arange(length, device=x.device) - steps.to(x.device, torch.int64)[:, None]  # (n, T)
    outside = (source < 0) | (source >= length)
    moved = x.gather(1, source.clamp(0, length - 1)[:, :, None].expand_as(x))
    return moved.masked_fill(outside[:, :, None], 0)


class TimeShift(Augmentation):
    """Moves each sequence earlier or later by a whole number of steps, drawn anew in each epoch.

    What leaves at one end is lost; what comes in at the other is 0, the mean of standardized data. Nothing wraps
    around: the end of a recording does not belong before its beginning.

    Formula: x'(t) = x(t - s) where 0 <= t - s < T, else 0; s ~ U{-k, ..., k}, k = fraction T, rounded.
    Range: ``fraction`` in [0, 1], the largest shift as a fraction of the length; 0 changes nothing.
    Does nothing for: images and vectors (an error); sequences so short that k is 0. Does little for networks that do
    not mind when something happens.
    Does harm when: the moment itself is the answer, or an event at the edge is pushed out of the sequence.
    Source: Simard, Steinkraus & Platt 2003, "Best practices for convolutional neural networks", section 2: their
    translation of images, here along the one axis of time.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"sequence"})
    off: ClassVar[Mapping[str, float]] = {"fraction": 0.0}
    fraction: Annotated[float, Field(ge=0, le=1)] = 0.1

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n,) uniform numbers."""
        return torch.rand(n, generator=generator)

    def apply(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the moved sequences (n, T, C)."""
        most = round(self.fraction * x.shape[1])
        # u just below 1 may round up to 1 in the product
        return shift(x, (u * (2 * most + 1)).floor().clamp(max=2 * most) - most)
