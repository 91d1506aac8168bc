"""Files that are replaced whole: a kill leaves the old file or the new one, and a full disk is said in one line."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from wellfit.errors import StorageError

TEMPORARY = ".wellfit-tmp"
"""How the names of files end that are being written."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a new path beside ``path`` to write to; at the end it takes the place of ``path`` in one step.

    If anything is raised inside, ``path`` stays as it was. Missing folders are made.

    Raises
    ------
    StorageError
        The disk is full, or the file cannot be written.

    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMPORARY}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _to_disk(temporary)  # before the rename: else a power cut may leave the new name with the data missing
        os.replace(temporary, path)
        _to_disk(path.parent)
    except OSError as error:
        raise storage_error(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write a whole file: at every moment ``path`` holds the old content or the new. Text is written as UTF-8.

    Raises
    ------
    StorageError
        The disk is full, or the file cannot be written.

    """
    # File names that are not UTF-8 hold surrogates; they get their bytes back.
    content = data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape")
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def storage_error(path: Path, error: OSError) -> StorageError:
    """Return what to raise when writing ``path`` failed."""
    if error.errno in FULL:
        return StorageError(f"{path}: the disk is full")
    return StorageError(f"{path}: cannot be written ({reason(error)})")


def reason(error: OSError) -> str:
    """Return the operating system's words, without path and number."""
    return error.strerror or type(error).__name__


def _to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
