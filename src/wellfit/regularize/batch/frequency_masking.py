"""Frequency masking: silence bands of neighboring channels of each sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.batch.band import MOST, bands, draw_bands
from wellfit.regularize.stages import Augmentation


class FrequencyMasking(Augmentation):
    """Silences ``count`` bands of neighboring channels of each sequence, at all times, drawn anew in each epoch.

    The channels of a spectrogram are its frequencies, hence the name; the sensors of a device are masked as well.
    Silence is 0, the mean of standardized data. Bands may overlap.

    Formula: x'(t, c) = 0 for c0 <= c < c0 + w, else x(t, c); w ~ U{0, ..., W}, W = fraction C, rounded;
    c0 ~ U{0, ..., C - w}.
    Range: ``fraction`` in [0, 1], the widest band as a fraction of the channels; 0 changes nothing. ``count`` of bands,
    1 to 8; one that is drawn with width 0 changes nothing.
    Does nothing for: images and vectors (an error); so few channels that W is 0, as with one and a fraction up to 0.5.
    Does harm when: the answer hangs on one band or sensor, or channels are few.
    Source: Park, Chan, Zhang, Chiu, Zoph, Cubuk & Le 2019, "SpecAugment", section 2 (frequency masking; there
    c0 < C - w, so the last place is never drawn).
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"sequence"})
    off: ClassVar[Mapping[str, float]] = {"fraction": 0.0}
    fraction: Annotated[float, Field(ge=0, le=1)] = 0.3
    count: Annotated[int, Field(ge=1, le=MOST)] = 1

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n, 8, 2) uniform numbers: width and place of each band."""
        return draw_bands(n, generator)

    def apply(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the sequences (n, T, C) with silent bands of channels."""
        inside = bands(u.to(x.device), x.shape[2], fraction=self.fraction, count=self.count)
        return x.masked_fill(inside[:, None, :], 0)
