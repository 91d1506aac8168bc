"""Gradient noise: shake the gradient, less and less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Moment, NoisyGradient, Numbers


class GradientNoise(NoisyGradient):
    """Adds normal noise to every component of the gradient, with a variance that falls over the steps.

    Formula: g' = g + N(0, sigma_t^2), sigma_t^2 = strength / (1 + t)^decay, t = steps taken before this one.
    Range: ``strength`` (eta) >= 0, the variance in the first step, in squared units of the gradient; 0 changes nothing;
    the paper tries 0.01, 0.3 and 1. ``decay`` (gamma) >= 0: 0 keeps the variance as it is.
    Does little for: shallow networks; the gains that the paper reports are those of very deep ones.
    Does harm when: batches are small and the gradient noisy already: training wanders, or ends higher.
    Source: Neelakantan, Vilnis, Le, Sutskever, Kaiser, Kurach & Martens 2015, "Adding gradient noise improves learning
    for very deep networks", section 3.
    """

    off: ClassVar[Mapping[str, float]] = {"strength": 0.0}
    strength: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.01
    decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.55

    @staticmethod
    def deviation(numbers: Numbers, moment: Moment) -> Tensor:
        """Return sigma_t (P,); ``moment.t`` counts this step too and so is 1 + t."""
        return (numbers["strength"] * float(moment.t) ** -numbers["decay"]).sqrt()
