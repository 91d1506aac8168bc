"""What goes to stdout: the result, and nothing else where a program reads it."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Any

from wellfit.study.files import finite


@contextlib.contextmanager
def only_result(wanted: bool) -> Iterator[None]:
    """Send to stderr whatever prints while the work is done (a user's own network may), so stdout stays clean."""
    if not wanted:
        yield
        return
    with contextlib.redirect_stdout(sys.stderr):
        yield


def print_json(value: Any) -> None:
    """Print one JSON document (RFC 8259): NaN and infinity become ``null``."""
    print(json.dumps(finite(value), indent=2, allow_nan=False), flush=True)
