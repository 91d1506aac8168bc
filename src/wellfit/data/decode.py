"""Encoded images to one uint8 tensor, over all cores."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from wellfit.data.jpeg import Decoder, decode_plain, decoder, plain_files
from wellfit.data.memory import check_memory, cores
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
"""Images that a thread takes at a time, at most."""

CHUNK_BYTES = 2**20
"""Bytes of decoded images that a thread takes at a time; one image may have more."""

WAITING = 4
"""Chunks a core that are decoded before the first of them is taken."""

SHORT_WAY = 256
"""Pictures from which loading the faster decoder pays (``jpeg.decoder``)."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """Images uint8 ``(N, C, H, W)``, which of the pictures they are, and a message for each that was left out."""

    x: Tensor
    kept: tuple[int, ...]
    skipped: tuple[str, ...]


class Sink(Protocol):
    """Where decoded images go, in order."""

    def begin(self, count: int, row: tuple[int, ...], *, where: str, advice: str) -> None:
        """Make ready for up to ``count`` images ``row``; what came before is dropped."""

    def write(self, rows: Pixels) -> None:
        """Take the next images ``(n, C, H, W)``."""


class Memory:
    """A sink that keeps the images in one tensor."""

    def begin(self, count: int, row: tuple[int, ...], *, where: str, advice: str) -> None:
        """Take the memory, if the machine has so much."""
        check_memory(where, count * math.prod(row), expected=advice)
        self._x, self._filled = torch.empty((count, *row), dtype=torch.uint8), 0

    def write(self, rows: Pixels) -> None:
        """Copy the images behind those that are there."""
        self._x.numpy()[self._filled : self._filled + len(rows)] = rows
        self._filled += len(rows)

    def images(self) -> Tensor:
        """Return what was written."""
        return self._x if self._filled == len(self._x) else self._x[: self._filled].clone()


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
    memory = Memory()
    kept, skipped = decode_into(memory, pictures, where=where, size=size, like=like, skip_bad=skip_bad)
    return Decoded(memory.images(), kept, skipped)


def decode_into(
    sink: Sink,
    pictures: Sequence[Picture],
    *,
    where: str,
    size: Size | None = None,
    like: tuple[int, int, int] | None = None,
    skip_bad: bool = False,
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Decode pictures as ``decode`` does, a chunk after the other into a sink; return which, and what was left out."""
    with pillow_quiet():
        layout = _layout(pictures, where, size, like, skip_bad)
        fast = decoder() if len(pictures) >= SHORT_WAY and not layout.resize else None
        try:
            return _decode_all(sink, pictures, layout, where, skip_bad, fast)
        except _ColorError:
            layout = replace(layout, channels=3, may_widen=False)
            return _decode_all(sink, pictures, layout, where, skip_bad, fast)


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

    with ThreadPoolExecutor(cores()) as pool:
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


def _decode_all(
    sink: Sink, pictures: Sequence[Picture], layout: _Layout, where: str, skip_bad: bool, fast: Decoder | None
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    advice = "a smaller data.size" if layout.resize else "data.size: [height, width] to resize all"
    sink.begin(len(pictures), (layout.channels, *layout.size), where=where, advice=advice)
    bad: dict[int, str] = {}
    try:
        for start, rows, wrong in _chunks(pictures, layout, skip_bad, fast):
            if wrong and not skip_bad:  # chunks come in order, so it is the first by name that is named
                index, text = min(wrong.items())
                raise _bad(pictures[index], text)
            bad |= wrong
            sink.write(np.delete(rows, [index - start for index in wrong], axis=0) if wrong else rows)
    except _OtherSizeError as error:
        (height, width), (other_height, other_width) = layout.size, error.size
        what = f"an image of {other_height} x {other_width}, where {layout.reference} has {height} x {width}"
        raise DataError(error.picture.name, what, layout.advice) from None
    kept = tuple(i for i in range(len(pictures)) if i not in bad)
    if not kept:
        raise DataError(where, f"none of its {len(pictures)} files is an image", f"images ({', '.join(FORMATS)})")
    return kept, tuple(f"{pictures[i].name}: {text}" for i, text in sorted(bad.items()))


def _chunks(
    pictures: Sequence[Picture], layout: _Layout, skip_bad: bool, fast: Decoder | None
) -> Iterator[tuple[int, Pixels, dict[int, str]]]:
    """Yield stretches of decoded pictures in order: the first's index, the images, and what is bad by index.

    All cores decode, a few chunks ahead of the one that is taken, so memory holds these and no more.
    """
    step = min(CHUNK, max(1, CHUNK_BYTES // max(1, layout.channels * layout.size[0] * layout.size[1])))
    workers = cores()
    pool = ThreadPoolExecutor(workers)
    waiting: deque[tuple[int, Future[tuple[Pixels, dict[int, str]]]]] = deque()
    try:
        for start in range(0, len(pictures), step):
            part = pictures[start : start + step]
            waiting.append((start, pool.submit(_decode_chunk, part, start, layout, skip_bad, fast)))
            if len(waiting) >= WAITING * workers:
                first, future = waiting.popleft()
                yield first, *future.result()
        for first, future in waiting:
            yield first, *future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _decode_chunk(
    pictures: Sequence[Picture], start: int, layout: _Layout, skip_bad: bool, fast: Decoder | None
) -> tuple[Pixels, dict[int, str]]:
    """Decode pictures; return them and what is bad. Raises for a size or color that does not fit."""
    out = np.empty((len(pictures), layout.channels, *layout.size), dtype=np.uint8)
    bad: dict[int, str] = {}
    plain = {} if fast is None else plain_files([picture.source for picture in pictures], layout.size, layout.channels)
    done = bool(plain) and decode_plain(plain, out)
    for i, picture in enumerate(pictures):
        if i in plain:
            if done:
                continue
            found = None if fast is None else fast(*plain[i])
            if found is not None:
                out[i] = found
                continue
        try:
            with opened(picture) as image:
                if layout.may_widen and not is_grey(image):
                    raise _ColorError
                if not layout.resize and upright_size(image) != layout.size:
                    raise _OtherSizeError(picture, upright_size(image))
                out[i] = pixels(image, channels=layout.channels, size=layout.size if layout.resize else None)
        except BadImageError as error:
            bad[start + i] = str(error)
            if not skip_bad:
                break
    return out, bad


def _bad(picture: Picture, text: str) -> DataError:
    return DataError(picture.name, text, "an image, or data.skip_bad to leave it out")
