"""Pruning: set the smallest weights to zero, more and more of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field, ValidationInfo, field_validator
from torch import Tensor

from wellfit.regularize.stages import Around, Numbers, WeightRule


def cubic_sparsity(passed: Tensor, sparsity: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Return the fraction to prune when ``passed`` (a fraction) of the budget is over: 0 until ``start``, ``sparsity``
    from ``end`` on.
    """
    left = 1 - ((passed - start) / (end - start)).clamp(0, 1)
    return sparsity * (1 - left**3)


def magnitude_mask(w: Tensor, sparsity: Tensor) -> Tensor:
    """Return a mask like ``w`` (P, ...): 0 for each member's round(sparsity n) smallest of its n weights, else 1.

    Ties are broken by position, so that the number is exact. ``sparsity`` is (P,).
    """
    sizes = w.abs().reshape(len(w), -1)  # (P, n)
    n = sizes.shape[1]
    pruned = (sparsity.double() * n).round()  # (P,)
    order = sizes.argsort(dim=1, stable=True)
    keep = torch.arange(n, device=w.device) >= pruned.unsqueeze(1)  # of the weights in their order
    return torch.zeros_like(sizes).scatter_(1, order, keep.to(w.dtype)).view(w.shape)


class Pruning(WeightRule):
    """Keeps the smallest weights of each layer at zero; their part grows at the end of each epoch.

    Formula: at the end of epoch e, with x = (e / epochs - start) / (end - start) within [0, 1], the part
    sparsity (1 - (1 - x)^3) of each layer's weights is masked: the smallest in absolute value. w <- w mask in each
    step; what is masked stays so.
    Range: ``sparsity`` in [0, 1), the final fraction of a layer's weights; 0 changes nothing. ``start`` and ``end`` in
    [0, 1], fractions of the member's budget of epochs, start < end; leave some epochs after the end for the others to
    adapt. Biases and norm parameters are left out; ``on`` names the parameters to act on instead.
    Does nothing for: the time that an answer takes, as long as zeros are multiplied like other numbers. Epochs before
    the end are not yet sparse, so hand over the last weights (``restore: last``); a moving average is sparse only long
    after the end.
    Does harm when: the network is small or the sparsity large: what is cut off was needed, and few epochs are left to
    adapt.
    Source: Zhu & Gupta 2017, "To prune, or not to prune: exploring the efficacy of pruning for model compression",
    equation 1, with an initial sparsity of 0.
    """

    off: ClassVar[Mapping[str, float]] = {"sparsity": 0.0}
    when: ClassVar[Literal["before", "after"]] = "after"
    slots: ClassVar[Mapping[str, float]] = {"mask": 1.0}
    sparsity: Annotated[float, Field(ge=0, lt=1)] = 0.5
    start: Annotated[float, Field(ge=0, lt=1)] = 0.2
    end: Annotated[float, Field(gt=0, le=1, validate_default=True)] = 0.8

    @field_validator("end")
    @classmethod
    def _after_start(cls, end: float, info: ValidationInfo) -> float:
        start = info.data.get("start", 0.0)
        if end <= start:
            raise ValueError(f"more than start ({start:g})")
        return end

    @staticmethod
    def apply(w: Tensor, numbers: Numbers, around: Around) -> None:
        """Mask ``w`` in place; at an epoch's end the mask is made anew, from the weights that were not yet masked."""
        mask, moment = around.state["mask"], around.moment
        w.mul_(mask)  # first: what was masked is smallest now, and stays masked
        if moment.is_last:
            flat = {name: value.flatten() for name, value in numbers.items()}
            passed = moment.epoch / moment.epochs
            mask.copy_(magnitude_mask(w, cubic_sparsity(passed, flat["sparsity"], flat["start"], flat["end"])))
            w.mul_(mask)
