"""What this machine has."""

from __future__ import annotations

import os

WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "2000"}
"""Environment by which OpenMP's threads look for each other 2,000 times, some 40 microseconds, before they sleep.

Threads that sleep at once are woken for each operation, which costs a third of a step of one network on two threads;
those that spin for long, OpenMP's own choice, make it two to many times slower as soon as another program wants a
core (``benchmarks/waiting.py``).
"""


def wait_briefly() -> None:
    """Set ``WAITING`` before PyTorch is imported, unless the environment says how to wait."""
    if not WAITING.keys() & os.environ.keys():
        os.environ.update(WAITING)


def physical_memory() -> int | None:
    """Return the machine's memory in bytes; ``None`` where the system does not say."""
    try:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
    return pages * size if pages > 0 and size > 0 else None
