"""All masks of a folder, decoded over all cores, from the cache where they are there."""

from __future__ import annotations

import hashlib
import logging
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from wellfit.data.cache import cache_folder
from wellfit.data.decode import CHUNK, CHUNK_BYTES, WAITING, Memory, Sink
from wellfit.data.ingest import WORTH
from wellfit.data.mapped import just_written, read_all, read_stored, writing
from wellfit.data.mask_classes import Palettes
from wellfit.data.mask_pairs import Pair
from wellfit.data.masks import Mask, read_mask, resized_mask
from wellfit.data.memory import cores, for_samples
from wellfit.data.naming import LONGEST, shown
from wellfit.data.picture import BadImageError, Picture, Pixels, Size, opened, pillow_quiet, upright_size
from wellfit.errors import DataError, StorageError

log = logging.getLogger(__name__)

ADVICE = "one size, or data.size: [height, width] to resize all"


@dataclass(frozen=True, eq=False)
class Masks:
    """Decoded masks, before it is known what their values mean."""

    index: Pixels
    """uint8 ``(n, H, W)``: for each pixel the place of its value in ``values`` of its mask."""
    values: tuple[tuple[int, ...], ...]
    """The distinct values of each mask, ascending, before any resizing."""
    is_color: bool
    kept: tuple[int, ...]
    """Which of the pairs they belong to."""
    skipped: tuple[str, ...]
    """A message for each pair that was left out."""


@dataclass(frozen=True)
class _Layout:
    size: Size
    resize: bool
    reference: str
    is_color: bool


@dataclass(frozen=True, eq=False)
class _Chunk:
    index: Pixels
    values: list[tuple[int, ...]]
    palettes: list[tuple[str, Mapping[int, int]]]
    """Of masks that have one: the name of the mask, and what its values are shown as."""
    bad: dict[int, _BadPairError]


class _BadPairError(Exception):
    def __init__(self, where: str, what: str) -> None:
        self.where, self.what = where, what

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"

    def fatal(self) -> DataError:
        return DataError(self.where, self.what, "an image and a mask of its size, or data.skip_bad to leave them out")


def picture_of(path: Path) -> Picture:
    """Return a file with its name as messages have it."""
    text = str(path)
    # this is asked for every file of a large folder: names that need no care get none
    return Picture(text if len(text) <= LONGEST and text.isprintable() else shown(text), path)


def stamp_of(pairs: Sequence[Pair], root: Path) -> str:
    """Return the SHA-256 over name, size and time of every file of the pairs."""
    digest = hashlib.sha256()
    for pair in pairs:
        for path in (pair.image, pair.mask):
            digest.update(os.fsencode(str(path.relative_to(root))) + repr(_status(path)).encode() + b"\0")
    return digest.hexdigest()


def load_masks(
    pairs: Sequence[Pair],
    root: Path,
    *,
    size: Size | None = None,
    skip_bad: bool = False,
    memory: int | None = None,
    stamp: str = "",
) -> Masks:
    """Return the masks of pairs in their order, each of the size of its image, or resized by nearest neighbor.

    Many masks are decoded once, and again when a file has come, gone, or changed its size or time. They are kept in
    memory; ``memory`` is what samples and training may use.

    Raises
    ------
    DataError
        The first bad image or mask where not ``skip_bad`` (no image, a damaged or lossy mask, one of another size than
        its image), sizes that differ without ``size``, grey masks beside colored ones, more than memory holds.

    """
    if len(pairs) < WORTH:
        return _in_memory(pairs, root, size, skip_bad, memory)
    key = hashlib.sha256(os.fsencode(f"{root.resolve()}\0{size}\0{skip_bad}")).hexdigest()[:16]
    path = cache_folder() / "masks" / f"{key}.u8"
    room = None if memory is None else for_samples(memory)
    stored, index = read_stored(path, source=stamp, room=room) or (None, None)
    if stored is None:
        try:
            with writing(path) as writer:
                made = _decode_all(writer, pairs, root, size, skip_bad, memory)
                told = {"kept": made.kept, "skipped": made.skipped, "values": made.values, "color": made.is_color}
                writer.finish(np.zeros(len(made.kept), dtype=np.int64), source=stamp, notes=told)
        except StorageError as error:
            log.warning("not cached: %s; set WELLFIT_CACHE to another folder", error)
            return _in_memory(pairs, root, size, skip_bad, memory)
        stored = just_written(path, source=stamp)
    if stored is None:  # another process has just replaced it by what a changed source gave
        return _in_memory(pairs, root, size, skip_bad, memory)
    _check_room(len(pairs), stored.shape[1:], shown(root), memory)
    try:
        index = read_all(stored) if index is None else index
    except StorageError:  # as above
        return _in_memory(pairs, root, size, skip_bad, memory)
    notes = stored.notes
    return Masks(
        index=index,
        values=tuple(tuple(values) for values in notes["values"]),
        is_color=bool(notes["color"]),
        kept=tuple(notes["kept"]),
        skipped=tuple(notes["skipped"]),
    )


def _in_memory(pairs: Sequence[Pair], root: Path, size: Size | None, skip_bad: bool, memory: int | None) -> Masks:
    sink = Memory()
    made = _decode_all(sink, pairs, root, size, skip_bad, memory)
    return replace(made, index=sink.images().numpy())


def _decode_all(
    sink: Sink, pairs: Sequence[Pair], root: Path, size: Size | None, skip_bad: bool, memory: int | None
) -> Masks:
    """Decode masks into a sink; ``index`` of what is returned is empty."""
    where = shown(root)
    values: list[tuple[int, ...]] = []
    bad: dict[int, _BadPairError] = {}
    palettes = Palettes()
    with pillow_quiet():
        layout = _layout(pairs, where, size, skip_bad)
        _check_room(len(pairs), layout.size, where, memory)
        sink.begin(len(pairs), layout.size, where=where, advice="a smaller data.size" if size else ADVICE)
        for start, chunk in _chunks(pairs, layout, skip_bad):
            if chunk.bad and not skip_bad:
                raise chunk.bad[min(chunk.bad)].fatal()
            for name, shown_as in chunk.palettes:
                difference = palettes.differs(shown_as, name)
                if difference is not None:
                    raise DataError(name, difference, "one palette for all masks, or grey masks")
            bad |= chunk.bad
            values += chunk.values
            kept = [i for i in range(len(chunk.index)) if start + i not in chunk.bad]
            sink.write(chunk.index[kept] if chunk.bad else chunk.index)
    return Masks(
        index=np.empty((0, *layout.size), dtype=np.uint8),
        values=tuple(values),
        is_color=layout.is_color,
        kept=tuple(i for i in range(len(pairs)) if i not in bad),
        skipped=tuple(str(bad[i]) for i in sorted(bad)),
    )


def _layout(pairs: Sequence[Pair], where: str, size: Size | None, skip_bad: bool) -> _Layout:
    """Return size and kind of the masks, by the first pair that is no bad one."""
    for pair in pairs:
        try:
            found, mask = _read(pair)
        except _BadPairError as error:
            if not skip_bad:
                raise error.fatal() from None
            continue
        return _Layout(size or found, size is not None, picture_of(pair.image).name, mask.is_color)
    raise DataError(where, f"none of its {len(pairs)} pairs can be read", "images and masks")


def _read(pair: Pair) -> tuple[Size, Mask]:
    """Return the size of the image, of which only the header is read, and the mask."""
    part = picture_of(pair.image)
    try:
        with opened(part) as image:
            size = upright_size(image)
        part = picture_of(pair.mask)
        return size, read_mask(part, like=size)
    except BadImageError as error:
        raise _BadPairError(part.name, str(error)) from None


def _check_room(count: int, size: Sequence[int], where: str, memory: int | None) -> None:
    """Refuse masks that exceed the part of a limit that samples may take: they stay in memory."""
    needed, room = count * size[0] * size[1], for_samples(memory)
    if memory is not None and room is not None and needed > room:
        mib = 2**20
        what = f"its masks need {needed / mib:,.0f} MiB of memory, --memory allows {room / mib:,.0f} for samples"
        raise DataError(where, what, "more memory, or a smaller data.size")


def _chunks(pairs: Sequence[Pair], layout: _Layout, skip_bad: bool) -> Iterator[tuple[int, _Chunk]]:
    """Yield stretches of decoded masks in order, with the place of their first; all cores decode, a few ahead."""
    step = min(CHUNK, max(1, CHUNK_BYTES // max(1, layout.size[0] * layout.size[1])))
    workers = cores()
    pool = ThreadPoolExecutor(workers)
    waiting: deque[tuple[int, Future[_Chunk]]] = deque()
    try:
        for start in range(0, len(pairs), step):
            waiting.append((start, pool.submit(_decode_chunk, pairs[start : start + step], start, layout, skip_bad)))
            if len(waiting) >= WAITING * workers:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _decode_chunk(pairs: Sequence[Pair], start: int, layout: _Layout, skip_bad: bool) -> _Chunk:
    chunk = _Chunk(np.empty((len(pairs), *layout.size), dtype=np.uint8), [], [], {})
    for i, pair in enumerate(pairs):
        try:
            size, found = _read(pair)
        except _BadPairError as error:
            chunk.bad[start + i] = error
            if not skip_bad:
                break
            continue
        if found.is_color != layout.is_color:
            kinds = ("grey", "color") if layout.is_color else ("color", "grey")
            what = f"a mask in {kinds[0]}, where that of {layout.reference} is in {kinds[1]}"
            raise DataError(picture_of(pair.mask).name, what, "masks of one kind")
        if not layout.resize and size != layout.size:
            what = (
                f"an image of {size[0]} x {size[1]}, where {layout.reference} has {layout.size[0]} x {layout.size[1]}"
            )
            raise DataError(picture_of(pair.image).name, what, ADVICE)
        chunk.index[i] = resized_mask(found.index, layout.size)
        chunk.values.append(found.values)
        if found.shown_as:
            chunk.palettes.append((picture_of(pair.mask).name, found.shown_as))
    return chunk


def _status(path: Path) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:  # it is said when the file is decoded
        return (-1, -1)
    return found.st_size, found.st_mtime_ns
