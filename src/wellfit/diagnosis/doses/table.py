"""The table of doses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from wellfit.diagnosis.doses.case import Case, Dose
from wellfit.diagnosis.doses.network import (
    activation,
    init,
    larger,
    norm,
    smaller,
)
from wellfit.diagnosis.doses.regularizers import (
    augmentation,
    clip_norm,
    dropout,
    early_stopping,
    ema,
    gaussian_noise,
    l2,
    label_smoothing,
    mixup,
    penalty,
    regularizer,
    regularizers,
)
from wellfit.diagnosis.doses.training import (
    batch_size,
    class_weights,
    clean,
    epochs,
    focal,
    lr,
    momentum,
    optimizer,
    scale,
    schedule,
    transfer,
    validation,
)
from wellfit.diagnosis.remedy import Remedy

Doses = Callable[[Case, Remedy], Iterator[Dose]]

DOSES: Mapping[str, Doses] = {
    "augmentation": augmentation,
    "batch_size": batch_size,
    "class_weights": class_weights,
    "clean": clean,
    "clip_norm": clip_norm,
    "data.scale": scale,
    "data.split.validation": validation,
    "dropout": dropout,
    "early_stopping": early_stopping,
    "elastic_net": penalty,
    "ema": ema,
    "epochs": epochs,
    "focal": focal,
    "gaussian_noise": gaussian_noise,
    "init": init,
    "l1": penalty,
    "l2": l2,
    "label_smoothing": label_smoothing,
    "larger_network": larger,
    "max_norm": regularizer,
    "mixup": mixup,
    "model.activation": activation,
    "model.norm": norm,
    "optimizer": optimizer,
    "optimizer.lr": lr,
    "optimizer.momentum": momentum,
    "regularizers": regularizers,
    "schedule": schedule,
    "smaller_network": smaller,
    "transfer": transfer,
}
"""Change -> its doses. What is not here is no change of a recipe."""

NO_RECIPE = frozenset({"audit", "more_data", "temperature", "train_probe"})
"""Changes that no recipe can make."""


def doses(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield the doses of a remedy for a recipe; none where it is no change of recipe, or has nothing to change."""
    if remedy.change in DOSES:
        yield from DOSES[remedy.change](case, remedy)
