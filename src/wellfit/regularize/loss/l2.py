"""L2 penalty: add the squared weights to the loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Penalty
from wellfit.regularize.sums import member_sums


class L2(Penalty):
    """Adds half the squared weights to the loss, so that small weights are preferred.

    Formula: L' = L + (strength / 2) sum w^2; dL'/dw = dL/dw + strength w.
    Range: ``strength`` >= 0, in units of the loss; 0 changes nothing. Biases and norm parameters are left out; ``on``
    names the parameters to act on instead.
    Does little for: Adam, which divides the penalty's gradient by its own scale: use ``weight_decay`` there (stage 5).
    For plain SGD the two are the same.
    Does harm when: the network underfits, or few weights have to be large: it shrinks what is needed along with the
    rest.
    Source: Hoerl & Kennard 1970, "Ridge regression"; Krogh & Hertz 1992, "A simple weight decay can improve
    generalization", equation 2.
    """

    off: ClassVar[Mapping[str, float]] = {"strength": 0.0}
    strength: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1e-4

    @staticmethod
    def value(w: Tensor, numbers: Mapping[str, Tensor]) -> Tensor:
        """Return (P,): half the strength times the sum of squares."""
        terms = numbers["strength"] / 2 * w.square()
        # the squares of a diverging member may be infinite: without strength they count nothing all the same
        return member_sums(torch.where(numbers["strength"] > 0, terms, 0.0))

    @staticmethod
    def add_gradient(g: Tensor, w: Tensor, numbers: Mapping[str, Tensor]) -> None:
        """Add ``strength w``."""
        g.addcmul_(w, numbers["strength"])

    @staticmethod
    def slope(numbers: Mapping[str, Tensor]) -> Tensor:
        """Return ``strength``."""
        return numbers["strength"]
