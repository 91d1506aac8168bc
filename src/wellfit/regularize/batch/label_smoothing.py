"""Label smoothing: take a little certainty from the targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Numbers, TargetRule


def smooth_labels(y: Tensor, strength: Tensor) -> Tensor:
    """Return targets (..., C) that sum to 1, with ``strength`` of each spread evenly over the C classes."""
    return (1 - strength) * y + strength / y.shape[-1]


class LabelSmoothing(TargetRule):
    """Gives the fraction ``strength`` of each target evenly to all classes, so that no answer need be certain.

    Formula: y' = (1 - strength) y + strength / C, for C classes (the true class among them).
    Range: ``strength`` in [0, 1); 0 changes nothing. Usual: 0.1. ``train_loss`` is measured on the targets as they are.
    Does nothing for: regression (an error).
    Does harm when: the network is to be distilled (Müller et al. 2019), or probabilities are needed as they are and the
    network is not overconfident.
    Source: Szegedy, Vanhoucke, Ioffe, Shlens & Wojna 2016, "Rethinking the Inception architecture for computer vision",
    section 7.
    """

    off: ClassVar[Mapping[str, float]] = {"strength": 0.0}
    strength: Annotated[float, Field(ge=0, lt=1)] = 0.1

    @staticmethod
    def apply(y: Tensor, numbers: Numbers) -> Tensor:
        """Return the smoothed targets."""
        return smooth_labels(y, numbers["strength"])
