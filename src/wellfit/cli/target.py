"""A file that a user asks for: whether it can be written is found out before the work, not after."""

from __future__ import annotations

import os
from pathlib import Path

from wellfit.errors import InputError


def check_target(path: Path, *, option: str = "-o") -> None:
    """Refuse a path at which no file can be written.

    Raises
    ------
    InputError
        It is a folder, lies below a file, or its folder may not be written.

    """
    if path.is_dir():
        raise InputError(option, f"'{path}' is a folder", "the path of a file")
    there = next((parent for parent in path.absolute().parents if parent.exists()), Path("/"))
    if not there.is_dir():
        raise InputError(option, f"'{there}' is a file, not a folder", "a path that can be written")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(option, f"the folder '{there}' cannot be written", "a path that can be written")


def check_outside(path: Path, source: str, *, option: str = "-o") -> None:
    """Refuse to write a file into the data, or in its place: data is never changed, and a plan would be part of it.

    Raises
    ------
    InputError
        The path is the source, or lies in its folder.

    """
    data = Path(source).expanduser()
    if data.exists() and path.resolve().is_relative_to(data.resolve()):
        raise InputError(option, f"'{path}' lies in the data {source}", "a path outside of it: data is never changed")
