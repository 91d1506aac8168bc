"""Decoded images in one file of the cache: written once, checked, then read or mapped.

The file holds the samples as raw uint8 in C order, then the targets as little-endian int64, then a JSON footer (shape,
checksums, what else the reader was told), the footer's SHA-256, its length and MAGIC. It is one file, so its name
appears whole or not at all; a file without its end is no cache. Each BLOCK of the samples has a CRC-32 of its own,
which finds damage in a fraction of the time that a SHA-256 takes; the whole has a SHA-256: the data's fingerprint.

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
import zlib
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

VERSION = 2
MAGIC = b"WFMAPPED"
BLOCK = 2**23
"""Bytes of the samples that share a checksum."""

PIECE = 2**20
"""Bytes that are read at a time while checksums are computed, by each of the cores."""

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
    blocks: tuple[int, ...]
    """CRC-32 of each block of the samples."""
    version: tuple[int, int, int] = (0, 0, 0)
    """What tells this file from another one that takes its name: inode, size, time."""

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
        self._whole, self._block, self._digests = hashlib.sha256(), 0, list[int]()

    def write(self, rows: Pixels) -> None:
        """Append samples ``(n, ...)``."""
        data = memoryview(np.ascontiguousarray(rows)).cast("B")  # type: ignore[arg-type]  # an array is a buffer
        self._file.write(data)
        self._whole.update(data)
        while data:
            part = data[: BLOCK - self._size % BLOCK]
            self._block = zlib.crc32(part, self._block)
            self._size += len(part)
            data = data[len(part) :]
            if self._size % BLOCK == 0:
                self._digests.append(self._block)
                self._block = 0

    def finish(self, y: Labels, *, source: str, notes: Mapping[str, Any]) -> None:
        """Write targets and footer; ``source`` is the fingerprint of what was decoded."""
        if self._size % BLOCK:
            self._digests.append(self._block)
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
    found = read_stored(path, source=source, room=0)
    return None if found is None else found[0]


def read_stored(path: Path, *, source: str, room: int | None) -> tuple[Stored, Pixels | None] | None:
    """Return what ``open_stored`` does, and the samples ``(N, ...)`` where they fit into ``room`` bytes of memory.

    What is checked is what is returned, so nothing that happens to the file later can change it. ``room``: ``None``
    means that there is enough.
    """
    stored = just_written(path, source=source)
    if stored is not None:
        x = np.empty(stored.shape, dtype=np.uint8) if room is None or stored.size <= room else None
        if _is_sound(stored, x):
            return stored, x
    if stored is not None or (_footer(path) is None and path.exists()):
        log.warning("%s: damaged, so the images are decoded again", path)
    return None


def just_written(path: Path, *, source: str) -> Stored | None:
    """Return what ``open_stored`` does, without computing the checksums of the samples."""
    found = _footer(path)
    return found[0] if found is not None and found[1] == source else None


def read_all(stored: Stored) -> Pixels:
    """Return the samples in memory, ``(N, ...)``, checked as they are read."""
    x = np.empty(stored.shape, dtype=np.uint8)
    if not _is_sound(stored, x):
        raise StorageError(f"{stored.path}: was damaged or replaced while it was read; run the same command again")
    return x


def map_file(descriptor: int, stored: Stored) -> Pixels:
    """Return the samples mapped: pages are read when they are touched, writes stay private."""
    mapping = mmap.mmap(descriptor, stored.size, access=mmap.ACCESS_COPY)
    if hasattr(mmap, "MADV_RANDOM"):
        mapping.madvise(mmap.MADV_RANDOM)  # else each row brings in 128 KiB of its neighbors
    return np.frombuffer(mapping, dtype=np.uint8).reshape(stored.shape)


@contextmanager
def opened(stored: Stored) -> Iterator[int]:
    """Yield a descriptor of the file of ``stored``; raise a StorageError where it was replaced or removed since."""
    try:
        descriptor = os.open(stored.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise storage_error(stored.path, error) from error
    try:
        if _version(descriptor) != stored.version:
            raise StorageError(f"{stored.path}: was replaced while it was read; run the same command again")
        yield descriptor
    finally:
        os.close(descriptor)


def _version(file: int) -> tuple[int, int, int]:
    return (found := os.fstat(file)).st_ino, found.st_size, found.st_mtime_ns


def _footer(path: Path) -> tuple[Stored, str] | None:
    """Return what a file's end says, and the fingerprint of its source; ``None``: it is no whole cache file."""
    try:
        with path.open("rb") as file:
            file.seek(-_END.size, os.SEEK_END)
            end, version = file.tell(), _version(file.fileno())
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
    made = Stored(path, shape, y, content["fingerprint"], content["notes"], tuple(content["blocks"]), version)
    return made, content["source"]


def _is_sound(stored: Stored, x: Pixels | None) -> bool:
    """Whether every block has its checksum; the samples are read into ``x``, if it is given."""
    whole = None if x is None else memoryview(x).cast("B")  # type: ignore[arg-type]  # as above

    def check(worker: int) -> bool:
        buffer = memoryview(bytearray(0 if whole else min(PIECE, stored.size)))
        with opened(stored) as descriptor, open(descriptor, "rb", buffering=0, closefd=False) as file:
            for index in range(worker, len(stored.blocks), workers):
                at, end, found = index * BLOCK, min((index + 1) * BLOCK, stored.size), 0
                file.seek(at)
                while at < end:
                    size = min(end - at, PIECE)
                    part = whole[at : at + size] if whole else buffer[:size]
                    read = file.readinto(part)
                    if not read:
                        return False
                    found, at = zlib.crc32(part[:read], found), at + read
                if found != stored.blocks[index]:
                    return False
        return True

    workers = min(cores(), max(1, len(stored.blocks)), 8)
    if len(stored.blocks) != -(-stored.size // BLOCK):
        return False
    try:
        with ThreadPoolExecutor(workers) as pool:
            return all(pool.map(check, range(workers)))
    except (OSError, StorageError):
        return False


def _sweep(path: Path) -> None:
    """Remove what killed writers of this cache left behind."""
    for left in path.parent.glob(f".{path.name}.*{TEMPORARY}"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                left.unlink()
