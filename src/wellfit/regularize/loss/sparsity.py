"""Sparsity: let each hidden unit be active for few samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import ActivationPenalty, Numbers

CLOSEST = 1e-6
"""How near to 0 and 1 a mean activation counts; beyond, its divergence is constant and has no gradient."""


def bernoulli_divergence(target: Tensor, mean: Tensor) -> Tensor:
    """Return KL(Bernoulli(target) || Bernoulli(mean)) in nats, ``mean`` clamped into (0, 1)."""
    mean = mean.clamp(CLOSEST, 1 - CLOSEST)
    return target * (target.log() - mean.log()) + (1 - target) * (torch.log1p(-target) - torch.log1p(-mean))


class Sparsity(ActivationPenalty):
    """Adds a divergence to the loss that draws the mean activation of each hidden unit to a small target.

    Formula: L' = L + strength sum_j KL(target || rho_j), KL(p || q) = p log(p / q) + (1 - p) log((1 - p) / (1 - q));
    rho_j = mean over the batch of unit j's activation, clamped into [1e-6, 1 - 1e-6]. The units are the axis after the
    batch; over the axes behind it (the positions of a feature map) the mean is taken too. Summed over all places.
    Range: ``strength`` (beta) >= 0, in units of the loss; 0 changes nothing. ``target`` (rho) in (0, 1), an activation.
    After every hidden activation; ``at`` names the modules to read instead.
    Does little for: activations outside [0, 1]: it is meant for the sigmoid. A ReLU unit has no gradient where its mean
    is 0 or above 1, and a huge one just above 0. Does nothing for: a network without hidden layers.
    Does harm when: the network underfits or is narrow: few active units cannot carry what it needs; or its units are
    ReLUs, which it can switch off for good.
    Source: Ng 2011, "Sparse autoencoder" (CS294A lecture notes), section 3; Lee, Ekanadham & Ng 2008, "Sparse deep
    belief net model for visual area V2", for the aim (there a squared distance).
    """

    off: ClassVar[Mapping[str, float]] = {"strength": 0.0}
    strength: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.01
    target: Annotated[float, Field(gt=0, lt=1)] = 0.05

    @staticmethod
    def value(h: Tensor, numbers: Numbers) -> Tensor:
        """Return (...) the divergences of all units of one place, summed, times the strength."""
        strength, target = numbers["strength"], numbers["target"]
        batch = strength.ndim
        wide = torch.promote_types(h.dtype, torch.float32)  # in bfloat16, 1 - 1e-6 would be 1
        mean = h.mean(dim=(batch, *range(batch + 2, h.ndim)), dtype=wide)  # (..., units)
        return (strength * bernoulli_divergence(target.unsqueeze(-1), mean).sum(-1)).to(h.dtype)
