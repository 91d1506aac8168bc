"""DropConnect: silence random connections while training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Numbers, WeightMask


def connection_factor(u: Tensor, rate: Tensor) -> Tensor:
    """Return ``1 / (1 - rate)`` where ``u >= rate``, else 0; ``u`` uniform on [0, 1)."""
    return (u >= rate).to(u.dtype).div_(1 - rate)


class DropConnect(WeightMask):
    """Silences each weight with probability ``rate`` in each training step, and scales up the others.

    Formula: w' = w m / (1 - rate), m ~ Bernoulli(1 - rate) for each weight and step; so E[w'] = w, and
    dL/dw = dL/dw' m / (1 - rate). Evaluation uses all weights as they are.
    Range: ``rate`` in [0, 1), the fraction of weights that is silenced; 0 changes nothing. On the parameters whose
    names match ``on``; without it on all weights with two or more axes: biases and norm parameters are left out.
    Does little for: large batches. The paper draws a mask for each sample; here one mask serves a whole batch, which
    costs no more than a plain step but leaves more noise in its gradient.
    Does harm when: the network underfits or is small; one mask a batch makes large rates noisier than those of
    ``dropout``.
    Source: Wan, Zeiler, Zhang, LeCun & Fergus 2013, "Regularization of neural networks using DropConnect" (weights are
    not scaled there while training, and testing samples the units' inputs from a fitted Gaussian; here it uses their
    mean).
    """

    off: ClassVar[Mapping[str, float]] = {"rate": 0.0}
    rate: Annotated[float, Field(ge=0, lt=1)] = 0.5

    @staticmethod
    def draw(shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return a uniform number on [0, 1) for each weight."""
        return torch.rand(tuple(shape), generator=generator)

    @staticmethod
    def factor(u: Tensor, numbers: Numbers) -> Tensor:
        """Return what the weights are multiplied by."""
        return connection_factor(u, numbers["rate"])
