"""Spatial dropout: silence whole channels while training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Activation, Numbers


def spatial_dropout(h: Tensor, u: Tensor, rate: Tensor) -> Tensor:
    """Return ``h / (1 - rate)`` in the channels where ``u >= rate``, else 0; ``u`` (..., B, C, 1, ...) on [0, 1)."""
    return h * (u >= rate).to(h.dtype).div_(1 - rate)


class SpatialDropout(Activation):
    """Silences each whole channel of a convolution with probability ``rate`` in each training step.

    Formula: h' = h m / (1 - rate), m ~ Bernoulli(1 - rate) for each sample and channel, the same at all places of the
    channel; so E[h'] = h. Activations are (B, C, ...): axis 1 counts the channels.
    Range: ``rate`` in [0, 1), the fraction of channels that is silenced; 0 changes nothing. After every hidden
    activation with three axes or more, or after the modules whose names match ``at``.
    Does nothing for: vectors (B, units), as in an MLP or a network's head: they have no places, use ``dropout``.
    Does harm when: the network has few channels, or underfits: whole features are missing.
    Source: Tompson, Goroshin, Jain, LeCun & Bregler 2015, "Efficient object localization using convolutional networks",
    section 3.2: neighboring pixels say nearly the same, so silencing single ones does not thin the network.
    """

    off: ClassVar[Mapping[str, float]] = {"rate": 0.0}
    rate: Annotated[float, Field(ge=0, lt=1)] = 0.2

    @staticmethod
    def draw(shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return a uniform number on [0, 1) for each sample and channel: (B, C, 1, ...)."""
        return torch.rand((*shape[:2], *[1] * (len(shape) - 2)), generator=generator)

    @staticmethod
    def apply(h: Tensor, u: Tensor, numbers: Numbers) -> Tensor:
        """Return the activations without the silenced channels."""
        return spatial_dropout(h, u, numbers["rate"])

    @staticmethod
    def suits(shape: Sequence[int]) -> bool:
        """Return whether there are places beside the channels: (B, C, ...)."""
        return len(shape) >= 3
