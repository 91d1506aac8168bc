"""The cards of remedies: what a change is in a recipe, what calls for it, and when it does harm. Made of the tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from wellfit.diagnosis.harm import METHODS, harm
from wellfit.diagnosis.prescribe import LINES
from wellfit.diagnosis.remedy import Cause, Step

IN_A_RECIPE: Mapping[str, str] = {
    "audit": "none: ``wellfit data DATA`` looks for copies, wrong labels and odd samples",
    "augmentation": (
        "images: ``translation`` and ``rotation`` (5 % and 5 degrees, twice that in trainings of 2000 steps or more), "
        "then ``horizontal_flip`` (not of digits and letters), "
        "``brightness``, ``random_erasing``; sequences: ``time_shift``, ``time_masking``, ``gaussian_noise``"
    ),
    "batch_size": "``batch_size`` times 2, then 4; at most a quarter of the samples",
    "class_weights": "``loss: {kind: cross_entropy, class_weights: balanced}``, ``measure`` as it was",
    "clean": "``data: {clean: PLAN}``; ``wellfit data DATA --plan PLAN`` makes the plan",
    "clip_norm": "``clip_norm: {limit: 1}``, then 0.3",
    "data.scale": "``data: {scale: standardize}``",
    "data.split.validation": "``data: {split: {validation: ...}}``, twice the part, at most 0.3",
    "dropout": (
        "``dropout`` 0.2, then 0.5, which comes first only in trainings of 2000 steps or more; 0.1 and 0.25 in narrow "
        "networks and with batch norm; with convolutions 0.2, or ``spatial_dropout`` 0.1"
    ),
    "early_stopping": "``restore: best`` (the default), and ``early_stopping`` with a fifth of the epochs as patience",
    "elastic_net": "``elastic_net: {strength: 1e-4}``, then 1e-3",
    "ema": "``ema: {decay: 0.99}``, 0.9 for less than 1000 steps; or ``swa``",
    "epochs": "``epochs`` times 2, then 4",
    "focal": "``loss: focal``, ``measure`` as it was",
    "gaussian_noise": "``gaussian_noise: {std: 0.1}``, then 0.3",
    "init": "``init: he_normal`` for ReLU and its kin, ``xavier_normal`` for tanh and sigmoid, ``orthogonal`` for RNNs",
    "l1": "``l1: {strength: 1e-5}``, then 1e-4",
    "l2": "``l2: {strength: 1e-4}``, then 1e-3; inside Adam and its kin ``weight_decay`` 0.1, then 1",
    "label_smoothing": "``label_smoothing: {strength: 0.1}``; of masks ``loss: {smoothing: 0.1}``",
    "larger_network": "widths times 2; one more layer",
    "max_norm": "``max_norm: {limit: 1}``, then 0.7",
    "mixup": "``mixup: {alpha: 0.2}``, then 0.4",
    "model.activation": "ReLU to ``leaky_relu``, then ``gelu``; tanh and sigmoid to ``relu``, then ``gelu``",
    "model.norm": "``model: {norm: batch}``, then ``layer``; ``layer`` alone for batches below 16 and for an RNN",
    "more_data": "none: collect, label, or let a larger part train; a learning curve says what it would bring",
    "optimizer": "``optimizer: {kind: adam, lr: 0.001}``, then 0.003; for an RNN the other way round",
    "optimizer.lr": "``optimizer.lr`` times 3 and 10, or 0.3 and 0.1",
    "optimizer.momentum": "``optimizer: {momentum: 0.9}``",
    "regularizers": "what holds the network back at half its strength; then none of it",
    "schedule": "``schedule: cosine``, also with a warm-up of a tenth of the epochs; that first after a divergence",
    "smaller_network": "half the widths; a quarter",
    "temperature": "none: divide the logits by one number that is fitted on validation",
    "train_probe": "none: in another trainer, measure the train loss in evaluation mode; wellfit always does",
    "transfer": "``init: {kind: pretrained, path: WEIGHTS}``",
}
"""Change -> what it is in a recipe."""


@dataclass(frozen=True, slots=True)
class Call:
    """What calls for a change, and why."""

    cause: Cause
    step: Step
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class RemedyCard:
    """What there is to know about a change as a remedy."""

    name: str
    in_a_recipe: str
    calls: tuple[Call, ...]
    harm: Mapping[str, str]
    """Step -> when it does harm; steps with the same sentence stand together, as ``raise, lower``."""
    group: str = "remedies"

    @property
    def is_method(self) -> bool:
        """Whether a method has that name, and with it a card of its own."""
        return self.name in METHODS or self.name == "focal"


@cache
def remedy_cards() -> tuple[RemedyCard, ...]:
    """Return the cards of all changes that the tables name, by name."""
    calls: dict[str, list[Call]] = {}
    for entry in LINES:
        one = entry.remedy
        calls.setdefault(one.change, []).append(Call(one.finding, one.step, one.reason, one.source))
    return tuple(
        RemedyCard(name, IN_A_RECIPE[name], tuple(calls[name]), _harm(name, calls[name])) for name in sorted(calls)
    )


def find_remedies(name: str) -> tuple[RemedyCard, ...]:
    """Return the cards of that name, in any spelling of its gaps: ``lr`` stands for ``optimizer.lr``."""
    wanted = re.sub(r"[- ]+", "_", name.strip().lower())
    return tuple(card for card in remedy_cards() if wanted in (card.name, card.name.rpartition(".")[2]))


def _harm(name: str, calls: list[Call]) -> dict[str, str]:
    steps: dict[str, list[str]] = {}
    for step in dict.fromkeys(call.step for call in calls):
        steps.setdefault(harm(name, step), []).append(step)
    return {", ".join(names): sentence for sentence, names in steps.items()}
