"""Elastic net: an L1 and an L2 penalty with one strength and one ratio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Numbers, Penalty
from wellfit.regularize.sums import member_sums


class ElasticNet(Penalty):
    """Adds a mixture of absolute and squared weights to the loss: L1 thins out, L2 keeps correlated weights together.

    Formula: L' = L + strength (l1_ratio sum |w| + (1 - l1_ratio) / 2 sum w^2);
    dL'/dw = dL/dw + strength l1_ratio sign(w) + strength (1 - l1_ratio) w, with sign(0) = 0.
    Range: ``strength`` >= 0, in units of the loss; 0 changes nothing. ``l1_ratio`` in [0, 1]: 1 is ``l1``, 0 is ``l2``
    of the same strength. Biases and norm parameters are left out; ``on`` names the parameters to act on instead.
    scikit-learn's ``ElasticNet(alpha)`` halves the squared error: beside a mean squared error, strength = 2 alpha.
    Does nothing for: making weights exactly zero, which a subgradient step does not reach; it oscillates about zero by
    lr strength l1_ratio. Does little for: Adam, which divides the gradient by its own scale.
    Does harm when: the network underfits, or many weak inputs count together: its L1 part draws them to zero.
    Source: Zou & Hastie 2005, "Regularization and variable selection via the elastic net", section 2.1 (there a
    strength each); one strength and a ratio as in Friedman, Hastie & Tibshirani 2010, "Regularization paths for
    generalized linear models via coordinate descent", section 2.
    """

    off: ClassVar[Mapping[str, float]] = {"strength": 0.0}
    strength: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1e-4
    l1_ratio: Annotated[float, Field(ge=0, le=1)] = 0.5

    @staticmethod
    def value(w: Tensor, numbers: Numbers) -> Tensor:
        """Return (P,): the mixture of absolute values and half squares, times the strength."""
        ratio = numbers["l1_ratio"]
        terms = numbers["strength"] * (ratio * w.abs() + (1 - ratio) / 2 * w.square())
        # the squares of a diverging member may be infinite: without strength they count nothing all the same
        return member_sums(torch.where(numbers["strength"] > 0, terms, 0.0))

    @staticmethod
    def add_gradient(g: Tensor, w: Tensor, numbers: Numbers) -> None:
        """Add ``strength (l1_ratio sign(w) + (1 - l1_ratio) w)``."""
        g.addcmul_(w.sign(), numbers["strength"] * numbers["l1_ratio"])
        g.addcmul_(w, numbers["strength"] * (1 - numbers["l1_ratio"]))
