"""The journal of a fit: every decision, kept before it is acted on; one that was killed decides no other way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wellfit.errors import InputError
from wellfit.study.files import write_json

Decision = dict[str, Any]
"""Plain values, as JSON holds them."""


class Journal:
    """Decisions by name, in their order, in one JSON file that is replaced whole.

    A fit is a program that asks the journal at each fork. What is written there is taken; what is not is decided,
    written, and only then acted on. So going on is running again.

    Raises
    ------
    InputError
        The file cannot be read, or is none.

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._decisions = _read(path)

    def __contains__(self, name: str) -> bool:
        """Return whether this was decided."""
        return name in self._decisions

    def __getitem__(self, name: str) -> Decision:
        """Return what was decided."""
        return self._decisions[name]

    def decide(self, name: str, make: Callable[[], Decision]) -> Decision:
        """Return the decision of that name; made, and written, if it is not there."""
        if name not in self._decisions:
            # as it will be read: what is done with it must not depend on whether it was
            self._decisions[name] = json.loads(json.dumps(make()))
            write_json(self._path, self._decisions)
        return self._decisions[name]


def _read(path: Path) -> dict[str, Decision]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(str(path), f"cannot be read ({type(error).__name__})", "the journal of a fit") from None
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        raise InputError(str(path), "is no journal", "an object of decisions")
    return found
