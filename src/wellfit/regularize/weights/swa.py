"""SWA, stochastic weight averaging: hand over the plain mean of the weights of the last epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Averaging, Moment, Numbers

ROUNDING = 1e-6
"""A start that is a whole number of epochs may come out this much larger, relatively, in float32."""


def first_averaged_epoch(start: Tensor, epochs: Tensor) -> Tensor:
    """Return the first epoch, from 1, whose end is not before ``start`` (a fraction) of ``epochs``."""
    return (start.double() * epochs.double() * (1 - ROUNDING)).ceil().clamp(min=1)


class Swa(Averaging):
    """Evaluates and hands over the mean of the weights at the ends of the last epochs, each with the same weight.

    Formula: average <- (n average + w) / (n + 1) at the end of each epoch e >= ``start`` * epochs, n = ends averaged
    before; until the first of them, average = w.
    Range: ``start`` in [0, 1], a fraction of the member's budget of epochs; 1 averages the last epoch alone and so
    changes nothing; the paper starts at 0.75. The running statistics of batch norm are averaged along (the paper
    computes them anew in a pass over the data).
    Does nothing for: the training itself, which sees none of it. Does little for: a learning rate that falls to zero,
    where the last epochs end at the same place: keep it constant or let it cycle.
    Does harm when: the weights at the ends of the epochs lie in different valleys, as after steps that are far too
    large: their mean lies on the hill between; with batch norm its statistics are then off.
    Source: Izmailov, Podoprikhin, Garipov, Vetrov & Wilson 2018, "Averaging weights leads to wider optima and better
    generalization", algorithm 1 with a cycle of one epoch.
    """

    off: ClassVar[Mapping[str, float]] = {"start": 1.0}
    start: Annotated[float, Field(ge=0, le=1)] = 0.75

    @staticmethod
    def weight(numbers: Numbers, moment: Moment) -> Tensor:
        """Return 1 until the first end is averaged; after it 0, and 1 / (n + 1) at an epoch's end."""
        start = numbers["start"]
        before = moment.epoch - first_averaged_epoch(start, moment.epochs)
        later = 1 / (before + 1) if moment.is_last else torch.zeros_like(before)
        return torch.where(before > 0, later, 1.0).to(start.dtype)
