"""Encoded images to one uint8 tensor, over all cores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from wellfit.data.memory import check_memory
from wellfit.data.picture import (
    FORMATS,
    BadImageError,
    Picture,
    Pixels,
    Size,
    is_grey,
    opened,
    pillow_quiet,
    pixels,
    resized,
    upright_size,
)
from wellfit.errors import DataError

CHUNK = 128
"""Images that a thread takes at a time."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """Images uint8 ``(N, C, H, W)``, which of the pictures they are, and a message for each that was left out."""

    x: Tensor
    kept: tuple[int, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class _Layout:
    channels: int
    size: Size
    resize: bool
    reference: str
    """What has that size, for messages."""
    advice: str
    may_widen: bool
    """Whether a color image makes all of them RGB."""


class _OtherSizeError(Exception):
    def __init__(self, picture: Picture, size: Size) -> None:
        self.picture, self.size = picture, size


class _ColorError(Exception):
    pass


def decode(
    pictures: Sequence[Picture],
    *,
    where: str,
    size: Size | None = None,
    like: tuple[int, int, int] | None = None,
    skip_bad: bool = False,
) -> Decoded:
    """Decode pictures into one tensor, in their order: grey if all are grey, else RGB (``picture.pixels`` says how).

    Parameters
    ----------
    pictures
        The encoded images.
    where
        The folder, for messages.
    size
        ``(height, width)`` to resize to; ``None``: all must have one size.
    like
        ``(C, H, W)`` of a model: images are converted to its channels, and must have its size where ``size`` is
        ``None``.
    skip_bad
        Leave out what is no image or is damaged, instead of raising for the first by order.

    Raises
    ------
    DataError
        The first damaged image; the first whose size differs; no image at all; more than memory holds.

    """
    with pillow_quiet():
        layout = _layout(pictures, where, size, like, skip_bad)
        try:
            return _decode_all(pictures, layout, where, skip_bad)
        except _ColorError:
            return _decode_all(pictures, replace(layout, channels=3, may_widen=False), where, skip_bad)


def resize_images(x: Tensor, size: Size) -> Tensor:
    """Resize uint8 ``(N, C, H, W)`` with the filter that files are resized with."""
    if tuple(x.shape[2:]) == size:
        return x
    check_memory("data.size", x.shape[0] * x.shape[1] * size[0] * size[1], expected="a smaller size")
    made = torch.empty((*x.shape[:2], *size), dtype=torch.uint8)
    source, target = x.numpy(), made.numpy()

    def rows(start: int) -> None:
        for i in range(start, min(start + CHUNK, len(source))):
            for channel in range(source.shape[1]):
                target[i, channel] = np.asarray(resized(Image.fromarray(source[i, channel]), size))

    with ThreadPoolExecutor(_cores()) as pool:
        list(pool.map(rows, range(0, len(source), CHUNK)))
    return made


def to_channels(x: Tensor, channels: int) -> Tensor:
    """Turn uint8 ``(N, C, H, W)`` of grey into RGB (repeated), or RGB into grey (ITU-R 601 luma, as Pillow rounds)."""
    if x.shape[1] == channels:
        return x
    if channels == 3:
        return x.expand(-1, 3, -1, -1).contiguous()
    weights = torch.tensor([19595, 38470, 7471], dtype=torch.int32).view(1, 3, 1, 1)  # of 2 ** 16
    chunks = [((block.int() * weights).sum(1, keepdim=True) + 0x8000) >> 16 for block in torch.split(x, 1024)]
    return torch.cat([chunk.to(torch.uint8) for chunk in chunks])


def _layout(
    pictures: Sequence[Picture], where: str, size: Size | None, like: tuple[int, int, int] | None, skip_bad: bool
) -> _Layout:
    """Take the layout from the model, or from the first picture whose header can be read."""
    if like is not None:
        advice = "that size, or a model trained with data.size, which resizes"
        return _Layout(like[0], size or like[1:], size is not None, "the model's input", advice, may_widen=False)
    for picture in pictures:
        try:
            with opened(picture) as image:
                grey, found = is_grey(image), upright_size(image)
        except BadImageError as error:
            if not skip_bad:
                raise _bad(picture, str(error)) from None
        else:
            advice = "one size, or data.size: [height, width] to resize all"
            return _Layout(1 if grey else 3, size or found, size is not None, picture.name, advice, may_widen=grey)
    raise DataError(where, f"none of its {len(pictures)} files is an image", f"images ({', '.join(FORMATS)})")


def _decode_all(pictures: Sequence[Picture], layout: _Layout, where: str, skip_bad: bool) -> Decoded:
    shape = (len(pictures), layout.channels, *layout.size)
    advice = "a smaller data.size" if layout.resize else "data.size: [height, width] to resize all"
    check_memory(where, shape[0] * shape[1] * shape[2] * shape[3], expected=advice)
    x = torch.empty(shape, dtype=torch.uint8)
    bad: dict[int, str] = {}
    pool = ThreadPoolExecutor(_cores())
    try:
        chunks: list[Future[dict[int, str]]] = [
            pool.submit(_decode_chunk, pictures, start, x.numpy(), layout, skip_bad)
            for start in range(0, len(pictures), CHUNK)
        ]
        for chunk in chunks:  # in the order of the pictures, so it is the first by name that is named
            bad |= chunk.result()
            if bad and not skip_bad:
                index, text = min(bad.items())
                raise _bad(pictures[index], text)
    except _OtherSizeError as error:
        (height, width), (other_height, other_width) = layout.size, error.size
        what = f"an image of {other_height} x {other_width}, where {layout.reference} has {height} x {width}"
        raise DataError(error.picture.name, what, layout.advice) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    kept = tuple(i for i in range(len(pictures)) if i not in bad)
    if not kept:
        raise DataError(where, f"none of its {len(pictures)} files is an image", f"images ({', '.join(FORMATS)})")
    skipped = tuple(f"{pictures[i].name}: {text}" for i, text in sorted(bad.items()))
    return Decoded(x[torch.tensor(kept)] if bad else x, kept, skipped)


def _decode_chunk(
    pictures: Sequence[Picture], start: int, out: Pixels, layout: _Layout, skip_bad: bool
) -> dict[int, str]:
    """Decode up to CHUNK pictures into ``out``; return what is bad. Raises for a size or color that does not fit."""
    bad: dict[int, str] = {}
    for i in range(start, min(start + CHUNK, len(pictures))):
        try:
            with opened(pictures[i]) as image:
                if layout.may_widen and not is_grey(image):
                    raise _ColorError
                if not layout.resize and upright_size(image) != layout.size:
                    raise _OtherSizeError(pictures[i], upright_size(image))
                out[i] = pixels(image, channels=layout.channels, size=layout.size if layout.resize else None)
        except BadImageError as error:
            bad[i] = str(error)
            if not skip_bad:
                break
    return bad


def _bad(picture: Picture, text: str) -> DataError:
    return DataError(picture.name, text, "an image, or data.skip_bad to leave it out")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
