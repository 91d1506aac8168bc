"""Stochastic depth: skip the residual branch of a block for random samples while training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Activation, Numbers, Patterns


def stochastic_depth(h: Tensor, u: Tensor, rate: Tensor) -> Tensor:
    """Return ``h / (1 - rate)`` for the samples where ``u >= rate``, else 0; ``u`` (..., B, 1, ...) on [0, 1)."""
    return h * (u >= rate).to(h.dtype).div_(1 - rate)


class StochasticDepth(Activation):
    """Drops what a residual branch adds, for whole samples with probability ``rate`` in each training step.

    Formula: block(x) = x + m branch(x) / (1 - rate), m ~ Bernoulli(1 - rate) for each sample and branch; so the
    expectation is x + branch(x), which evaluation computes.
    Range: ``rate`` in [0, 1), the fraction of samples that skip a branch; 0 changes nothing. It changes the output of
    the modules whose names match ``at``, by default those called ``branch``: a block has to add their output to its
    input.
    Does nothing for: a network without residual branches; on a chain of layers the samples would lose everything.
    Does harm when: the network is shallow: each branch that is left out is a large part of it.
    Source: Huang, Sun, Liu, Sedra & Weinberger 2016, "Deep networks with stochastic depth", section 3 (there a whole
    batch skips a branch, deeper branches more often than the first, and testing multiplies by the probability of
    keeping; here each sample has its own draw, all branches have one rate, and training divides instead).
    """

    off: ClassVar[Mapping[str, float]] = {"rate": 0.0}
    rate: Annotated[float, Field(ge=0, lt=1)] = 0.2
    at: Patterns = ("branch", "*.branch")

    @staticmethod
    def draw(shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return a uniform number on [0, 1) for each sample: (B, 1, ...)."""
        return torch.rand((shape[0], *[1] * (len(shape) - 1)), generator=generator)

    @staticmethod
    def apply(h: Tensor, u: Tensor, numbers: Numbers) -> Tensor:
        """Return the branch's output without the samples that skip it."""
        return stochastic_depth(h, u, numbers["rate"])
