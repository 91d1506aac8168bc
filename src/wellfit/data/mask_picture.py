"""Predicted classes as a picture: masks as those that the network was trained on."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from wellfit.data.overlay import COLORS
from wellfit.data.picture import Size

_COLOR = re.compile(r"#[0-9a-f]{6}")


def mask_png(mask: npt.NDArray[np.uint8], classes: Sequence[str], *, size: Size | None = None) -> bytes:
    """Return a PNG of a mask of class indices uint8 (H, W), resized to ``size`` by nearest neighbor.

    Where the classes are called by values of masks (``masks.classes_of``) it holds these: numbers as grey of 8 or 16
    bit, ``#rrggbb`` as colors. Else it holds the indices, with a palette in which each class has a color of its own.
    """
    if all(_COLOR.fullmatch(name) for name in classes):
        colors = np.array([[int(name[at : at + 2], 16) for at in (1, 3, 5)] for name in classes], dtype=np.uint8)
        picture = Image.fromarray(colors[mask])
    elif all(name.isdecimal() and int(name) < 2**16 for name in classes):
        values = np.array([int(name) for name in classes])
        picture = Image.fromarray(values[mask].astype(np.uint8 if values.max() < 256 else np.uint16))
    else:
        picture = Image.fromarray(mask)
        picture.putpalette([0, 0, 0, *(part for index in range(255) for part in COLORS[index % len(COLORS)])])
    if size is not None:
        picture = picture.resize((size[1], size[0]), Image.Resampling.NEAREST)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
