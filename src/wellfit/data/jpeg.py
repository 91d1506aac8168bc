"""The short way for plain JPEG files: header and pixels without Pillow, whose Python costs more than a small image.

torchvision decodes with the same library (libjpeg-turbo) and gives the same pixels. What is not plain (EXIF, which may
turn an image; an Adobe marker, which may change its colors; several images; other than 8 bit; damage of any kind) is
left to ``picture``, which also finds the words for it.
"""

from __future__ import annotations

import importlib.util
import io
import os
import stat
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

MAX_PIXELS = 2**24
"""Pixels of an image that is decoded this way; of a larger one Pillow's own cost is nothing."""

MAX_BYTES = 2**26
"""Bytes of a file that is read whole to be decoded this way."""

MOST_ENCODED = 2**22
"""Bytes of files that are read before they are decoded, and one file more."""

_FLAGS = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Opening a named pipe must not wait for ever."""

_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
"""Markers of baseline, extended and progressive frames with Huffman codes."""

_PLAIN = frozenset({0xDB, 0xC4, 0xDD, 0xE0, 0xFE})
"""Markers that may stand before the frame: tables, restart interval, JFIF, comment."""


_MANY = """
def many(files: List[Tensor], modes: List[int], out: Tensor):
    for i in range(len(files)):
        found = torch.ops.image.decode_jpeg(files[i], modes[i], False)
        if found.size(1) != out.size(2) or found.size(2) != out.size(3):
            raise ValueError("another size than its header says")
        out[i] = found
"""
"""TorchScript runs without Python's lock: threads that decode one small image a call wait for that most of the time."""


@dataclass(frozen=True)
class Plain:
    """What the header of a plain JPEG says."""

    size: tuple[int, int]
    """``(height, width)``."""
    channels: int
    """1 (grey) or 3 (color)."""


class Decoder(Protocol):
    """Turns the bytes of a plain JPEG into its pixels."""

    def __call__(self, data: bytearray, header: Plain) -> npt.NDArray[np.uint8] | None:
        """Return uint8 ``(C, H, W)``; ``None``: it is damaged."""


def plain_bytes(source: Path | bytes) -> bytearray | None:
    """Return the content of a file that may be a plain JPEG; ``None``: another name, no regular file, too long."""
    if isinstance(source, bytes):
        return bytearray(source)
    if source.suffix.lower() not in (".jpg", ".jpeg"):
        return None
    try:
        descriptor = os.open(source, os.O_RDONLY | _FLAGS)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
            return None
        return bytearray(os.read(descriptor, status.st_size))
    except OSError:
        return None
    finally:
        os.close(descriptor)


def read_header(data: bytes | bytearray) -> Plain | None:
    """Return size and channels of a plain JPEG; ``None`` for everything else."""
    if data[:3] != b"\xff\xd8\xff":
        return None
    at, end = 2, len(data)
    while at + 9 < end and data[at] == 0xFF:
        marker, length = data[at + 1], data[at + 2] << 8 | data[at + 3]
        if marker in _FRAMES:
            height, width = data[at + 5] << 8 | data[at + 6], data[at + 7] << 8 | data[at + 8]
            channels = data[at + 9]
            plain = data[at + 4] == 8 and channels in (1, 3) and 0 < height * width <= MAX_PIXELS
            return Plain((height, width), channels) if plain else None
        if marker not in _PLAIN:
            return None
        at += 2 + length
    return None


@cache
def decoder() -> Decoder | None:
    """Return the decoder; ``None`` where torchvision has no such library, or it gives other pixels than Pillow.

    The library is loaded alone: to import torchvision as a whole takes seconds.
    """
    found = importlib.util.find_spec("torchvision")
    places = found.submodule_search_locations if found is not None else None
    library = next(
        (p for folder in places or () for p in sorted(Path(folder).glob("image*.*")) if _is_library(p)), None
    )
    try:
        if library is not None:
            torch.ops.load_library(str(library))  # type: ignore[no-untyped-call]
            if _agrees(_decode):
                return _decode
    except (OSError, RuntimeError, AttributeError, TypeError):  # another version of the library
        pass
    return None


def plain_files(
    sources: Sequence[Path | bytes], size: tuple[int, int], channels: int
) -> dict[int, tuple[bytearray, Plain]]:
    """Return by index the plain JPEGs of a size and no more channels; Pillow must see the others."""
    found: dict[int, tuple[bytearray, Plain]] = {}
    total = 0
    for i, source in enumerate(sources):
        if total > MOST_ENCODED:  # small images in large files
            break
        data = plain_bytes(source)
        header = None if data is None else read_header(data)
        if data is not None and header is not None and header.size == size and header.channels <= channels:
            total += len(data)
            found[i] = data, header
    return found


def decode_plain(plain: Mapping[int, tuple[bytearray, Plain]], out: npt.NDArray[np.uint8]) -> bool:
    """Decode what ``plain_files`` found into its places of ``out``, uint8 ``(n, C, H, W)``, all in one call; grey ones
    fill all channels.

    False: this cannot be had here, or one of them is damaged; ``out`` then holds anything.
    """
    files, headers = zip(*plain.values(), strict=True)
    if len(plain) == len(out):
        return _decode_many(files, headers, out)
    made = np.empty((len(plain), *out.shape[1:]), dtype=np.uint8)
    done = _decode_many(files, headers, made)
    out[list(plain)] = made
    return done


def _decode_many(files: Sequence[bytearray], headers: Sequence[Plain], out: npt.NDArray[np.uint8]) -> bool:
    script = _script() if decoder() is not None else None
    if script is None:
        return False
    tensors = [torch.frombuffer(data, dtype=torch.uint8) for data in files]
    try:
        script.many(tensors, [_mode(header) for header in headers], torch.from_numpy(out))
    except RuntimeError:
        return False
    return True


@cache
def _script() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is deprecated; where it is gone, images are decoded one a call
            return torch.jit.CompilationUnit(_MANY)
    except (RuntimeError, AttributeError, TypeError):
        return None


def _mode(header: Plain) -> int:
    return 1 if header.channels == 1 else 3  # torchvision.io.ImageReadMode: GRAY, RGB


def _is_library(path: Path) -> bool:
    return path.suffix in (".so", ".pyd", ".dylib")


def _decode(data: bytearray, header: Plain) -> npt.NDArray[np.uint8] | None:
    try:
        found: npt.NDArray[np.uint8] = torch.ops.image.decode_jpeg(
            torch.frombuffer(data, dtype=torch.uint8), _mode(header), False
        ).numpy()
    except RuntimeError:
        return None
    return found if found.shape == (header.channels, *header.size) else None


def _agrees(decode: Decoder) -> bool:
    """Whether a decoder gives Pillow's pixels of an image with coarse colors, which decoders smooth in several ways."""
    pixels = np.random.default_rng(0).integers(0, 256, (19, 23, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", subsampling=2)
    found = decode(bytearray(file.getvalue()), Plain((19, 23), 3))
    return found is not None and np.array_equal(found.transpose(1, 2, 0), np.asarray(Image.open(file)))
