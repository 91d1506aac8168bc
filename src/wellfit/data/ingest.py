"""Encoded images to samples through the cache: decoded once, then read, or left on the disk where they are large."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wellfit.data.cache import cache_folder
from wellfit.data.decode import decode, decode_into
from wellfit.data.mapped import Labels, Stored, just_written, open_stored, read_all, read_stored, writing
from wellfit.data.memory import for_samples
from wellfit.data.naming import shown
from wellfit.data.picture import Picture, Size
from wellfit.data.stream import rows_of, stored_of, streamed
from wellfit.errors import DataError, StorageError

log = logging.getLogger(__name__)

WORTH = 1000
"""Images from which a source is cached; fewer are decoded in no time."""

REWRITTEN = 2**20
"""Bytes of samples that are changed at a time (``rewritten``)."""

Told = tuple[Labels, Mapping[str, Any]]
"""Targets int64 ``(n,)`` of the images that were kept, and notes for the cache's footer."""


@dataclass(frozen=True)
class Source:
    """Encoded images whose decoded form may be cached."""

    where: str
    """For messages."""
    key: str
    """What tells this source, and how it is decoded, from all others."""
    stamp: str
    """SHA-256 over the files: another one where any has changed."""
    count: int
    pictures: Callable[[], Sequence[Picture]]
    tell: Callable[[tuple[int, ...]], Told]
    """What to keep beside the images, given the indices of those that were no bad ones."""


@dataclass(frozen=True, eq=False)
class Ingested:
    """Images uint8 ``(N, C, H, W)`` in memory or on the disk (``stream``), and what was told."""

    x: Tensor
    y: Tensor
    notes: Mapping[str, Any]
    skipped: tuple[str, ...]
    fingerprint: str
    """SHA-256 of images and targets; empty where it is not known yet."""


def cache_path(source: Source) -> Path:
    """Return where the decoded form of a source is cached; a changed source has the same place."""
    key = hashlib.sha256(source.key.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return cache_folder() / "images" / f"{key}.u8"


def ingest(source: Source, *, size: Size | None = None, skip_bad: bool = False, memory: int | None = None) -> Ingested:
    """Return the images of a source, from the cache where they are there.

    Parameters
    ----------
    source
        What to decode.
    size, skip_bad
        As ``decode.decode`` has them.
    memory
        Bytes that the process may use beside the interpreter; ``None``: what the machine has. Images that need more
        than half of it stay on the disk.

    Raises
    ------
    DataError
        As ``decode.decode``.
    StorageError
        The images have no room in memory, and the cache cannot be written.

    """
    if source.count < WORTH and memory is None:
        return _in_memory(source, size, skip_bad)
    path = cache_path(source)
    found = read_stored(path, source=source.stamp, room=for_samples(memory))
    stored, x = found or (None, None)
    if stored is None:
        try:
            with writing(path) as writer:
                kept, skipped = decode_into(writer, source.pictures(), where=source.where, size=size, skip_bad=skip_bad)
                y, notes = source.tell(kept)
                writer.finish(y, source=source.stamp, notes={"skipped": skipped, "told": notes})
        except StorageError as error:
            if memory is not None:
                raise
            log.warning("not cached: %s; set WELLFIT_CACHE to another folder", error)
            return _in_memory(source, size, skip_bad)
        stored = just_written(path, source=source.stamp)
    if stored is None:  # another process has just replaced it by what a changed source gave
        return _in_memory(source, size, skip_bad)
    notes = stored.notes
    try:
        made = samples(stored, memory) if x is None else torch.from_numpy(x)
    except StorageError:  # as above
        return _in_memory(source, size, skip_bad)
    return Ingested(made, torch.from_numpy(stored.y), notes["told"], tuple(notes["skipped"]), stored.fingerprint)


def rewritten(x: Tensor, how: str, change: Callable[[Tensor], Tensor], *, where: str) -> tuple[Tensor, str]:
    """Return samples that stay on the disk after a change to each by itself, and their fingerprint.

    They get a cache file of their own, written once: what is done to them costs an epoch nothing.

    Parameters
    ----------
    x
        A tensor that ``stream.streamed`` made.
    how
        What tells this change from all others.
    change
        uint8 ``(n, ...)`` to uint8 ``(n, ...)``.
    where
        For messages.

    Raises
    ------
    StorageError
        The cache cannot be written.

    """
    stored = stored_of(x)
    key = hashlib.sha256(f"{stored.fingerprint}\0{how}".encode()).hexdigest()
    path = cache_folder() / "images" / f"{key[:16]}.u8"
    found = open_stored(path, source=key)
    if found is None:
        step = max(1, REWRITTEN // x[0].numel())
        with writing(path) as writer:
            for start in range(0, len(x), step):
                rows = change(rows_of(x, torch.arange(start, min(start + step, len(x))))).numpy()
                if start == 0:
                    writer.begin(len(x), rows.shape[1:], where=where, advice="")
                writer.write(rows)
            writer.finish(stored.y, source=key, notes={})
        found = just_written(path, source=key)
    if found is None:
        raise StorageError(f"{path}: was replaced while it was read; run the same command again")
    return streamed(found), found.fingerprint


def samples(stored: Stored, memory: int | None) -> Tensor:
    """Return the samples of a cache file, in memory where they have room there (``memory.for_samples``)."""
    room = for_samples(memory)
    fits = room is None or stored.size <= room
    return torch.from_numpy(read_all(stored)) if fits else streamed(stored, memory)


def check_limit(where: str, x: Tensor, memory: int | None) -> None:
    """Refuse samples in memory that exceed a limit that was set."""
    needed = x.numel() * x.element_size()
    if memory is not None and needed > memory:
        mib = 2**20
        what = f"needs {needed / mib:,.0f} MiB of memory, --memory allows {memory / mib:,.0f}"
        raise DataError(where, what, "more, or images in a folder or archive, which can stay on the disk")


def _in_memory(source: Source, size: Size | None, skip_bad: bool) -> Ingested:
    decoded = decode(source.pictures(), where=shown(source.where), size=size, skip_bad=skip_bad)
    y, notes = source.tell(decoded.kept)
    return Ingested(decoded.x, torch.from_numpy(np.asarray(y, dtype=np.int64)), notes, decoded.skipped, "")
