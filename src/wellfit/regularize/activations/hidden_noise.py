"""Gaussian noise on the hidden activations while training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Activation, Numbers


def hidden_noise(h: Tensor, u: Tensor, std: Tensor) -> Tensor:
    """Return ``h + std u``; where ``std`` is 0 it is ``h`` to the bit."""
    # adding -0.0 changes no number, not even -0.0 itself, which adding 0 u would
    return h + torch.where(std > 0, std * u, -0.0).to(h.dtype)


class HiddenNoise(Activation):
    """Adds normal noise to each hidden activation in each training step; evaluation adds none.

    Formula: h' = h + std u, u ~ N(0, 1) for each sample and unit; so E[h'] = h.
    Range: ``std`` >= 0, in the units of the activation; 0 changes nothing. After every hidden activation, or after the
    modules whose names match ``at``.
    Does little for: units without a bound (ReLU) that can grow until the noise is small beside them; ``max_norm`` or
    ``l2`` keep them from it.
    Does harm when: the network underfits; or activations are small beside the noise, as behind a normalization with a
    large ``std``.
    Source: Poole, Sohl-Dickstein & Ganguli 2014, "Analyzing noise in autoencoders and deep networks" (noise at the
    hidden layers); Bishop 1995, "Training with noise is equivalent to Tikhonov regularization" (at the inputs).
    """

    off: ClassVar[Mapping[str, float]] = {"std": 0.0}
    std: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.1

    @staticmethod
    def draw(shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return standard normal numbers."""
        return torch.randn(tuple(shape), generator=generator)

    @staticmethod
    def apply(h: Tensor, u: Tensor, numbers: Numbers) -> Tensor:
        """Return the noisy activations."""
        return hidden_noise(h, u, numbers["std"])
