"""wellfit: train networks that fit well, neither under nor over.

The public surface. Names are imported when they are first used, so ``import wellfit`` does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from wellfit.api import find_lr, load_model, run_study
    from wellfit.callbacks import Watch
    from wellfit.data import Dataset, load
    from wellfit.diagnosis import diagnose
    from wellfit.errors import InputError, WellfitError
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
    "diagnose": "wellfit.diagnosis",
    "find_lr": "wellfit.api",
    "load": "wellfit.data",
    "load_model": "wellfit.api",
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
    "diagnose",
    "find_lr",
    "load",
    "load_model",
    "run_study",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'wellfit' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
