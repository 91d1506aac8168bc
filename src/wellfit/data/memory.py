"""Refuse what cannot fit into memory before it is tried: a header may claim anything."""

from __future__ import annotations

import os

from wellfit.errors import DataError


def physical_memory() -> int | None:
    """Return the machine's memory in bytes; ``None`` where the system does not say."""
    try:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
    return pages * size if pages > 0 and size > 0 else None


def check_memory(where: str, needed: int, *, expected: str) -> None:
    """Raise a DataError where ``needed`` bytes exceed the machine's memory.

    Systems hand out memory that they do not have and kill the process when it is used; so this is asked beforehand.
    """
    there = physical_memory()
    if there is not None and needed > there:
        gib = 2**30
        raise DataError(
            where, f"needs {needed / gib:,.1f} GiB of memory, this machine has {there / gib:,.1f}", expected
        )
