"""Libraries that not everybody has."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from wellfit.errors import MissingExtraError


def library(module: str, *, where: str, package: str) -> Any:
    """Import and return a module of an optional library.

    Raises
    ------
    MissingExtraError
        It cannot be imported; says why and what to install.

    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(where, f"needs {package} ({error})", f"pip install {package}") from None
