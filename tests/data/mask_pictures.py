"""Tiny folders of images and masks for the tests."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.data.pictures import color, grey, save

Values = npt.NDArray[Any]


def labels(seed: int, size: tuple[int, int] = (6, 7), values: tuple[int, ...] = (0, 1, 2)) -> npt.NDArray[np.uint8]:
    """A mask ``(H, W)`` that holds each of the values."""
    found = np.random.default_rng(seed).choice(np.array(values, dtype=np.uint8), size)
    found.flat[: len(values)] = values
    return found


def pair(root: Path, name: str, mask: Values, *, images: str = "images", masks: str = "masks") -> None:
    """``root/images/<name>.png`` in color, with its mask."""
    save(root / images / f"{name}.png", color(len(name) * 7 + sum(name.encode()), mask.shape[:2]))
    save(root / masks / f"{name}.png", mask)


def pairs(root: Path, count: int = 5, values: tuple[int, ...] = (0, 1, 2), **folders: str) -> list[Values]:
    """``count`` pairs; returns their masks by the names of the images."""
    made = [labels(i, values=values) for i in range(count)]
    for i, mask in enumerate(made):
        pair(root, f"p{i}", mask, **folders)
    return made


def packed_grey_png(path: Path, values: Values, bits: int) -> None:
    """A grey PNG of 2 or 4 bit, which Pillow reads but does not write; the width must fill whole bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    each = 8 // bits
    grouped = values.reshape(len(values), -1, each).astype(np.uint8)
    rows = sum(grouped[..., i] << (8 - bits * (i + 1)) for i in range(each))
    body = zlib.compress(b"".join(b"\0" + bytes(row) for row in np.asarray(rows, dtype=np.uint8)))
    head = struct.pack(">IIBBBBB", values.shape[1], len(values), bits, 0, 0, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b""))


def palette_png(path: Path, values: Values, *, shift: int = 0) -> None:
    """A palette PNG whose colors say nothing about its indices."""
    image = Image.fromarray(values.astype(np.uint8)).convert("P")
    image.putdata(values.reshape(-1).tolist())
    image.putpalette([(200 + shift - 3 * i) % 256 for i in range(768)])
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


__all__ = ["color", "grey", "labels", "packed_grey_png", "pair", "pairs", "palette_png", "save"]
