"""Samples that stay on the disk: a tensor over a mapped file whose rows are copied out, and reading ahead.

Such a tensor is like any other, but touching it makes its pages count as this process's memory. ``rows_of`` reads rows
past the mapping, so that what comes into memory is what was asked for: to touch one row may map megabytes around it.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from wellfit.data.mapped import Stored, map_file, opened
from wellfit.data.memory import give_back_freed
from wellfit.errors import StorageError

ROOMY = 250 * 2**20
"""Bytes of a limit that leaves room for what the C library keeps of freed memory."""

Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class _Open:
    descriptor: int
    stored: Stored


_OPEN = WeakTensorKeyDictionary()


def streamed(stored: Stored, memory: int | None = None) -> Tensor:
    """Return the samples of a cache file as a tensor uint8 ``(N, ...)`` that stays on the disk.

    Under a limit of less than ROOMY bytes of ``memory`` the process gives back what it frees, which costs it a third of
    its speed; else it keeps up to 150 MiB for the next batches.
    """
    if memory is not None and memory < ROOMY:
        give_back_freed()
    with opened(stored) as descriptor:
        x = torch.from_numpy(map_file(descriptor, stored))
        found = _Open(os.dup(descriptor), stored)
    weakref.finalize(found, os.close, found.descriptor)
    _OPEN[x] = found
    return x


def stored_of(x: Tensor) -> Stored:
    """Return the cache file of a tensor that ``streamed`` made."""
    found: _Open = _OPEN[x]
    return found.stored


def is_streamed(x: Tensor) -> bool:
    """Whether a tensor is one that ``streamed`` made (a view of it is not)."""
    return x in _OPEN


def rows_of(x: Tensor, rows: Tensor) -> Tensor:
    """Return ``x[rows]`` in memory, of a tensor that ``streamed`` made: int64 ``(n,)`` gives ``(n, ...)``.

    Raises
    ------
    IndexError
        A row that ``x`` does not have.
    StorageError
        The file has become shorter.

    """
    found: _Open = _OPEN[x]
    wanted, row = rows.numpy(), x[0].numel()
    made = torch.empty((len(wanted), *x.shape[1:]), dtype=torch.uint8)
    if not made.numel():
        return made
    first, last = int(wanted.min()), int(wanted.max())
    if not 0 <= first <= last < len(x):
        raise IndexError(f"rows {first} to {last} of {len(x)}")
    if last - first < 4 * len(wanted) and hasattr(os, "posix_fadvise"):  # close together: read in one go
        os.posix_fadvise(found.descriptor, first * row, (last + 1 - first) * row, os.POSIX_FADV_WILLNEED)
    if not hasattr(os, "preadv"):
        return torch.index_select(x, 0, rows, out=made)
    target = memoryview(made.numpy().reshape(-1))  # type: ignore[arg-type]  # an array is a buffer
    starts = np.flatnonzero(np.diff(wanted, prepend=wanted[0] - 2) != 1)  # of rows that follow each other
    ends = [*(starts[1:] * row).tolist(), len(target)]
    for at, start, end in zip((wanted[starts] * row).tolist(), (starts * row).tolist(), ends, strict=True):
        _read(found, at, target[start:end])
    return made


def _read(found: _Open, at: int, target: memoryview) -> None:
    """Fill ``target`` with the bytes of the file from a place on."""
    while target:
        count = os.preadv(found.descriptor, [target], at)
        if not count:
            raise StorageError(f"{found.stored.path}: became shorter while it was read; run the same command again")
        at, target = at + count, target[count:]


def ahead(items: Iterable[Item], make: Callable[[Item], Made], *, when: bool = True) -> Iterator[tuple[Item, Made]]:
    """Yield each item with what ``make`` gives for it, which a thread makes while the item before is worked on.

    The results and their order are those of a plain loop, which it is where not ``when``; ``make`` must not draw random
    numbers that others draw too.
    """
    if not when:
        for item in items:
            yield item, make(item)
        return
    pool = ThreadPoolExecutor(1, thread_name_prefix="wellfit-ahead")
    try:
        waiting: tuple[Item, Future[Made]] | None = None
        for item in items:
            coming = (item, pool.submit(make, item))
            if waiting is not None:
                yield waiting[0], waiting[1].result()
            waiting = coming
        if waiting is not None:
            yield waiting[0], waiting[1].result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
