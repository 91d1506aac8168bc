"""From a loss's spec to the function that the engine calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from wellfit.recipe.loss import (
    BinaryCrossEntropySpec,
    CrossEntropySpec,
    DiceSpec,
    FocalSpec,
    HingeSpec,
    HuberSpec,
    LossSpec,
    MaeSpec,
    MseSpec,
    MulticlassHingeSpec,
    OneLoss,
    SumSpec,
)
from wellfit.train.losses.classification import binary_cross_entropy, cross_entropy, cross_entropy_slope, dice, focal
from wellfit.train.losses.margin import hinge, multiclass_hinge
from wellfit.train.losses.pixels import of_pixels
from wellfit.train.losses.regression import huber, mae, mse

Function = Callable[..., Tensor]


@dataclass(frozen=True)
class Loss:
    """One number a sample, (..., B), from answers (..., B, C) and targets: see ``wellfit.train.losses``."""

    function: Function
    """Of answers and targets; where ``of_batch``, with a keyword ``judged`` too."""
    takes_soft: bool = True
    """Whether smoothed and mixed targets count as what they are; else as their largest class."""
    pixels: bool = False
    """Whether it is that of a segmentation: answers (..., B, C, H, W), masks (..., B, H, W)."""
    of_batch: bool = False
    """Whether a sample's number depends on the batch's others: then only the mean over one batch means something, and
    a mean over several batches is not what one large batch gives.
    """

    slope: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None
    """Of answers and targets: the losses and their gradient (..., B, C), where that is faster than by autograd."""

    def __call__(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the losses (..., B)."""
        return self.function(z, y)


def make_loss(spec: LossSpec, *, device: torch.device | None = None, pixels: bool = False) -> Loss:
    """Return the loss of a spec; its class weights are numbers by now (``with_balanced_weights``).

    ``device`` is where they will be needed: from elsewhere they are copied in every call. With ``pixels`` it is that of
    a segmentation (``losses.pixels``).
    """
    if not isinstance(spec, SumSpec):
        return _of_task(_one(spec, device), pixels)
    terms = [(term.weight, _of_task(_one(term.loss, device), pixels)) for term in spec.terms]

    def total(z: Tensor, y: Tensor) -> Tensor:
        added = terms[0][0] * terms[0][1](z, y)
        for weight, loss in terms[1:]:
            added = added + weight * loss(z, y)
        return added

    return Loss(
        total,
        takes_soft=any(loss.takes_soft for _, loss in terms),
        pixels=pixels,
        of_batch=any(loss.of_batch for _, loss in terms),
    )


def _of_task(loss: Loss, pixels: bool) -> Loss:
    if not pixels:
        return loss
    return Loss(of_pixels(loss.function, of_batch=loss.of_batch), loss.takes_soft, pixels=True)


def _one(spec: OneLoss, device: torch.device | None) -> Loss:
    match spec:
        case MseSpec():
            return Loss(mse)
        case MaeSpec():
            return Loss(mae)
        case HuberSpec():
            return Loss(partial(huber, delta=spec.delta))
        case BinaryCrossEntropySpec():
            return Loss(binary_cross_entropy)
        case HingeSpec():
            return Loss(partial(hinge, margin=spec.margin, p=spec.p), takes_soft=False)
        case MulticlassHingeSpec():
            return Loss(partial(multiclass_hinge, margin=spec.margin, p=spec.p), takes_soft=False)
        case DiceSpec():
            return Loss(partial(dice, smooth=spec.smooth), of_batch=True)
        case CrossEntropySpec(class_weights=None, smoothing=0):
            return Loss(cross_entropy, slope=cross_entropy_slope)
        case CrossEntropySpec():
            return _weighted(partial(cross_entropy, smoothing=spec.smoothing), spec.class_weights, device)
        case FocalSpec():
            return _weighted(partial(focal, gamma=spec.gamma), spec.class_weights, device)


def _weighted(
    function: Callable[..., Tensor], class_weights: str | tuple[float, ...] | None, device: torch.device | None
) -> Loss:
    if class_weights is None:
        return Loss(function)
    if isinstance(class_weights, str):
        raise ValueError(f"class weights {class_weights!r} are not numbers yet")
    weights = torch.tensor(class_weights, device=device)

    def weighted(z: Tensor, y: Tensor, judged: Tensor | None = None) -> Tensor:
        return function(z, y, weights=weights.to(z), judged=judged)

    return Loss(weighted, of_batch=True)


def probabilities(spec: LossSpec, z: Tensor) -> Tensor:
    """Return what a network trained with this loss says about the classes: (..., C) that sum to 1.

    The softmax of its answers; where it was trained one against the rest, the sigmoids divided by their sum. After a
    hinge they rank the classes and are no probabilities.
    """
    losses = [term.loss for term in spec.terms] if isinstance(spec, SumSpec) else [spec]
    one_against_rest = all(isinstance(loss, BinaryCrossEntropySpec) for loss in losses)
    # in logs, so that sigmoids that all vanish still have a ratio
    return (torch.nn.functional.logsigmoid(z) if one_against_rest else z).softmax(-1)
