"""What can go wrong, as a tree.

::

    WellfitError              exit code 1
    |-- InputError            exit code 2   the user can mend it: what, where, what was expected
    |   |-- RecipeError                     a key, value or override of a recipe
    |   |-- DataError                       a path, file, row or class of the data
    |   |-- ModelError                      a network that cannot be built, or answers in the wrong shape
    |   `-- MissingExtraError               an optional library is not installed
    |-- StorageError          exit code 1   the disk is full, a file cannot be written or is damaged
    `-- InterruptedStudyError exit code 130 Ctrl-C or SIGTERM: what was done is kept, the same command resumes

Every message is one line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class WellfitError(Exception):
    """Root of all errors that wellfit raises on purpose. ``exit_code`` is the process's exit code."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(message.replace("\r", "\\r").replace("\n", "\\n"))


class InputError(WellfitError):
    """Bad input. The message reads ``where: what; expected ...`` on one line.

    Parameters
    ----------
    where
        The field, file or row at fault (``"optimizer.lr"``, ``"data.csv, row 17"``).
    what
        What was found there, with the value received.
    expected
        What would have been right; empty where nothing more can be said.

    """

    exit_code = 2

    def __init__(self, where: str, what: str, expected: str = "") -> None:
        self.where, self.what, self.expected = where, what, expected
        super().__init__(f"{where}: {what}" + (f"; expected {expected}" if expected else ""))

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str, str]]:
        return type(self), (self.where, self.what, self.expected)  # it must survive the way from a worker process


class RecipeError(InputError):
    """A key, value or override of a recipe is wrong."""


class DataError(InputError):
    """A path, file, row or class of the data is wrong."""


class ModelError(InputError):
    """A network cannot be built or does not fit the data."""


class MissingExtraError(InputError):
    """An optional library is missing; the message names the extra that installs it."""


class StorageError(WellfitError):
    """The disk is full, a folder cannot be written, or a file of ours is damaged."""


class InterruptedStudyError(WellfitError):
    """The study was interrupted; what was done is kept and the same command resumes."""

    exit_code = 130


MOST_NAMES = 16
"""Names that an error lists; of more, those that come nearest."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known name is meant: ``"'l2' (nearest), one of l1, l2"``; for the ``expected`` of an error."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    shown = names if len(names) <= MOST_NAMES else difflib.get_close_matches(name, names, n=MOST_NAMES, cutoff=0.0)
    more = f" and {len(names) - len(shown)} more" if len(shown) < len(names) else ""
    listing = "one of " + ", ".join(sorted(shown)) + more
    return f"'{close[0]}' (nearest), {listing}" if close else listing
