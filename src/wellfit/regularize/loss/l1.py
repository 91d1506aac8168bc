"""L1 penalty: add the absolute weights to the loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Penalty
from wellfit.regularize.sums import member_sums


class L1(Penalty):
    """Adds the absolute weights to the loss, so that many weights come to lie near zero.

    Formula: L' = L + strength sum |w|; dL'/dw = dL/dw + strength sign(w), with sign(0) = 0.
    Range: ``strength`` >= 0, in units of the loss; 0 changes nothing. Biases and norm parameters are left out; ``on``
    names the parameters to act on instead.
    Does nothing for: making weights exactly zero, which a subgradient step does not reach; it oscillates about zero by
    lr * strength.
    Does harm when: inputs are correlated, of which it keeps one by chance (Zou & Hastie 2005), or all weights matter a
    little, as in a network that underfits.
    Source: Tibshirani 1996, "Regression shrinkage and selection via the lasso", equation 1.
    """

    off: ClassVar[Mapping[str, float]] = {"strength": 0.0}
    strength: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1e-5

    @staticmethod
    def value(w: Tensor, numbers: Mapping[str, Tensor]) -> Tensor:
        """Return (P,): the strength times the sum of absolute values."""
        return member_sums(numbers["strength"] * w.abs())

    @staticmethod
    def add_gradient(g: Tensor, w: Tensor, numbers: Mapping[str, Tensor]) -> None:
        """Add ``strength sign(w)``."""
        g.addcmul_(w.sign(), numbers["strength"])
