"""How much memory there is and may be used; refuse what cannot fit before it is tried: a header may claim anything."""

from __future__ import annotations

import ctypes
import os
import re

from wellfit.errors import DataError
from wellfit.machine import physical_memory

UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Names of glibc's ``mallopt``."""

LARGE = 2**20
"""Bytes from which a block of memory is given back to the system as soon as it is free (``give_back_freed``)."""

KEPT = 2**20
"""Bytes of smaller free blocks that are kept at the end of the heap."""

MOST_REUSED = 32 * 2**20
"""Bytes of the largest blocks that the C library can take from what it keeps; it refuses to be told of larger ones."""

LEAST = 2**20
"""Bytes; a smaller limit is a slip of the pen."""


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


def give_back_freed() -> None:
    """Have the C library give freed memory back to the system at once; without effect where it is not glibc.

    Else it learns from the first large tensors that are freed to keep such memory, tens of MiB for each thread.
    """
    global _gives_back
    _gives_back = True
    _set_malloc(LARGE, KEPT)


def keep_freed() -> None:
    """Have the C library keep freed memory for the next tensors, unless ``give_back_freed`` was called; without effect
    where it is not glibc.

    The tensors of a training step come and go in the same sizes. Left to itself glibc gives what it frees at the end of
    its heap back to the system, which then clears each page anew: 3,000 pages a step of a small convolutional network,
    a sixth of its time. The most that was used at once stays with the process.
    """
    if not _gives_back:
        _set_malloc(MOST_REUSED, 2**31 - 1)


_gives_back = False
"""Whether memory was asked to be given back: the setting is the whole process's, and a limit is a promise."""


def _set_malloc(mmap_threshold: int, trim_threshold: int) -> None:
    try:
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, mmap_threshold)
        library.mallopt(_TRIM_THRESHOLD, trim_threshold)
    except (OSError, AttributeError, TypeError):
        pass


def cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
