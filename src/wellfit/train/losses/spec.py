"""What can be said about a loss by its spec alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wellfit.data.dataset import Task
from wellfit.recipe.loss import (
    CrossEntropySpec,
    FocalSpec,
    HingeSpec,
    HuberSpec,
    LossSpec,
    MaeSpec,
    MseSpec,
    OneLoss,
    SumSpec,
)

FOR_NUMBERS = (MseSpec, MaeSpec, HuberSpec)


def _changed(spec: LossSpec, change: Callable[[OneLoss], OneLoss]) -> LossSpec:
    if not isinstance(spec, SumSpec):
        return change(spec)
    terms = tuple(term.model_copy(update={"loss": change(term.loss)}) for term in spec.terms)
    return spec.model_copy(update={"terms": terms})


def measured(spec: LossSpec) -> LossSpec:
    """Return what curves report of a loss: the same without label smoothing."""

    def without(loss: OneLoss) -> OneLoss:
        return loss.model_copy(update={"smoothing": 0.0}) if isinstance(loss, CrossEntropySpec) else loss

    return _changed(spec, without)


def balanced_weights(counts: Sequence[int]) -> tuple[float, ...]:
    """Return ``n / (C n_c)`` for each of the C classes, of which the train split has ``n_c``, n in all.

    A class without samples counts as one that has a single one.
    """
    return tuple(sum(counts) / (len(counts) * max(count, 1)) for count in counts)


def with_balanced_weights(spec: LossSpec, counts: Sequence[int]) -> LossSpec:
    """Return the loss with numbers for ``balanced`` class weights; ``counts`` of the classes in the train split."""

    def resolved(loss: OneLoss) -> OneLoss:
        if isinstance(loss, CrossEntropySpec | FocalSpec) and loss.class_weights == "balanced":
            return loss.model_copy(update={"class_weights": balanced_weights(counts)})
        return loss

    return _changed(spec, resolved)


def suits(spec: LossSpec, task: Task, classes: int) -> str | None:
    """Return None where the loss can be used for the task, else what was expected, in words.

    Each term of a sum must suit. ``classes`` is not used for a regression.
    """
    losses = [term.loss for term in spec.terms] if isinstance(spec, SumSpec) else [spec]
    return next((expected for loss in losses if (expected := _suits(loss, task, classes))), None)


def _suits(loss: OneLoss, task: Task, classes: int) -> str | None:
    if isinstance(loss, FOR_NUMBERS) != (task == "regression"):
        for_classes = "cross_entropy for classes, or binary_cross_entropy, focal, dice or a hinge"
        return "mse, mae or huber for numbers" if task == "regression" else for_classes
    if isinstance(loss, HingeSpec) and classes != 2:
        return f"multiclass_hinge for {classes} classes, as hinge takes two"
    weights = loss.class_weights if isinstance(loss, CrossEntropySpec | FocalSpec) else None
    if isinstance(weights, tuple) and len(weights) != classes:
        return f"{classes} class weights, one a class, and not {len(weights)}"
    return None
