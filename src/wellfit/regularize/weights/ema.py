"""EMA: hand over an exponential moving average of the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Averaging, Moment, Numbers


class Ema(Averaging):
    """Evaluates and hands over a moving average of the weights, in which older steps count less and less.

    Formula: average <- decay average + (1 - decay) w after each step; the first step copies: average = w.
    Range: ``decay`` in [0, 1); 0 changes nothing (the average is w); about 1 / (1 - decay) steps count: 0.99 for a
    hundred, 0.999 for a thousand. The running statistics of batch norm are averaged along.
    Does nothing for: the training itself, which sees none of it. Does little for: a learning rate that falls to zero,
    at whose end the weights hardly move.
    Does harm when: the training is not much longer than 1 / (1 - decay) steps: the average lags behind the weights.
    Source: Polyak & Juditsky 1992, "Acceleration of stochastic approximation by averaging"; Kingma & Ba 2015, "Adam",
    section 7.2 (there the start is corrected by 1 / (1 - decay^t) instead of copied).
    """

    off: ClassVar[Mapping[str, float]] = {"decay": 0.0}
    decay: Annotated[float, Field(ge=0, lt=1)] = 0.99

    @staticmethod
    def weight(numbers: Numbers, moment: Moment) -> Tensor:
        """Return ``1 - decay``, in the first step 1."""
        decay = numbers["decay"]
        return torch.ones_like(decay) if moment.t == 1 else 1 - decay
