"""Time masking: silence stretches of each sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.batch.band import MOST, bands, draw_bands
from wellfit.regularize.stages import Augmentation


class TimeMasking(Augmentation):
    """Silences ``count`` stretches of each sequence, in all channels, at times drawn anew in each epoch.

    Silence is 0, the mean of standardized data. Stretches may overlap.

    Formula: x'(t, c) = 0 for t0 <= t < t0 + w, else x(t, c); w ~ U{0, ..., W}, W = fraction T, rounded;
    t0 ~ U{0, ..., T - w}.
    Range: ``fraction`` in [0, 1], the widest stretch as a fraction of the length; 0 changes nothing. ``count`` of
    stretches, 1 to 8; one that is drawn with width 0 changes nothing.
    Does nothing for: images and vectors (an error); sequences so short that W is 0.
    Does harm when: the answer hangs on one short event, which it may blank out.
    Source: Park, Chan, Zhang, Chiu, Zoph, Cubuk & Le 2019, "SpecAugment", section 2 (time masking; there t0 < T - w, so
    the last place is never drawn).
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"sequence"})
    off: ClassVar[Mapping[str, float]] = {"fraction": 0.0}
    fraction: Annotated[float, Field(ge=0, le=1)] = 0.2
    count: Annotated[int, Field(ge=1, le=MOST)] = 1

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n, 8, 2) uniform numbers: width and place of each stretch."""
        return draw_bands(n, generator)

    def apply(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the sequences (n, T, C) with silent stretches."""
        inside = bands(u.to(x.device), x.shape[1], fraction=self.fraction, count=self.count)
        return x.masked_fill(inside[:, :, None], 0)
