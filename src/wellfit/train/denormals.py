"""Denormal numbers count as zero while a population trains: under strong decay they make a CPU crawl."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def flushed() -> Iterator[None]:
    """Flush denormals to zero inside, and leave the processor's setting as it was found: it is the whole process's."""
    before = _flushing()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def _flushing() -> bool:
    """Return whether denormals are flushed now; PyTorch can set it and not say it."""
    least_normal = torch.finfo(torch.float32).tiny
    return float(torch.tensor([least_normal]).mul_(0.5).mul_(2.0)) == 0.0
