"""A user's own network, by import path."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from wellfit.errors import ModelError
from wellfit.random import derive

WHERE = "model.import"


def find_class(path: str) -> Any:
    """Return what ``"package.module.Name"`` or ``"folder/file.py:Name"`` names; the working folder can be imported
    from.

    Raises
    ------
    ModelError
        The module, file or name does not exist, or fails while it is imported.

    """
    module_name, _, name = path.rpartition(":") if ":" in path else path.rpartition(".")
    if not module_name or not name:
        raise ModelError(WHERE, f"received {path!r}", "package.module.Name or file.py:Name")
    try:
        module = _load_file(Path(module_name)) if module_name.endswith(".py") else _load_module(module_name)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(WHERE, f"importing {module_name!r} failed: {type(error).__name__}: {error}") from error
    if not hasattr(module, name):
        raise ModelError(WHERE, f"{module_name!r} has no {name!r}", "a class or function that returns an nn.Module")
    return getattr(module, name)


def _load_module(name: str) -> ModuleType:
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    return importlib.import_module(name)


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ModelError(WHERE, f"no such file: {path}", "file.py:Name")
    name = f"wellfit_user_{path.stem}_{derive(0, str(path.resolve())):x}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise ModelError(WHERE, f"{path} cannot be imported", "a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look their module up by name
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def imported(path: str, arguments: dict[str, Any]) -> nn.Module:
    """Return ``path`` called with ``arguments``.

    Raises
    ------
    ModelError
        The call fails, or what it returns is no ``nn.Module``.

    """
    try:
        module = find_class(path)(**arguments)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError("model.args", f"{path}({arguments}) failed: {type(error).__name__}: {error}") from error
    if not isinstance(module, nn.Module):
        raise ModelError(WHERE, f"{path} returned a {type(module).__name__}", "an nn.Module")
    return module
