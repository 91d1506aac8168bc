"""Names and texts of a foreign log as they may be shown: on one line, printable, not endless."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

LONGEST = 120
"""Characters that are shown; the middle is left out beyond."""


def shown(name: str | Path, *, longest: int = LONGEST) -> str:
    r"""Return the text with control characters, line separators and lone surrogates escaped, its middle left out.

    >>> shown("loss\n\x1b[2J")
    'loss\\n\\x1b[2J'
    """
    text = str(name)
    if len(text) > 4 * longest:
        text = text[: 2 * longest] + text[-2 * longest :]
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    if len(text) <= longest:
        return text
    half = (longest - 3) // 2
    return f"{text[:half]}...{text[-half:]}"


def listed(names: Sequence[str], *, most: int = 4) -> str:
    """Return ``'a', 'b' and 3 more``."""
    parts = [f"'{shown(name, longest=48)}'" for name in names[:most]]
    more = len(names) - len(parts)
    if more:
        return f"{', '.join(parts)} and {more} more"
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
