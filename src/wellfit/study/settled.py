"""From which epoch on a run changes no more by plan, so that its curve so far tells how it goes on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from wellfit.recipe import Recipe
from wellfit.recipe.schedule import (
    CosineSpec,
    ExponentialSpec,
    MultiStepSpec,
    OneCycleSpec,
    PlateauSpec,
    ScheduleSpec,
    StepSpec,
)

NEVER = math.inf
AFTER_A_CHANGE = 2
"""Epochs after a planned change until a look: what it brings at once must be seen."""


def first_look(recipe: Recipe) -> float:
    """Return the first epoch after which a run may be judged by extrapolating its curve; infinity: none.

    What begins the training (a warm-up, frozen layers) must lie in the first half of the epochs so far, because the
    second half is extrapolated. What comes later (a drop of the learning rate, averaged weights, pruning, a late
    penalty) must have come. A rate that falls all along to a small one at the end (cosine, one cycle), or at epochs
    that nobody knows before (plateau), gives its gain at the end: such a run is never judged before.
    """
    begun = max((2 * epoch for epoch in _beginnings(recipe)), default=0.0)
    changed = max((epoch + AFTER_A_CHANGE for epoch in _changes(recipe)), default=0.0)
    return max(begun, changed)


def _beginnings(recipe: Recipe) -> Iterator[float]:
    """Yield the epochs until which a training only begins."""
    yield min(recipe.schedule.warmup, recipe.epochs)
    plan = recipe.regularizers.get("freezing", {}).get("plan", ())
    pairs = plan.items() if isinstance(plan, dict) else plan
    yield from (float(epochs) for _, epochs in pairs if epochs < recipe.epochs)


def _changes(recipe: Recipe) -> Iterator[float]:
    """Yield the epochs after which something changes by plan."""
    yield from _last_drop(recipe.schedule, recipe.epochs)
    given: dict[str, dict[str, Any]] = recipe.regularizers
    if given.get("swa", {}).get("start", 1.0) < 1:
        yield given["swa"]["start"] * recipe.epochs
    if given.get("l1_late", {}).get("strength", 0.0) > 0 and given["l1_late"]["start"] < 1:
        yield given["l1_late"]["start"] * recipe.epochs
    if given.get("pruning", {}).get("sparsity", 0.0) > 0:
        yield given["pruning"]["end"] * recipe.epochs


def _last_drop(spec: ScheduleSpec, epochs: int) -> Iterator[float]:
    left = epochs - spec.warmup
    match spec:
        case StepSpec() if spec.gamma < 1 and spec.step_size < left:
            yield spec.warmup + spec.step_size * (math.ceil(left / spec.step_size) - 1)
        case MultiStepSpec() if spec.gamma < 1 and any(milestone < left for milestone in spec.milestones):
            yield spec.warmup + max(milestone for milestone in spec.milestones if milestone < left)
        case CosineSpec() if spec.min_factor < 1:
            yield NEVER
        case OneCycleSpec() | PlateauSpec():
            yield NEVER
        case ExponentialSpec():
            return
