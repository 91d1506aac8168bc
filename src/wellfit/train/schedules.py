"""Learning-rate schedules: pure functions of the time that has passed and of the member's curve.

They keep no state, so a checkpoint needs nothing of them, and each member of a population has its own. They are checked
against ``torch.optim.lr_scheduler`` in ``tests/train``. The recipe's classes (``wellfit.recipe.schedule``) are their
cards.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from wellfit.recipe.schedule import (
    ConstantSpec,
    CosineSpec,
    ExponentialSpec,
    MultiStepSpec,
    OneCycleSpec,
    PlateauSpec,
    ScheduleSpec,
    StepSpec,
)

Curve = Callable[[float], float]
"""Epochs passed -> factor on the learning rate."""


def factor(spec: ScheduleSpec, *, passed: float, epochs: int, scores: Sequence[float]) -> float:
    """Return the factor on ``lr`` for the step that begins after ``passed`` epochs.

    Parameters
    ----------
    spec
        The recipe's schedule.
    passed
        ``(t - 1) / steps_per_epoch`` for step t, counted from 1.
    epochs
        What the run is to have.
    scores
        The monitored values so far, one for each whole epoch; higher is better (a loss has its sign changed).

    """
    return curve(spec, epochs=epochs, scores=scores)(passed)


def curve(spec: ScheduleSpec, *, epochs: int, scores: Sequence[float]) -> Curve:
    """Return ``factor`` as a function of the epochs passed: of the epoch that follows the last score.

    What depends on the scores is worked out here, once an epoch, and not for every step.
    """
    left = epochs - spec.warmup if spec.warmup < epochs else epochs  # a warm-up to the end never sees the rest
    after = _after_warmup(spec, epochs=left, scores=scores[math.ceil(spec.warmup) :])

    def at(passed: float) -> float:
        if passed >= spec.warmup:
            return after(passed - spec.warmup)
        rise = spec.warmup_from + (1 - spec.warmup_from) * passed / spec.warmup
        return rise * after(0.0)

    return at


def _after_warmup(spec: ScheduleSpec, *, epochs: float, scores: Sequence[float]) -> Curve:
    match spec:
        case ConstantSpec():
            return lambda passed: 1.0
        case StepSpec():
            return lambda passed: spec.gamma ** (math.floor(passed) // spec.step_size)
        case MultiStepSpec():
            return lambda passed: spec.gamma ** sum(milestone <= passed for milestone in spec.milestones)
        case ExponentialSpec():
            return lambda passed: spec.gamma**passed
        case CosineSpec():
            return lambda passed: cosine(1.0, spec.min_factor, passed, epochs)
        case OneCycleSpec():
            return lambda passed: one_cycle(spec, passed, epochs)
        case PlateauSpec():
            reduced = plateau(spec, scores)
            return lambda passed: reduced


def cosine(start: float, end: float, passed: float, whole: float) -> float:
    """Return where half a cosine from ``start`` to ``end`` stands when ``passed`` of ``whole`` is over."""
    part = min(passed / whole, 1.0) if whole > 0 else 1.0
    return end + (start - end) / 2 * (1 + math.cos(math.pi * part))


def one_cycle(spec: OneCycleSpec, passed: float, epochs: float) -> float:
    """Return the factor of one rise and one fall."""
    first = 1 / spec.div_factor
    top = spec.pct_start * epochs
    if passed < top:
        return cosine(first, 1.0, passed, top)
    return cosine(1.0, first / spec.final_div_factor, passed - top, epochs - top)


def plateau(spec: PlateauSpec, scores: Sequence[float]) -> float:
    """Return the factor after these scores, read anew from the first.

    The threshold is a part of the best value's size, whatever its sign: so a loss, of which the score is the negative,
    improves when it is below ``best_loss (1 - threshold)``.
    """
    found, best = 1.0, -math.inf
    bad = wait = 0
    for score in scores:
        margin = spec.threshold * abs(best) if math.isfinite(best) else 0.0
        improved = score > best + margin
        best = score if improved else best
        bad = 0 if improved or wait > 0 else bad + 1
        wait = max(wait - 1, 0)
        if bad > spec.patience:
            found = max(found * spec.factor, spec.min_factor)
            bad, wait = 0, spec.cooldown
    return found
