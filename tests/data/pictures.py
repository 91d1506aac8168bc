"""Tiny image folders for the tests."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]


def grey(value: int, size: tuple[int, int] = (4, 5)) -> Pixels:
    """A grey image ``(H, W)`` whose pixels differ, so a mistake in its orientation shows."""
    height, width = size
    return ((np.arange(height * width).reshape(height, width) + value) % 256).astype(np.uint8)


def color(value: int, size: tuple[int, int] = (4, 5)) -> Pixels:
    """A color image ``(H, W, 3)``."""
    return np.stack([grey(value, size), grey(value + 50, size), grey(value + 90, size)], axis=2)


def save(path: Path, pixels: Pixels) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def folder(root: Path, classes: tuple[str, ...] = ("cat", "dog"), each: int = 3) -> Path:
    """``root/<class>/<i>.png``, grey."""
    for index, name in enumerate(classes):
        for i in range(each):
            save(root / name / f"{i}.png", grey(100 * index + i))
    return root
