"""One way in for new data: ``read_inputs`` finds out what it is and reads it as the model's training data was read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor

from wellfit.data.dataset import Kind
from wellfit.data.encode import Encoder
from wellfit.data.equalize import equalize
from wellfit.data.inputs.arrays import is_array_folder, read_arrays
from wellfit.data.inputs.images import read_images
from wellfit.data.inputs.named import is_named, read_named
from wellfit.data.inputs.recordings import read_recordings
from wellfit.data.inputs.series import is_series_folder, read_series
from wellfit.data.inputs.wanted import Inputs, Wanted
from wellfit.data.named_series import length_of
from wellfit.data.naming import shown
from wellfit.data.picture import Size
from wellfit.data.source_forms import sound_of
from wellfit.data.sources import TABLES
from wellfit.errors import DataError
from wellfit.recipe import DataSpec

log = logging.getLogger(__name__)

Reader = Callable[[Path, Wanted], Inputs]


def read_inputs(
    path: Path | str,
    *,
    kind: Kind,
    shape: Sequence[int],
    features: Sequence[str] = (),
    size: Size | None = None,
    spec: DataSpec | None = None,
    encoder: Encoder | None = None,
    rate: int | None = None,
    skip_bad: bool = False,
    skipped: list[str] | None = None,
) -> tuple[list[str], Tensor]:
    """Read samples to predict: their names, and ``x`` as a Dataset holds it (uint8 images, float32 vectors or
    sequences), not yet scaled.

    Whatever can be trained on can be read, without targets: an image or a folder of images; a table with the model's
    columns, where others are ignored; a long table; ``.ts`` series; a recording or a folder of them; arrays in an
    ``.npz`` with ``x_test`` or else ``x``, or in a ``.npy`` or a folder of those; a data set's name. Images are brought
    to the model's channels, sequences to its length by the rule of its recipe, recordings to its rate.

    Parameters
    ----------
    path
        What to read.
    kind, shape, features
        Kind and shape of one sample that the model was trained on, ``(C, H, W)``, ``(D,)`` or ``(T, C)``, and the names
        of its columns; empty: the table must have as many as the model takes.
    size, spec
        The field ``data`` of the model's recipe: how images are resized (or by ``size``) and equalized, how sequences
        are made. Without a size images must have the model's.
    encoder
        What the model's columns hold. Missing values are let through where it fills them in, and levels that it does
        not know; what there is of both is logged. ``None``: all columns are numbers.
    rate
        Samples per second of the recordings that the model was trained on; ``None``: not known. Others are refused
        unless the recipe resamples (``data.rate``).
    skip_bad, skipped
        Leave out corrupt images and rows, and sequences that no rule brings to the model's length; else the first is an
        error. ``skipped`` is a list that messages for what was left out are appended to.

    Raises
    ------
    DataError
        No such path, data of another kind or shape, missing columns, another rate, a bad image, row or recording.

    """
    size = spec.size if size is None and spec is not None else size
    length = None if spec is None else length_of(spec.source, sound_of(spec))
    wanted = Wanted(kind, tuple(shape), tuple(features), size, spec, encoder, length, rate, skip_bad)
    found = _read(path, wanted)
    if skipped is not None:
        skipped += found.skipped
    x = found.x
    if kind == "image" and spec is not None:
        x = equalize(x, spec.equalize, clip=spec.clahe_clip, tiles=spec.clahe_tiles)
    for remark in [] if encoder is None else encoder.remarks(x):
        log.warning("%s: %s", shown(path), remark)
    return found.names, x


def _read(source: Path | str, wanted: Wanted) -> Inputs:
    path = Path(source).expanduser()
    if not _exists(path):
        if is_named(str(source)):
            return read_named(str(source), wanted)
        raise DataError(shown(path), "no such file or folder", wanted.expected)
    reader = _of_folder(path, wanted) if path.is_dir() else _of_file(path, wanted)
    if reader is None:
        raise wanted.refusal(path)
    return reader(path, wanted)


def _of_file(path: Path, wanted: Wanted) -> Reader | None:
    """Return what reads a file for a model; ``None`` where it says nothing to it."""
    suffix = path.suffix.lower()
    if suffix in (".npz", ".npy"):
        return read_arrays
    if wanted.kind == "sequence" and suffix in (".ts", ".wav"):
        return read_series if suffix == ".ts" else read_recordings
    if suffix not in TABLES:
        return read_images if wanted.kind == "image" else None
    if wanted.kind == "vector":
        # pandas takes half a second to import, which other data need not wait for
        from wellfit.data.inputs.tables import read_rows

        return read_rows
    if wanted.kind == "sequence" and wanted.spec is not None and wanted.spec.id is not None:
        from wellfit.data.inputs.tables import read_long

        return read_long
    return None


def _of_folder(path: Path, wanted: Wanted) -> Reader | None:
    """Return what reads a folder for a model; ``None`` where it says nothing to it."""
    if is_array_folder(path):
        return read_arrays
    if wanted.kind == "image":
        return read_images
    if wanted.kind == "sequence":
        return read_series if is_series_folder(path) else read_recordings
    return None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, or holds a zero byte
        return False
