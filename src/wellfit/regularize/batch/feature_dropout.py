"""Feature dropout: leave out random features of each sample while training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Augmentation


def feature_dropout(x: Tensor, u: Tensor, rate: float) -> Tensor:
    """Return ``x / (1 - rate)`` where ``u >= rate``, else 0; ``u`` uniform on [0, 1), of the shape of ``x``."""
    return x * (u >= rate).to(x.dtype).div_(1 - rate)


class FeatureDropout(Augmentation):
    """Leaves out each feature of each sample with probability ``rate``, drawn anew in each epoch.

    Standardized features have the mean 0, so one that is left out says "average". The others are scaled up, so that the
    first layer expects in training the sums that it gets in evaluation, where nothing is left out.

    Formula: x' = x m / (1 - rate), m ~ Bernoulli(1 - rate) for each sample and feature; so E[x'] = x. For linear
    regression it is, in expectation, ridge: ||y - X w||^2 + rate / (1 - rate) sum_j (X^T X)_jj w_j^2.
    Range: ``rate`` in [0, 1), the fraction that is left out; 0 changes nothing.
    Does nothing for: images and sequences (an error).
    Does harm when: one feature alone decides, or features are few: what is left does not hold the answer.
    Source: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014, "Dropout", section 9.1 (on inputs, as here).
    Vincent, Larochelle, Bengio & Manzagol 2008, "Extracting and composing robust features with denoising autoencoders",
    leave features out without scaling the others.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"vector"})
    off: ClassVar[Mapping[str, float]] = {"rate": 0.0}
    rate: Annotated[float, Field(ge=0, lt=1)] = 0.2

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n, D) uniform numbers."""
        return torch.rand(n, *shape, generator=generator)

    def apply(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the thinned samples (n, D)."""
        return feature_dropout(x, u, self.rate)
