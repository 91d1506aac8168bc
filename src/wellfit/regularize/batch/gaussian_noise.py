"""Gaussian noise: add normal noise to every input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Augmentation


class GaussianNoise(Augmentation):
    """Adds normal noise to every pixel or feature of the training samples, drawn anew in each epoch.

    Formula: x' = x + std e, e ~ N(0, 1) for each number of a sample; images are kept within [0, 1].
    Range: ``std`` >= 0; 0 changes nothing. For images a fraction of the white level, for vectors and sequences in
    standard deviations of the train split.
    Does little for: networks that underfit: for small noise it acts like a penalty on the slope of the answer.
    Does harm when: the noise is as large as the differences that tell the answers apart.
    Source: Sietsma & Dow 1991, "Creating artificial neural networks that generalize"; Bishop 1995, "Training with noise
    is equivalent to Tikhonov regularization".
    """

    off: ClassVar[Mapping[str, float]] = {"std": 0.0}
    kinds: ClassVar[frozenset[str]] = frozenset({"image", "vector", "sequence"})
    std: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.1

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return standard normal numbers (n, ...), one for each number of a sample."""
        return torch.randn((n, *shape), generator=generator)

    def apply(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the noisy samples."""
        if self.is_off:
            return x
        noisy = x + (self.std * u).to(x)
        return noisy.clamp_(0, 1) if x.ndim == 4 else noisy
