"""What a method is tried on: data and a network for which it does something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support import tiny_images, tiny_sequences, tiny_vectors
from wellfit.data import Dataset
from wellfit.regularize.catalogue import CATALOGUE, check, make
from wellfit.regularize.stages import Augmentation, Mix


@dataclass(frozen=True)
class Bench:
    """A small data set and the recipe that goes with it."""

    dataset: Dataset
    changes: Mapping[str, Any]

    def suits(self, name: str) -> bool:
        """Whether the method can be used there at all."""
        method = make(name, {})
        if isinstance(method, Augmentation | Mix) and self.dataset.kind not in method.kinds:
            return False
        if name in TARGETS and self.dataset.task != "classification":
            return False
        return name != "stochastic_depth" or self is RESIDUAL


TARGETS = {"label_smoothing"}
IMAGES = Bench(tiny_images(), {})
SIGMOID = Bench(tiny_images(), {"model": {"kind": "mlp", "hidden": [12, 8], "activation": "sigmoid"}})
CNN = Bench(tiny_images(channels=3), {"model": {"kind": "cnn", "channels": [4, 6]}})
RESIDUAL = Bench(tiny_images(), {"model": {"import": "tests.contract.networks.Residual"}})
VECTORS = Bench(tiny_vectors(), {"loss": "mse"})
SEQUENCES = Bench(tiny_sequences(), {})

SPECIAL: Mapping[str, Bench] = {
    "spatial_dropout": CNN,
    "saturation": CNN,
    "hue": CNN,
    "grayscale": CNN,
    "stochastic_depth": RESIDUAL,
    "sparsity": SIGMOID,
    "feature_dropout": VECTORS,
}

STRONG: Mapping[str, Mapping[str, Any]] = {
    "early_stopping": {"patience": 1},
    "clip_norm": {"limit": 0.1},
    "clip_value": {"limit": 0.01},
    "max_norm": {"limit": 0.3},
}
"""Where the defaults change nothing on so small a bench."""


def bench(name: str) -> Bench:
    """Return where a method is tried."""
    if name in SPECIAL:
        return SPECIAL[name]
    cls = CATALOGUE[name]
    kinds = cls.kinds if issubclass(cls, Augmentation | Mix) else {"image"}
    return IMAGES if "image" in kinds else VECTORS if "vector" in kinds else SEQUENCES


def strong(name: str) -> dict[str, Any]:
    """Return parameters at which it changes the run: the defaults, which every method must have, or stronger ones."""
    return check(name, dict(STRONG.get(name, {})))
