"""Mixup: blend pairs of samples and their targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Mix


def symmetric_beta(u: float, alpha: float) -> float:
    """Return the number below which Beta(alpha, alpha) has the probability ``u``: uniform ``u`` become its draws."""
    from scipy.special import betaincinv  # late, because every training imports the catalogue with this file

    return float(betaincinv(alpha, alpha, u))


def blend_pairs(batch: Tensor, partner: Tensor, share: float) -> Tensor:
    """Return ``share`` of each sample (n, ...) plus the rest of its ``partner`` (n,), an index into the batch."""
    return share * batch + (1 - share) * batch[partner]


class Mixup(Mix):
    """Replaces each sample by a blend of it with another of its batch, and its target by the same blend of targets.

    Formula: x' = l x + (1 - l) x[j], y' = l y + (1 - l) y[j]; one l ~ Beta(alpha, alpha) for a batch, j a random
    permutation of it; y is one-hot for classes.
    Range: ``alpha`` >= 0; 0 changes nothing, 1 draws l uniformly, large values blend half and half. Usual: 0.1 to 0.4
    for images.
    Does little for: batches of one sample.
    Does harm when: what lies between two samples has another class than theirs (Guo et al. 2019), as in small tables;
    or the network underfits.
    Source: Zhang, Cisse, Dauphin & Lopez-Paz 2018, "mixup: Beyond empirical risk minimization", section 2.
    """

    off: ClassVar[Mapping[str, float]] = {"alpha": 0.0}
    alpha: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.2

    def draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return a uniform number (1,) and a permutation (n,)."""
        return torch.rand(1, generator=generator), torch.randperm(n, generator=generator)

    def apply(self, x: Tensor, y: Tensor, u: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Return the blended batch."""
        if self.is_off:
            return x, y
        share = symmetric_beta(float(u[0]), self.alpha)
        partner = u[1].to(x.device)
        return blend_pairs(x, partner, share), blend_pairs(y, partner, share)
