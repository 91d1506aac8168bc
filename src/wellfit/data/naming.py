"""Names of files, columns and classes as they may be shown: on one line, printable, not endless."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

LONGEST = 120
"""Characters of a name that are shown; its middle is left out beyond."""


def shown(name: str | Path, *, longest: int = LONGEST) -> str:
    r"""Return a name that is safe in a one-line message and in a file: control characters, line separators and bytes
    that are no text (lone surrogates) are escaped; a long name loses its middle.

    >>> shown("cat\n\x1b[2J")
    'cat\\n\\x1b[2J'
    """
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(name))
    if len(text) <= longest:
        return text
    half = (longest - 3) // 2
    return f"{text[:half]}...{text[-half:]}"


def nearest_column(name: str, columns: Sequence[str], *, listed: int = 12) -> str:
    """Say which column is meant: the nearest one first, then the columns there are (at most ``listed`` of them)."""
    by_lower = {column.lower(): column for column in reversed(columns)}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    lead = f"'{shown(by_lower[close[0]])}' (nearest), " if close else ""
    listing = ", ".join(shown(column, longest=40) for column in columns[:listed])
    more = f" and {len(columns) - listed} more" if len(columns) > listed else ""
    return f"{lead}one of {listing}{more}"
