"""Archives of known data sets, read in memory: nothing is extracted, so no member can write anywhere."""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from wellfit.data.decode import decode
from wellfit.data.naming import shown
from wellfit.data.picture import Picture
from wellfit.errors import DataError

Samples = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], int]
"""Images uint8 ``(N, C, H, W)``, labels ``(N,)``, and how many at the end are test."""

MOST_BYTES = 2**30
"""Bytes that an archive may hold, uncompressed; known ones hold less, but a small file may grow to any size."""

CIFAR_PARTS = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")
CIFAR_RECORD = 1 + 3 * 32 * 32
"""Bytes of a sample: its label, then the red, green and blue plane."""


def read_image_archive(path: Path, classes: tuple[str, ...]) -> Samples:
    """Decode an archive of ``train/<class>/<image>`` and ``test/<class>/<image>``; train first, both in the order of
    names.

    Raises
    ------
    DataError
        A damaged archive or image, a class that is not one of ``classes``, or no images in a part.

    """
    pictures, y, test = archive_pictures(path, classes)
    return decode(pictures, where=shown(path)).x.numpy(), y, test


def archive_pictures(path: Path, classes: tuple[str, ...]) -> tuple[list[Picture], npt.NDArray[np.int64], int]:
    """Return what ``read_image_archive`` does, with the images still encoded."""
    where = shown(path)
    found: list[tuple[str, str, str, bytes]] = []
    for name, data in members(path).items():
        parts = PurePosixPath(name).parts[-3:]
        if len(parts) == 3 and parts[0] in ("train", "test") and not parts[2].startswith("."):
            if parts[1] not in classes:
                raise DataError(where, f"holds the class '{shown(parts[1])}'", f"the classes {', '.join(classes)}")
            found.append((*parts, data))
    found.sort(key=lambda entry: (entry[0] != "train", entry[1], entry[2]))
    test = sum(part == "test" for part, _, _, _ in found)
    if not test or test == len(found):
        raise DataError(where, "holds no images in train or in test", "train/<class>/<image> and test/<class>/<image>")
    pictures = [Picture(f"{where}, {shown('/'.join(entry[:3]))}", entry[3]) for entry in found]
    return pictures, np.array([classes.index(entry[1]) for entry in found], dtype=np.int64), test


def read_cifar_binary(path: Path) -> Samples:
    """Read the binary version of CIFAR-10 (Krizhevsky 2009), which needs no pickle.

    Raises
    ------
    DataError
        A damaged archive, or one without the six files of the binary version.

    """
    files = {PurePosixPath(name).name: data for name, data in members(path).items()}
    missing = [name for name in CIFAR_PARTS if not files.get(name) or len(files[name]) % CIFAR_RECORD]
    if missing:
        raise DataError(shown(path), f"'{missing[0]}' is missing or damaged", "CIFAR-10, binary version")
    records = np.frombuffer(b"".join(files[name] for name in CIFAR_PARTS), dtype=np.uint8).reshape(-1, CIFAR_RECORD)
    x = np.ascontiguousarray(records[:, 1:]).reshape(-1, 3, 32, 32)
    return x, records[:, 0].astype(np.int64), len(files[CIFAR_PARTS[-1]]) // CIFAR_RECORD


def members(path: Path, wanted: Callable[[str], bool] = lambda name: True) -> dict[str, bytes]:
    """Return the regular files of a tar archive by name, in memory; links, devices and folders are passed over.

    Raises
    ------
    DataError
        A damaged archive, or one that holds (or claims) more than MOST_BYTES.

    """
    where = shown(path)
    found: dict[str, bytes] = {}
    total = 0
    try:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                archive.members = []  # type: ignore[attr-defined]  # else it keeps a kilobyte of each
                total += tarfile.BLOCKSIZE + max(member.size, 0)  # a header takes a block, even of an empty member
                if total > MOST_BYTES:
                    raise DataError(where, f"holds more than {MOST_BYTES:,} bytes", "the archive of a known data set")
                if not member.isfile() or not wanted(member.name):
                    continue
                stream = archive.extractfile(member)
                if stream is not None:
                    found[member.name] = stream.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError, UnicodeError) as error:
        raise DataError(where, f"damaged or truncated ({type(error).__name__})", "a tar archive") from None
    return found
