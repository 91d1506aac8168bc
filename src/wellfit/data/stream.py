"""Samples that stay on the disk: a tensor over a mapped file whose rows are copied out, and reading ahead.

Such a tensor is like any other, but touching it makes its pages count as this process's memory. ``rows_of`` copies rows
out in small groups and lets the pages go after each, so that what stays is what was asked for.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from wellfit.data.mapped import Pixels, Stored, map_file

GROUP = 2**20
"""Bytes of pages that are mapped at a time, or a few times that: the system may map more around a page."""

AROUND = 2**16
"""Bytes that Linux maps around a touched page where they are in its cache already."""

Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class _Mapping:
    mapping: mmap.mmap
    rows: Pixels


_MAPPINGS = WeakTensorKeyDictionary()


def streamed(stored: Stored) -> Tensor:
    """Return the samples of a cache file as a tensor uint8 ``(N, ...)`` that stays on the disk."""
    mapping, rows = map_file(stored)
    x = torch.from_numpy(rows)
    _MAPPINGS[x] = _Mapping(mapping, rows)
    return x


def is_streamed(x: Tensor) -> bool:
    """Whether a tensor is one that ``streamed`` made (a view of it is not)."""
    return x in _MAPPINGS


def rows_of(x: Tensor, rows: Tensor) -> Tensor:
    """Return ``x[rows]`` in memory, of a tensor that ``streamed`` made: int64 ``(n,)`` gives ``(n, ...)``.

    Raises
    ------
    IndexError
        A row that ``x`` does not have.

    """
    found: _Mapping = _MAPPINGS[x]
    wanted = rows.numpy()
    if len(wanted) and not 0 <= int(wanted.min()) <= int(wanted.max()) < len(found.rows):
        raise IndexError(f"rows {wanted.min()} to {wanted.max()} of {len(found.rows)}")
    made = torch.empty((len(wanted), *x.shape[1:]), dtype=torch.uint8)
    target = made.numpy()
    step = max(1, GROUP // (AROUND + x[0].numel()))
    for start in range(0, len(wanted), step):
        _announce(found, wanted[start : start + step])
        # take copies whole rows without Python's lock; "clip" as out would be buffered under "raise"
        np.take(found.rows, wanted[start : start + step], axis=0, out=target[start : start + step], mode="clip")
        if hasattr(mmap, "MADV_DONTNEED"):
            found.mapping.madvise(mmap.MADV_DONTNEED)
    return made


def _announce(found: _Mapping, wanted: npt.NDArray[np.int64]) -> None:
    """Have the disk read rows that lie close together in one go; scattered ones are read as they are touched."""
    if not hasattr(mmap, "MADV_WILLNEED"):
        return
    first, last = int(wanted.min()), int(wanted.max())
    if last - first < 4 * len(wanted):
        row = found.rows[0].nbytes
        start = first * row // mmap.PAGESIZE * mmap.PAGESIZE
        found.mapping.madvise(mmap.MADV_WILLNEED, start, (last + 1) * row - start)


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
