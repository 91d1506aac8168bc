"""How strong the regularizers usually are, in which parameter, and how their strength is changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from wellfit.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Strength:
    """The parameter that says how strong a regularizer is."""

    parameter: str
    usual: float
    """Its default."""
    doses: tuple[float, ...] = ()
    """To begin with, the milder first."""
    up: float = 2.0
    """The factor by which it is raised; below 1 where a smaller number is stronger."""
    most: float = float("inf")
    """The strongest that is offered (the smallest, where smaller is stronger)."""

    def raised(self, value: float) -> tuple[float, ...]:
        """Return the next two strengths above a value, within bounds."""
        steps = (value * self.up, value * self.up**2)
        bounded = [min(step, self.most) if self.up > 1 else max(step, self.most) for step in steps]
        return tuple(step for step in bounded if (step > value) == (self.up > 1) and step != value)

    def weakened(self, value: float) -> float:
        """Return half the strength."""
        return value / 2 if self.up > 1 else value * 2


STRENGTHS: Mapping[str, Strength] = {
    "dropout": Strength("rate", 0.5, (0.2, 0.5), 1.6, 0.8),
    "classic_dropout": Strength("rate", 0.5, (0.2, 0.5), 1.6, 0.8),
    "spatial_dropout": Strength("rate", 0.2, (0.1, 0.2), 1.6, 0.5),
    "drop_connect": Strength("rate", 0.5, (0.2, 0.5), 1.6, 0.8),
    "stochastic_depth": Strength("rate", 0.2, (0.1, 0.2), 1.6, 0.5),
    "hidden_noise": Strength("std", 0.1, (0.1, 0.3)),
    "l2": Strength("strength", 1e-4, (1e-4, 1e-3), 10.0, 0.1),
    "weight_decay": Strength("strength", 0.01, (0.1, 1.0), 10.0, 10.0),
    "l1": Strength("strength", 1e-5, (1e-5, 1e-4), 10.0, 0.01),
    "l1_late": Strength("strength", 1e-4, (1e-5, 1e-4), 10.0, 0.01),
    "elastic_net": Strength("strength", 1e-4, (1e-4, 1e-3), 10.0, 0.1),
    "sparsity": Strength("strength", 0.01, (0.01, 0.1), 10.0, 1.0),
    "confidence_penalty": Strength("strength", 0.1, (0.1, 0.3), 2.0, 1.0),
    "sam": Strength("radius", 0.05, (0.05, 0.1), 2.0, 0.5),
    "gradient_noise": Strength("strength", 0.01, (0.01,), 10.0, 1.0),
    "max_norm": Strength("limit", 3.0, (1.0, 0.7), 0.7, 0.3),
    "label_smoothing": Strength("strength", 0.1, (0.1,), 2.0, 0.3),
    "mixup": Strength("alpha", 0.2, (0.2, 0.4), 2.0, 1.0),
    "cutmix": Strength("alpha", 1.0, (1.0,), 2.0, 1.0),
    "gaussian_noise": Strength("std", 0.1, (0.1, 0.3), 2.0, 1.0),
    "feature_dropout": Strength("rate", 0.2, (0.1, 0.2), 1.6, 0.5),
    "translation": Strength("fraction", 0.1, (0.05, 0.1), 1.5, 0.25),
    "rotation": Strength("degrees", 10.0, (5.0, 10.0), 1.5, 30.0),
    "scale": Strength("by", 0.1, (0.1,), 2.0, 0.4),
    "shear": Strength("degrees", 10.0, (10.0,), 1.5, 30.0),
    "perspective": Strength("distortion", 0.3, (0.3,), 1.5, 0.6),
    "random_crop": Strength("padding", 0.125, (0.125,), 1.5, 0.25),
    "elastic": Strength("alpha", 34.0, (34.0,), 1.5, 100.0),
    "brightness": Strength("strength", 0.2, (0.2,), 2.0, 0.8),
    "contrast": Strength("strength", 0.2, (0.2,), 2.0, 0.8),
    "saturation": Strength("strength", 0.2, (0.2,), 2.0, 0.8),
    "hue": Strength("turn", 0.05, (0.05,), 2.0, 0.2),
    "grayscale": Strength("probability", 0.2, (0.2,), 2.0, 0.5),
    "blur": Strength("sigma", 1.0, (1.0,), 1.5, 2.0),
    "sharpness": Strength("strength", 0.5, (0.5,), 1.5, 1.0),
    "salt_and_pepper": Strength("fraction", 0.05, (0.05,), 2.0, 0.2),
    "random_erasing": Strength("probability", 0.5, (0.5,), 1.5, 1.0),
    "cutout": Strength("side", 0.4, (0.4,), 1.25, 0.6),
    "rand_augment": Strength("magnitude", 0.3, (0.3,), 1.5, 1.0),
    "time_shift": Strength("fraction", 0.1, (0.1,), 2.0, 0.5),
    "time_masking": Strength("fraction", 0.2, (0.2,), 1.5, 0.5),
    "frequency_masking": Strength("fraction", 0.3, (0.3,), 1.5, 0.6),
    "clip_norm": Strength("limit", 1.0, (1.0, 0.3), 0.3, 0.01),
    "ema": Strength("decay", 0.99, (0.99,), 1.0, 1.0),
}
"""Name in the catalogue -> its strength. First doses are the field's: rates of Srivastava et al. 2014, penalties and
decay of the methods' papers; ``weight_decay`` is multiplied by the learning rate, so that it is larger than ``l2``.
``max_norm`` is measured: a unit of PyTorch's initialization has the norm 0.58, and on 1,000 images of Fashion-MNIST an
MLP never reached 2.
"""

HARMLESS = frozenset({"clip_norm", "ema"})
"""Those of the table that do not keep a network from fitting its train set."""
NO_STRENGTH = frozenset(
    {"horizontal_flip", "vertical_flip", "random_resized_crop", "random_choice", "unit_norm", "non_negative", "pruning"}
)
"""Regularizers that hold a network back and are not halved but left out."""

STANDS_FOR: Mapping[str, tuple[str, ...]] = {
    "dropout": ("dropout", "classic_dropout", "spatial_dropout", "drop_connect"),
    "l2": ("l2", "weight_decay"),
    "augmentation": (
        *("translation", "rotation", "scale", "shear", "perspective", "random_crop", "elastic"),
        *("time_shift", "time_masking", "frequency_masking"),
    ),
    "mixup": ("mixup", "cutmix"),
    "ema": ("ema", "swa"),
}
"""Change -> the regularizers that are one: where one of them is in use, it is raised instead."""


def names_of(change: str) -> tuple[str, ...]:
    """Return the regularizers that a change means."""
    return STANDS_FOR.get(change, (change,))


def in_use(recipe: Recipe) -> tuple[str, ...]:
    """Return the names of the recipe's regularizers that act: without those whose strength is 0 or without bound."""
    return tuple(name for name in recipe.regularizers if _acts(recipe, name))


def strength_of(recipe: Recipe, name: str) -> float:
    """Return the strength of a regularizer of the recipe, its default where it is not given."""
    known = STRENGTHS[name]
    return float(recipe.regularizers[name].get(known.parameter, known.usual))


def holding_back(names: Collection[str]) -> tuple[str, ...]:
    """Return those regularizers that keep a network from fitting its train set."""
    return tuple(name for name in names if name in NO_STRENGTH or (name in STRENGTHS and name not in HARMLESS))


def _acts(recipe: Recipe, name: str) -> bool:
    return name not in STRENGTHS or 0 < strength_of(recipe, name) < float("inf")
