"""wellfit: train networks that fit well, neither under nor over.

The public surface. Names are imported when they are first used, so ``import wellfit`` does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from wellfit.api import find_lr, fit, load_model, run_study
    from wellfit.callbacks import Watch
    from wellfit.data import Dataset, load
    from wellfit.diagnosis import diagnose
    from wellfit.errors import InputError, WellfitError
    from wellfit.examine.bias_variance import bias_variance
    from wellfit.examine.fingerprint import fingerprint
    from wellfit.examine.learning_curve import learning_curve
    from wellfit.examine.random_labels import random_labels
    from wellfit.recipe import Recipe, StudySpec
    from wellfit.record import EpochRow, RunRecord

_HOMES = {
    "Dataset": "wellfit.data",
    "EpochRow": "wellfit.record",
    "InputError": "wellfit.errors",
    "Recipe": "wellfit.recipe",
    "RunRecord": "wellfit.record",
    "StudySpec": "wellfit.recipe",
    "Watch": "wellfit.callbacks",
    "WellfitError": "wellfit.errors",
    "bias_variance": "wellfit.examine.bias_variance",
    "diagnose": "wellfit.diagnosis",
    "find_lr": "wellfit.api",
    "fingerprint": "wellfit.examine.fingerprint",
    "fit": "wellfit.api",
    "learning_curve": "wellfit.examine.learning_curve",
    "load": "wellfit.data",
    "load_model": "wellfit.api",
    "random_labels": "wellfit.examine.random_labels",
    "run_study": "wellfit.api",
}

__all__ = [
    "Dataset",
    "EpochRow",
    "InputError",
    "Recipe",
    "RunRecord",
    "StudySpec",
    "Watch",
    "WellfitError",
    "__version__",
    "bias_variance",
    "diagnose",
    "find_lr",
    "fingerprint",
    "fit",
    "learning_curve",
    "load",
    "load_model",
    "random_labels",
    "run_study",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'wellfit' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
