"""One encoded image: its header, and its pixels in 8 bit. The only place where Pillow opens something."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from wellfit.data.naming import shown

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "GIF")
"""The only decoders that are tried: others of Pillow run programs (EPS) or read other files."""

MAX_PIXELS = 89_478_485
"""Pixels of one image: more is an absurd header or a decompression bomb (the limit at which Pillow warns)."""

_FILTERS = threading.Lock()

Pixels = npt.NDArray[np.uint8]
Size = tuple[int, int]
"""``(height, width)``."""


@dataclass(frozen=True)
class Picture:
    """An encoded image: a file, or its bytes; ``name`` stands in messages."""

    name: str
    source: Path | bytes


class BadImageError(Exception):
    """No image, or a damaged one; the text says what."""


@contextmanager
def opened(picture: Picture) -> Iterator[Image.Image]:
    """Open a picture and check its header; nothing is decoded yet.

    Raises
    ------
    BadImageError
        No regular file, no image of FORMATS, a damaged header, or more pixels than MAX_PIXELS.

    """
    if isinstance(picture.source, Path) and not picture.source.is_file():
        raise BadImageError("not a regular file")  # opening a named pipe would wait for ever
    source = io.BytesIO(picture.source) if isinstance(picture.source, bytes) else picture.source
    try:
        image = Image.open(source, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadImageError(f"its header claims too many pixels (at most {MAX_PIXELS:,} are read)") from None
    except UnidentifiedImageError:
        raise BadImageError(f"not an image ({', '.join(FORMATS)})") from None
    except PermissionError:
        raise BadImageError("may not be read (permission denied)") from None
    except Exception as error:  # a parser fed with damaged bytes raises nearly anything
        raise BadImageError(f"a damaged image ({_reason(error)})") from None
    with image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise BadImageError(f"its header claims {height} x {width} pixels (at most {MAX_PIXELS:,} are read)")
        yield image


def is_grey(image: Image.Image) -> bool:
    """Whether an image holds shades of grey only, by its mode: 1, 8, 16 or 32 bit, with or without alpha."""
    return image.mode in ("1", "L", "LA", "La", "I") or image.mode.startswith("I;16")


def upright_size(image: Image.Image) -> Size:
    """Return height and width after the EXIF orientation."""
    width, height = image.size
    return (width, height) if _orientation(image) in (5, 6, 7, 8) else (height, width)


def pixels(image: Image.Image, *, channels: int, size: Size | None) -> Pixels:
    """Return the pixels as uint8 ``(channels, H, W)``: upright, converted to grey or RGB, resized to ``size``.

    16 bit becomes 8 bit by rounding v / 257; a palette is looked up; alpha is dropped (as torchvision's ImageFolder
    does).

    Raises
    ------
    BadImageError
        The data is damaged or truncated, or its kind cannot be had in 8 bit.

    """
    try:
        image.load()
        turned = ImageOps.exif_transpose(image) if _orientation(image) != 1 else image
        converted = _converted(turned, "L" if channels == 1 else "RGB")
        found = np.asarray(converted if size is None else resized(converted, size))
    except Exception as error:  # as above
        raise BadImageError(f"a damaged image ({_reason(error)})") from None
    return found[None] if channels == 1 else found.transpose(2, 0, 1)


def resized(image: Image.Image, size: Size) -> Image.Image:
    """Resize an 8-bit image: bilinear, antialiased where it shrinks."""
    height, width = size
    return image.resize((width, height), Image.Resampling.BILINEAR)


@contextmanager
def pillow_quiet() -> Iterator[None]:
    """Silence Pillow's warnings on damaged metadata and make its bomb warning an error, in all threads.

    Python keeps its warning filters per process: one at a time may change them, or they are restored wrongly.
    """
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _orientation(image: Image.Image) -> int:
    # PNG is left out: Pillow decodes the whole image to look for its EXIF. TIFF is turned by Pillow itself.
    if image.format not in ("JPEG", "MPO", "WEBP"):
        return 1
    try:
        found = image.getexif().get(0x0112, 1)
    except Exception:  # damaged EXIF is no reason to refuse an image
        return 1
    return found if isinstance(found, int) else 1


def _converted(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == "I" or image.mode.startswith("I;16"):
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("values beyond 16 bit")
        # Pillow would clip 16 bit to 255 instead of scaling
        image = Image.fromarray(((values + 128) // 257).astype(np.uint8))
    elif image.mode == "F":
        raise ValueError("floating-point pixels")
    elif image.mode in ("P", "PA"):
        image = image.convert("RGBA")  # Pillow asks for this step where the transparency is given as bytes
    return image.convert(mode)


def _reason(error: Exception) -> str:
    return shown(str(error) or type(error).__name__, longest=80)
