"""Risk factors: what the data and the network say beforehand about how a training is likely to go. No curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

RiskName = Literal[
    "label_noise",
    "few_samples",
    "few_per_class",
    "imbalance",
    "many_features",
    "many_parameters",
    "small_validation",
]

Kind = Literal["image", "vector", "sequence"]
Task = Literal["classification", "regression", "segmentation"]

FEW_SAMPLES = 5000
"""Train samples below which networks as a rule gain from every method that stands in for data; a convention."""
FEW_PER_CLASS = 50
UNEVEN = 3.0
"""Times that the smallest class is smaller than an even share."""
PARAMETERS_PER_SAMPLE = 10.0
SMALL_VALIDATION = 500
"""Samples at which the standard error of an accuracy is up to 0.5 / sqrt(n) = 2.2 points."""
NOISY_LABELS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFacts:
    """What is known of the data, and of the network's size, beside the curves; ``None``: not known."""

    kind: Kind | None = None
    task: Task | None = None
    train: int | None = None
    """Samples that are trained on."""
    validation: int | None = None
    classes: int | None = None
    """0 for a regression."""
    smallest_class: int | None = None
    """Train samples of the class with fewest."""
    features: int | None = None
    """Numbers in a sample."""
    parameters: int | None = None
    """Trainable numbers of the network."""
    label_noise: float | None = None
    """Estimated share of wrong labels in the train samples."""
    plan: str | None = None
    """Path of a cleaning plan (``wellfit data DATA --plan``), where there is one."""
    pretrained: str | None = None
    """Path of weights that fit the network, where there are any."""


UNKNOWN = DataFacts()
"""Nothing is known."""


@dataclass(frozen=True, slots=True)
class Risk:
    """A risk factor that is present."""

    name: RiskName
    words: str
    evidence: Mapping[str, float]


def risks(facts: DataFacts) -> tuple[Risk, ...]:
    """Return the risk factors that the facts show, the gravest first. The limits are conventions, not measured.

    ``label_noise`` at least 2 % of the labels; ``few_samples`` below 5000; ``few_per_class`` below 50; ``imbalance`` a
    class three times smaller than an even share; ``many_features`` more than samples; ``many_parameters`` ten times
    more than samples; ``small_validation`` below 500 samples.

    >>> [risk.name for risk in risks(DataFacts(train=200, features=5000, validation=50))]
    ['few_samples', 'many_features', 'small_validation']
    """
    return tuple(_found(facts))


def _found(facts: DataFacts) -> Iterator[Risk]:
    train = facts.train
    if facts.label_noise is not None and facts.label_noise >= NOISY_LABELS:
        words = f"About {facts.label_noise:.0%} of the train labels look wrong."
        yield Risk("label_noise", words, {"label_noise": facts.label_noise})
    if train and train < FEW_SAMPLES:
        yield Risk("few_samples", f"Only {train} samples to train on.", {"train": float(train)})
    yield from _classes(facts)
    if train and facts.features is not None and facts.features > train:
        words = f"{facts.features} features for {train} samples: many of them fit by chance."
        yield Risk("many_features", words, {"features_per_sample": facts.features / train})
    if train and facts.parameters is not None and facts.parameters > PARAMETERS_PER_SAMPLE * train:
        words = f"{facts.parameters} weights for {train} samples: the network can learn the samples by heart."
        yield Risk("many_parameters", words, {"parameters_per_sample": facts.parameters / train})
    if facts.validation and facts.validation < SMALL_VALIDATION:
        error = 0.5 / facts.validation**0.5
        words = f"Only {facts.validation} validation samples: an accuracy is known to {error:.1%} (one standard error)."
        yield Risk("small_validation", words, {"validation": float(facts.validation), "standard_error": error})


def _classes(facts: DataFacts) -> Iterator[Risk]:
    """Yield what the smallest class shows; of masks, whose classes are counted in pixels, the imbalance alone."""
    smallest, classes, train = facts.smallest_class, facts.classes, facts.train
    if not classes or classes < 2:
        return
    if facts.task != "segmentation":
        least = smallest if smallest is not None else train // classes if train else None
        if least is not None and least < FEW_PER_CLASS:
            words = f"{least} train samples of the smallest class."
            yield Risk("few_per_class", words, {"smallest_class": float(least)})
    if smallest is not None and train and train > UNEVEN * classes * smallest:
        times = train / (classes * max(smallest, 1))
        words = f"The smallest class has {smallest} of {train} samples, {times:.1f} times fewer than an even share."
        yield Risk("imbalance", words, {"times_below_even": times})
