"""Masks: the value of each pixel as it stands in the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from wellfit.data.naming import shown
from wellfit.data.picture import BadImageError, Picture, Pixels, Size, opened

LOSSY = ("JPEG", "MPO", "WEBP")
"""Formats that change values: a mask of 0 and 1 comes back with others at its edges."""

MOST = 254
"""Classes that masks may have."""

BAND = 2**20
"""Pixels that are looked at at a time: counting widens them."""


@dataclass(frozen=True, eq=False)
class Mask:
    """One decoded mask."""

    index: Pixels
    """uint8 ``(H, W)``: for each pixel the place of its value in ``values``."""
    values: tuple[int, ...]
    """The distinct values of the file, ascending; a color is 65536 red + 256 green + blue."""
    counts: tuple[int, ...]
    """Pixels of each value."""
    is_color: bool
    shown_as: Mapping[int, int]
    """The color that a palette gives each value; empty without a palette."""


def read_mask(picture: Picture, *, like: Size | None = None) -> Mask:
    """Decode a mask: grey of 1 to 32 bit by its values, a palette by its indices (never its colors), RGB by its colors;
    GIF too, whose indices change when it is saved again. Alpha is dropped.

    Parameters
    ----------
    picture
        The encoded mask.
    like
        Height and width of its image.

    Raises
    ------
    BadImageError
        No image or a damaged one, a lossy format, another size than ``like``, floating-point pixels, or more distinct
        values than classes may be.

    """
    with opened(picture) as image:
        kind = str(image.format)
        if kind in LOSSY or image.info.get("compression") == "jpeg":
            raise BadImageError(f"a mask saved as {kind.replace('MPO', 'JPEG')}, which smears values")
        try:
            values, palette = _values(image)
        except Exception as error:  # damaged bytes raise nearly anything
            raise BadImageError(f"a damaged mask ({shown(str(error), longest=80)})") from None
    if like is not None and values.shape[:2] != like:
        (height, width), (wanted_height, wanted_width) = values.shape[:2], like
        raise BadImageError(f"a mask of {height} x {width}, its image has {wanted_height} x {wanted_width}")
    found, counts = _distinct(values)
    if len(found) > MOST + 1:
        raise BadImageError(f"more than {MOST} distinct values: no mask of classes")
    index = np.empty(values.shape[:2], dtype=np.uint8)
    known = np.array(found)
    table = None
    if _is_small(values):
        table = np.zeros(256, dtype=np.uint8)
        table[known] = np.arange(len(known))
    for part in _bands(values):
        index[part] = (
            np.searchsorted(known, _codes(values[part])) if table is None else table[values[part].astype(np.uint8)]
        )
    colors = {v: int(_codes(palette[v : v + 1][None])[0, 0]) for v in found if palette is not None and v < len(palette)}
    return Mask(index, found, counts, values.ndim == 3, colors)


def resized_mask(index: Pixels, size: Size) -> Pixels:
    """Resize ``(H, W)`` by nearest neighbor, whose centers are those of the images' filter."""
    if index.shape == size:
        return index
    made: Pixels = np.asarray(Image.fromarray(index).resize((size[1], size[0]), Image.Resampling.NEAREST))
    return made


def _values(image: Image.Image) -> tuple[npt.NDArray[Any], Pixels | None]:
    """Return the pixels as they stand in the file, ``(H, W)`` or of colors ``(H, W, 3)``, and a palette ``(n, 3)``."""
    tiles = getattr(image, "tile", None) or [None]
    raw = str(tiles[0][-1]) if tiles[0] is not None else ""
    image.load()
    if image.format == "GIF":
        image = image.convert("RGB")
    found, mode = np.asarray(image), image.mode
    if mode in ("RGB", "RGBX", "RGBA"):
        return found[..., :3], None
    if mode in ("P", "PA"):
        palette = np.array(image.getpalette("RGB"), dtype=np.uint8).reshape(-1, 3)
        return found if mode == "P" else found[..., 0], palette
    if mode in ("LA", "La"):
        return found[..., 0], None
    if mode not in ("1", "L", "I") and not mode.startswith("I;16"):
        raise ValueError("floating-point pixels" if mode == "F" else f"pixels of the kind {mode}")
    if mode == "L" and image.format == "PNG" and raw in ("L;2", "L;4"):
        return found // (85 if raw == "L;2" else 17), None  # Pillow spreads 2 and 4 bit over 0..255
    if found.dtype.kind == "i" and found.size and found.min() < 0:
        raise ValueError("negative values")
    return found, None


def _is_small(values: npt.NDArray[Any]) -> bool:
    """Whether there are few enough possible values to count them in a table."""
    return values.ndim == 2 and values.dtype.itemsize == 1


def _bands(values: npt.NDArray[Any]) -> list[slice]:
    step = max(1, BAND // max(1, values.shape[1]))
    return [slice(start, start + step) for start in range(0, len(values), step)]


def _codes(band: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return one number a pixel."""
    wide = band.astype(np.int64)
    return wide if wide.ndim == 2 else (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]


def _distinct(values: npt.NDArray[Any]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the distinct values, ascending, and how often each stands there; too many end it early."""
    counts: dict[int, int] = {}
    for part in _bands(values):
        if _is_small(values):
            whole = np.bincount(values[part].ravel(), minlength=256)
            found = np.flatnonzero(whole)
            often = whole[found]
        else:
            found, often = np.unique(_codes(values[part]), return_counts=True)
        for value, count in zip(found.tolist(), often.tolist(), strict=True):
            counts[value] = counts.get(value, 0) + count
        if len(counts) > MOST + 1:
            break
    ordered = sorted(counts)
    return tuple(ordered), tuple(counts[value] for value in ordered)
