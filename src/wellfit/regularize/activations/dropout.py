"""Dropout, inverted: silence random units while training, and scale up the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Activation


def dropout(h: Tensor, u: Tensor, rate: Tensor) -> Tensor:
    """Return ``h / (1 - rate)`` where ``u >= rate``, else 0; ``u`` uniform on [0, 1)."""
    return h * keeping(u, rate, h.dtype)


def keeping(u: Tensor, rate: Tensor, dtype: torch.dtype) -> Tensor:
    """Return ``1 / (1 - rate)`` where ``u >= rate``, else 0."""
    return (u >= rate).to(dtype).div_(1 - rate)


class Dropout(Activation):
    """Silences each hidden unit with probability ``rate`` in each training step; evaluation uses the whole network.

    Formula: h' = h m / (1 - rate), m ~ Bernoulli(1 - rate) for each sample and unit; so E[h'] = h.
    Range: ``rate`` in [0, 1), the fraction that is silenced; 0 changes nothing. After every hidden activation, or after
    the modules whose names match ``at``.
    Does nothing for: a network without hidden layers.
    Does harm when: the network underfits or is small, and before batch norm, whose running variance is then that of
    training (Li et al. 2019).
    Source: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014, "Dropout", section 4 (there p is the
    probability of keeping a unit, and weights are scaled when testing: ``classic_dropout``; here activations are scaled
    while training).
    """

    off: ClassVar[Mapping[str, float]] = {"rate": 0.0}
    rate: Annotated[float, Field(ge=0, lt=1)] = 0.5

    @staticmethod
    def draw(shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return uniform numbers on [0, 1)."""
        return torch.rand(tuple(shape), generator=generator)

    @staticmethod
    def apply(h: Tensor, u: Tensor, numbers: Mapping[str, Tensor]) -> Tensor:
        """Return the thinned activations."""
        return dropout(h, u, numbers["rate"])

    @staticmethod
    def factor(u: Tensor, numbers: Mapping[str, Tensor]) -> Tensor:
        """Return ``1 / (1 - rate)`` for the units that are kept, 0 for the others."""
        return keeping(u, numbers["rate"], u.dtype)
