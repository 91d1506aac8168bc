"""The idx files of MNIST and kin: ``<part>-images-idx3-ubyte`` and ``<part>-labels-idx1-ubyte``, gzipped or plain."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wellfit.data.memory import check_memory
from wellfit.data.naming import shown
from wellfit.errors import DataError

STEMS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
"""Images and labels of train, then of test."""

Bytes = npt.NDArray[np.uint8]


def find_idx(folder: Path) -> list[Path] | None:
    """Return the four files of a folder in the order of STEMS; ``None`` where it holds none of them.

    Raises
    ------
    DataError
        Some are there and others are missing.

    """
    found = [next((p for p in (folder / f"{stem}.gz", folder / stem) if p.is_file()), None) for stem in STEMS]
    there = [path for path in found if path is not None]
    if there and len(there) < len(STEMS):
        missing = STEMS[found.index(None)]
        raise DataError(shown(folder), f"'{missing}.gz' is missing", "all four idx files")
    return there or None


def read_idx_set(files: list[Path]) -> tuple[Bytes, npt.NDArray[np.int64], int]:
    """Read the four files of STEMS: images uint8 ``(N, 1, H, W)``, labels ``(N,)``, and how many at the end are test.

    Raises
    ------
    DataError
        A damaged file, or images and labels of different numbers.

    """
    with ThreadPoolExecutor(len(files)) as pool:
        train_x, train_y, test_x, test_y = pool.map(read_idx, files)
    for images, labels, path in ((train_x, train_y, files[0]), (test_x, test_y, files[2])):
        if images.ndim != 3 or labels.shape != images.shape[:1]:
            what = f"images of shape {images.shape} with labels of shape {labels.shape}"
            raise DataError(shown(path), what, "images (N, H, W) with as many labels (N,)")
    if train_x.shape[1:] != test_x.shape[1:]:
        raise DataError(shown(files[2]), f"images of {test_x.shape[1:]}", f"the size of train, {train_x.shape[1:]}")
    x = np.concatenate([train_x, test_x])[:, None]
    return x, np.concatenate([train_y, test_y]).astype(np.int64), len(test_y)


def read_idx(path: Path) -> Bytes:
    """Read one idx file of bytes: two zeros, type 8, number of dimensions, each dimension as big-endian uint32, the
    data.

    Raises
    ------
    DataError
        It is no idx file of bytes, is truncated, or goes on after its data.

    """
    where = shown(path)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            head = file.read(4)
            if len(head) < 4 or head[:3] != b"\0\0\x08" or not 1 <= head[3] <= 3:
                raise DataError(where, f"starts with {head!r}", "an idx file of unsigned bytes")
            shape = struct.unpack(f">{head[3]}I", file.read(4 * head[3]))
            size = math.prod(shape)
            check_memory(where, size, expected="an undamaged idx file")
            data = file.read(size)
            surplus = file.read(1)
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise DataError(
            where, f"damaged or truncated ({type(error).__name__})", "an idx file of unsigned bytes"
        ) from None
    if len(data) != size or surplus:
        raise DataError(
            where, f"its header claims {size:,} bytes of data, it holds {len(data):,}", "an undamaged idx file"
        )
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)
