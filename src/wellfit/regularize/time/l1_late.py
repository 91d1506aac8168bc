"""L1 late: an L1 penalty towards the end of training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Moment, Numbers, Penalty, Stage
from wellfit.regularize.sums import member_sums


class L1Late(Penalty):
    """Adds the absolute weights to the loss, but only from a given part of the budget on.

    Beside an L2 penalty all along: L2 keeps weights small while the network learns, the late L1 then clears away those
    that it does not need. In a recipe, ``regularizers: {l2: {strength: 1.0e-4}, l1_late: {strength: 1.0e-4, start:
    0.7}}``.

    Formula: L' = L + strength sum |w| in the steps before which at least ``start`` of the member's steps had passed;
    dL'/dw = dL/dw + strength sign(w), with sign(0) = 0. Before, L' = L.
    Range: ``strength`` >= 0, in units of the loss; 0 changes nothing. ``start`` in [0, 1], a fraction of the member's
    budget: 0 is ``l1``, at 1 it never begins. Biases and norm parameters are left out; ``on`` names the parameters to
    act on instead.
    Does nothing for: a training that stops before ``start``, or that hands over its best weights from before it.
    Weights come near zero, not to zero: they oscillate by lr strength.
    Does harm when: inputs are correlated, as with ``l1``; or too few steps are left for the other weights to make up
    for what it clears away.
    Source: Tibshirani 1996, "Regression shrinkage and selection via the lasso", equation 1, for the penalty; to begin
    late is course practice.
    """

    stage: ClassVar[Stage] = "time"
    off: ClassVar[Mapping[str, float]] = {"strength": 0.0}
    strength: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1e-4
    start: Annotated[float, Field(ge=0, le=1)] = 0.7

    @classmethod
    def during(cls, numbers: Numbers, moment: Moment) -> Numbers:
        """Return strength 0 until the start."""
        begun = moment.progress >= numbers["start"]
        return {**numbers, "strength": torch.where(begun, numbers["strength"], 0.0)}

    @staticmethod
    def value(w: Tensor, numbers: Numbers) -> Tensor:
        """Return (P,): the strength times the sum of absolute values."""
        terms = numbers["strength"] * w.abs()
        return member_sums(terms)

    @staticmethod
    def add_gradient(g: Tensor, w: Tensor, numbers: Numbers) -> None:
        """Add ``strength sign(w)``."""
        g.addcmul_(w.sign(), numbers["strength"])
