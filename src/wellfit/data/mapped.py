"""Decoded images in one file of the cache: written once, checked, then read or mapped.

The file holds the samples as raw uint8 in C order, then the targets as little-endian int64, then a JSON footer (shape,
checksums, what else the reader was told), the footer's SHA-256, its length and MAGIC. It is one file, so its name
appears whole or not at all; a file without its end is no cache. Each BLOCK of the samples has a SHA-256 of its own.

Two processes may write the same cache: each has a temporary file, the last one to finish takes the name, and who has
opened the other one keeps it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import mmap
import os
import secrets
import shutil
import struct
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wellfit.atomic import TEMPORARY, storage_error
from wellfit.data.memory import cores
from wellfit.errors import StorageError

log = logging.getLogger(__name__)

VERSION = 1
MAGIC = b"WFMAPPED"
BLOCK = 2**23
"""Bytes of the samples that share a checksum."""

STALE_SECONDS = 3600
"""A temporary file that nobody has written to for so long belongs to a process that was killed."""

_END = struct.Struct("<32sQ8s")

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Stored:
    """A whole cache file, its footer read and checked."""

    path: Path
    shape: tuple[int, ...]
    """``(N, ...)`` of the samples."""
    y: Labels
    fingerprint: str
    """SHA-256 of the bytes of samples and targets."""
    notes: Mapping[str, Any]
    """What the writer added."""
    blocks: tuple[str, ...]
    """SHA-256 of each block of the samples."""

    @property
    def size(self) -> int:
        """Bytes of the samples."""
        return math.prod(self.shape)


class Writer:
    """Takes the samples in order; ``writing`` makes one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("xb")

    def begin(self, count: int, row: tuple[int, ...], *, where: str, advice: str) -> None:
        """Begin with up to ``count`` samples of a shape, if the disk has room; what was written before is dropped."""
        needed, free = count * math.prod(row), shutil.disk_usage(self._path.parent).free
        if needed > free:
            gib = 2**30
            raise StorageError(f"{where}: its cache needs {needed / gib:,.1f} GiB, {free / gib:,.1f} are free")
        self._file.seek(0)
        self._file.truncate()
        self._row, self._size = row, 0
        self._whole, self._block, self._digests = hashlib.sha256(), hashlib.sha256(), list[str]()

    def write(self, rows: Pixels) -> None:
        """Append samples ``(n, ...)``."""
        data = memoryview(np.ascontiguousarray(rows)).cast("B")  # type: ignore[arg-type]  # an array is a buffer
        self._file.write(data)
        self._whole.update(data)
        while data:
            part = data[: BLOCK - self._size % BLOCK]
            self._block.update(part)
            self._size += len(part)
            data = data[len(part) :]
            if self._size % BLOCK == 0:
                self._digests.append(self._block.hexdigest())
                self._block = hashlib.sha256()

    def finish(self, y: Labels, *, source: str, notes: Mapping[str, Any]) -> None:
        """Write targets and footer; ``source`` is the fingerprint of what was decoded."""
        if self._size % BLOCK:
            self._digests.append(self._block.hexdigest())
        targets = y.astype("<i8").tobytes()
        self._whole.update(targets)
        self._file.write(targets)
        content = {
            "version": VERSION,
            "shape": [self._size // max(1, math.prod(self._row)), *self._row],
            "source": source,
            "fingerprint": self._whole.hexdigest(),
            "block": BLOCK,
            "blocks": self._digests,
            "y": hashlib.sha256(targets).hexdigest(),
            "notes": dict(notes),
        }
        footer = json.dumps(content).encode()
        self._file.write(footer)
        self._file.write(_END.pack(hashlib.sha256(footer).digest(), len(footer), MAGIC))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """Yield a Writer; at the end its file takes the name ``path``. If anything is raised, nothing is left.

    Unlike ``atomic.replacing`` it does not wait for the disk: what a power cut leaves behind fails its checksums.

    Raises
    ------
    StorageError
        The folder cannot be written, or the disk is full.

    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMPORARY}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        writer = Writer(temporary)
        try:
            yield writer
        finally:
            writer.close()
        os.replace(temporary, path)
    except OSError as error:
        raise storage_error(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def open_stored(path: Path, *, source: str) -> Stored | None:
    """Return a cache file that was made of the source with this fingerprint and is undamaged; else ``None``.

    Its checksums are computed here, all of them, over all cores; nothing of the samples stays in memory. Damage is said
    in one line, another source is none.
    """
    stored = just_written(path, source=source)
    if stored is not None and _is_sound(stored):
        return stored
    if stored is not None or (_footer(path) is None and path.exists()):
        log.warning("%s: damaged, so the images are decoded again", path)
    return None


def just_written(path: Path, *, source: str) -> Stored | None:
    """Return what ``open_stored`` does, without computing the checksums of the samples."""
    found = _footer(path)
    return found[0] if found is not None and found[1] == source else None


def read_all(stored: Stored) -> Pixels:
    """Return the samples in memory, ``(N, ...)``."""
    x = np.empty(stored.shape, dtype=np.uint8)
    with stored.path.open("rb", buffering=0) as file:
        data, done = memoryview(x).cast("B"), 0  # type: ignore[arg-type]  # as above
        while done < len(data):
            read = file.readinto(data[done : done + BLOCK])
            if not read:
                raise StorageError(f"{stored.path}: became shorter while it was read; run the same command again")
            done += read
    return x


def map_file(stored: Stored) -> tuple[mmap.mmap, Pixels]:
    """Return the samples mapped, and the mapping: pages are read when they are touched, writes stay private."""
    with stored.path.open("rb") as file:
        mapping = mmap.mmap(file.fileno(), stored.size, access=mmap.ACCESS_COPY)
    if hasattr(mmap, "MADV_RANDOM"):
        mapping.madvise(mmap.MADV_RANDOM)  # else each row brings in 128 KiB of its neighbors
    return mapping, np.frombuffer(mapping, dtype=np.uint8).reshape(stored.shape)


def _footer(path: Path) -> tuple[Stored, str] | None:
    """Return what a file's end says, and the fingerprint of its source; ``None``: it is no whole cache file."""
    try:
        with path.open("rb") as file:
            file.seek(-_END.size, os.SEEK_END)
            end = file.tell()
            digest, length, magic = _END.unpack(file.read(_END.size))
            if magic != MAGIC or length > end:
                return None
            file.seek(end - length)
            footer = file.read(length)
            if hashlib.sha256(footer).digest() != digest:
                return None
            content = json.loads(footer)
            if content["version"] != VERSION or content["block"] != BLOCK:
                return None
            shape = tuple(content["shape"])
            size = math.prod(shape)
            file.seek(size)
            targets = file.read(end - length - size)
    except (OSError, ValueError, KeyError):
        return None
    if len(targets) != 8 * shape[0] or hashlib.sha256(targets).hexdigest() != content["y"]:
        return None
    y = np.frombuffer(targets, dtype="<i8").astype(np.int64)
    made = Stored(path, shape, y, content["fingerprint"], content["notes"], tuple(content["blocks"]))
    return made, content["source"]


def _is_sound(stored: Stored) -> bool:
    """Whether every block has its checksum."""

    def check(worker: int) -> bool:
        buffer = memoryview(bytearray(min(BLOCK, stored.size)))
        with stored.path.open("rb", buffering=0) as file:
            for index in range(worker, len(stored.blocks), workers):
                part = buffer[: min(BLOCK, stored.size - index * BLOCK)]
                file.seek(index * BLOCK)
                if file.readinto(part) != len(part) or hashlib.sha256(part).hexdigest() != stored.blocks[index]:
                    return False
        return True

    workers = min(cores(), max(1, len(stored.blocks)), 8)
    if len(stored.blocks) != -(-stored.size // BLOCK):
        return False
    try:
        with ThreadPoolExecutor(workers) as pool:
            return all(pool.map(check, range(workers)))
    except OSError:
        return False


def _sweep(path: Path) -> None:
    """Remove what killed writers of this cache left behind."""
    for left in path.parent.glob(f".{path.name}.*{TEMPORARY}"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                left.unlink()
