"""Dropout, as first published: silence random units while training, and scale all of them when testing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Activation, Numbers


def thin(h: Tensor, u: Tensor, rate: Tensor) -> Tensor:
    """Return ``h`` where ``u >= rate``, else 0; ``u`` uniform on [0, 1)."""
    return h * (u >= rate).to(h.dtype)


def scale_by_keeping(h: Tensor, rate: Tensor) -> Tensor:
    """Return ``(1 - rate) h``: what a unit says on average while it is thinned."""
    return h * (1 - rate).to(h.dtype)


class ClassicDropout(Activation):
    """Silences each hidden unit with probability ``rate`` in each training step; evaluation scales all units down.

    Formula: training h' = h m, m ~ Bernoulli(p) for each sample and unit; evaluation h' = p h; p = 1 - rate is the
    probability of keeping a unit. A unit with inputs x1, x2 expects p (w1 x1 + w2 x2), just what evaluation says.
    Range: ``rate`` in [0, 1), the fraction that is silenced; 0 changes nothing. After every hidden activation, or after
    the modules whose names match ``at``.
    Does nothing for: a network without hidden layers. It and ``dropout`` are one network with the next weights scaled
    by p: what differs is how far a step of the same learning rate goes.
    Does harm when: the network underfits or is small, and before batch norm, whose running variance is then that of
    training (Li et al. 2019).
    Source: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014, "Dropout", section 4 (there the outgoing
    weights are multiplied by p when testing; here the activations, which is the same).
    """

    off: ClassVar[Mapping[str, float]] = {"rate": 0.0}
    scales_evaluation: ClassVar[bool] = True
    rate: Annotated[float, Field(ge=0, lt=1)] = 0.5

    @staticmethod
    def draw(shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return uniform numbers on [0, 1)."""
        return torch.rand(tuple(shape), generator=generator)

    @staticmethod
    def apply(h: Tensor, u: Tensor, numbers: Numbers) -> Tensor:
        """Return the thinned activations, not scaled."""
        return thin(h, u, numbers["rate"])

    @staticmethod
    def evaluate(h: Tensor, numbers: Numbers) -> Tensor:
        """Return the activations times the probability of keeping one."""
        return scale_by_keeping(h, numbers["rate"])
