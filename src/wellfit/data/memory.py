"""How much memory there is and may be used; refuse what cannot fit before it is tried: a header may claim anything."""

from __future__ import annotations

import os
import re

from wellfit.errors import DataError

UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}

LEAST = 2**20
"""Bytes; a smaller limit is a slip of the pen."""


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


def parse_memory(text: str, *, where: str) -> int:
    """Return the bytes that a text like ``256M`` or ``1.5G`` names; K, M, G and T are powers of 1024.

    Raises
    ------
    DataError
        No such number, or less than LEAST.

    """
    found = re.fullmatch(r"(\d{1,12}(?:\.\d{1,6})?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    size = int(float(found[1]) * UNITS[found[2].upper()]) if found else 0
    if size < LEAST:
        raise DataError(where, f"received '{text[:40]}'", "a size such as 256M or 4G, at least 1M")
    return size


def memory_limit() -> int | None:
    """Return the bytes that the environment variable ``WELLFIT_MEMORY`` allows; ``None``: it is not set."""
    text = os.environ.get("WELLFIT_MEMORY")
    return parse_memory(text, where="WELLFIT_MEMORY") if text else None


def for_samples(limit: int | None) -> int | None:
    """Return the bytes that samples may take: half of the limit, or of the machine's memory; ``None``: not known.

    The other half is for batches in flight, the network and its optimizer.
    """
    whole = limit if limit is not None else physical_memory()
    return None if whole is None else whole // 2


def cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
