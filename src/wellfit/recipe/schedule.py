"""How the learning rate changes over a training. Each class is the card of its factor (``wellfit.train.schedules``).

The optimizer's ``lr`` times a factor is the learning rate of a step. Times are epochs: e is how many have passed when
the step begins, with fractions, and E how many the run is to have; after a warm-up both count from its end.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from wellfit.recipe.base import Count, Frozen, NotNegative

Factor = Annotated[float, Field(gt=0, le=1, strict=True)]
Part = Annotated[float, Field(ge=0, le=1, strict=True)]
Divisor = Annotated[float, Field(ge=1, allow_inf_nan=False, strict=True)]
Patience = Annotated[int, Field(ge=0, strict=True)]


class WarmedUp(Frozen):
    """What every schedule can begin with: a rise from ``warmup_from`` to 1 of its first factor."""

    kind: str
    warmup: NotNegative = 0.0
    warmup_from: Part = 0.01


class ConstantSpec(WarmedUp):
    """Keeps the learning rate as it is, after a warm-up if there is one.

    Formula: factor = 1; while e < warmup: factor = warmup_from + (1 - warmup_from) e / warmup.
    Range: ``warmup`` >= 0 epochs, 0 is none; ``warmup_from`` in [0, 1], where it starts.
    Does nothing for: the noise of small batches, which keeps the weights moving about a minimum and does not die out
    unless the learning rate falls.
    Does harm when: the training ends while the weights still jump about: what is handed over is a draw of them.
    Source: Robbins & Monro 1951, "A stochastic approximation method" (why it should fall); warm-up: Goyal et al. 2017,
    "Accurate, large minibatch SGD: training ImageNet in 1 hour", section 2.2.
    """

    kind: Literal["constant"] = "constant"


class StepSpec(WarmedUp):
    """Multiplies the learning rate by ``gamma`` after every ``step_size`` epochs.

    Formula: factor = gamma^floor(e / step_size), e in whole epochs.
    Range: ``step_size`` >= 1 epochs; ``gamma`` in (0, 1], usual 0.1 to 0.5, 1 changes nothing; ``warmup`` >= 0 epochs
    before it, 0 is none; ``warmup_from`` in [0, 1].
    Does nothing for: a training shorter than ``step_size``.
    Does harm when: the first step comes before the loss has settled: the small rate then takes too long.
    Source: Ge, Kakade, Kidambi & Netrapalli 2019, "The step decay schedule".
    """

    kind: Literal["step"] = "step"
    step_size: Count = 10
    gamma: Factor = 0.1


class MultiStepSpec(WarmedUp):
    """Multiplies the learning rate by ``gamma`` at each of some epochs.

    Formula: factor = gamma^n, n the number of milestones that are at most e, e in whole epochs.
    Range: ``milestones`` epochs, each >= 1, in any order; ``gamma`` in (0, 1], usual 0.1 to 0.5, 1 changes nothing;
    ``warmup`` >= 0 epochs before it, 0 is none (milestones count from its end); ``warmup_from`` in [0, 1].
    Does nothing for: a training that ends before the first milestone.
    Does harm when: the first milestone comes before the loss has settled: the small rate then takes too long.
    Source: He, Zhang, Ren & Sun 2016, "Deep residual learning for image recognition", section 4.2.
    """

    kind: Literal["multi_step"] = "multi_step"
    milestones: tuple[Count, ...] = Field(default=(15, 25), min_length=1)
    gamma: Factor = 0.1


class ExponentialSpec(WarmedUp):
    """Lets the learning rate fall by the same part in every epoch, a little with each step.

    Formula: factor = gamma^e.
    Range: ``gamma`` in (0, 1], usual 0.9 to 0.99, 1 changes nothing; ``warmup`` >= 0 epochs before it, 0 is none;
    ``warmup_from`` in [0, 1].
    Does little for: long trainings with a small gamma: the learning rate is gone before they end.
    Does harm when: gamma is small for the number of epochs: the rate is gone before the network has learned.
    Source: Senior, Heigold, Ranzato & Yang 2013, "An empirical study of learning rates in deep neural networks for
    speech recognition".
    """

    kind: Literal["exponential"] = "exponential"
    gamma: Factor = 0.95


class CosineSpec(WarmedUp):
    """Lets the learning rate fall along half a cosine from its first value to its last, over the whole run.

    Formula: factor = min_factor + (1 - min_factor) (1 + cos(pi e / E)) / 2.
    Range: ``min_factor`` in [0, 1], what is left at the end, 1 changes nothing; ``warmup`` >= 0 epochs before it, 0 is
    none; ``warmup_from`` in [0, 1].
    Does little for: runs that stop early: they never see the small learning rates that the end brings.
    Does harm when: the training is too short for the rate it begins with, and more so where the network is unconverged:
    half of the epochs have less than half of the rate.
    Source: Loshchilov & Hutter 2017, "SGDR: stochastic gradient descent with warm restarts", equation 5 (one cycle).
    """

    kind: Literal["cosine"] = "cosine"
    min_factor: Part = 0.0


class OneCycleSpec(WarmedUp):
    """Lets the learning rate rise to ``lr`` and then fall far below its start, both along half a cosine.

    Formula: factor = 1 / div_factor at e = 0, 1 at e = pct_start E, 1 / (div_factor final_div_factor) at e = E; between
    them a + (b - a) (1 - cos(pi p)) / 2 with p the part of the way.
    Range: ``pct_start`` in [0, 1], the part of the run that rises, usual 0.3; ``div_factor`` >= 1, usual 25;
    ``final_div_factor`` >= 1, usual 10000; ``warmup`` >= 0 epochs before it, 0 is none; ``warmup_from`` in [0, 1].
    Momentum does not change. ``torch.optim.lr_scheduler.OneCycleLR`` is a step ahead: it counts the last step as the
    end.
    Does little for: a small ``lr``: the cycle is made for the largest one that still trains (``train --find-lr``).
    Does harm when: ``lr`` is a rate that suits all epochs rather than the largest one: a third of the run is spent
    below it; above the stable limit the peak diverges.
    Source: Smith & Topin 2019, "Super-convergence: very fast training of neural networks using large learning rates".
    """

    kind: Literal["one_cycle"] = "one_cycle"
    pct_start: Part = 0.3
    div_factor: Divisor = 25.0
    final_div_factor: Divisor = 1e4


class PlateauSpec(WarmedUp):
    """Multiplies the learning rate by ``factor`` when the monitored value has stopped to improve.

    Formula: factor <- max(factor_before factor, min_factor) after more than ``patience`` epochs in a row without an
    improvement by more than threshold times the best; then it waits ``cooldown`` epochs before it counts again.
    Range: ``factor`` in (0, 1], usual 0.1 to 0.5, 1 changes nothing; ``patience`` >= 0 epochs; ``threshold`` >= 0, a
    part of the best value; ``cooldown`` >= 0 epochs; ``min_factor`` in [0, 1]; ``warmup`` >= 0 epochs before it, 0 is
    none, whose values do not count; ``warmup_from`` in [0, 1].
    Does nothing for: a training no longer than ``patience`` epochs, or stopped early with a smaller patience.
    Does harm when: validation is noisy: chance counts as standing still, and the rate falls too early.
    Source: Krizhevsky, Sutskever & Hinton 2012, "ImageNet classification with deep convolutional neural networks",
    section 5; in the form of ``torch.optim.lr_scheduler.ReduceLROnPlateau``.
    """

    kind: Literal["plateau"] = "plateau"
    factor: Factor = 0.1
    patience: Patience = 10
    threshold: NotNegative = 1e-4
    cooldown: Patience = 0
    min_factor: Part = 0.0


ScheduleSpec = Annotated[
    ConstantSpec | StepSpec | MultiStepSpec | ExponentialSpec | CosineSpec | OneCycleSpec | PlateauSpec,
    Field(discriminator="kind"),
]
