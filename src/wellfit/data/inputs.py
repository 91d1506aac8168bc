"""New data for a trained model: files without targets, brought into the shape of its input."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from wellfit.data.column import Column
from wellfit.data.dataset import Kind
from wellfit.data.decode import decode, resize_images, to_channels
from wellfit.data.encode import Encoder
from wellfit.data.equalize import equalize
from wellfit.data.image_folder import image_files
from wellfit.data.naming import shown
from wellfit.data.npz import keys_of, read_array, samples, whole_rows
from wellfit.data.picture import Picture, Size
from wellfit.data.sources import TABLES
from wellfit.errors import DataError
from wellfit.recipe import DataSpec

log = logging.getLogger(__name__)


def read_inputs(
    path: Path | str,
    *,
    kind: Kind,
    shape: Sequence[int],
    features: Sequence[str] = (),
    size: Size | None = None,
    spec: DataSpec | None = None,
    encoder: Encoder | None = None,
    skip_bad: bool = False,
    skipped: list[str] | None = None,
) -> tuple[list[str], Tensor]:
    """Read samples to predict: their names, and ``x`` as a Dataset holds it (uint8 images, float32 vectors or
    sequences), not yet scaled.

    A folder of images (with all its subfolders) or one image; a table with the feature columns, where other columns are
    ignored; or a NumPy archive with ``x_test``, else ``x``. Images are converted to the model's channels.

    Parameters
    ----------
    path
        What to read.
    kind, shape
        Kind and shape of one sample that the model was trained on: ``(C, H, W)``, ``(D,)`` or ``(T, C)``.
    features
        Names of the model's columns; empty: the table must have just ``D`` columns.
    size
        The recipe's ``data.size``; ``None``: that of ``spec``, and without one images must have the model's size.
    spec
        The field ``data`` of the model's recipe: how images are resized and equalized.
    encoder
        What the model's columns hold. Missing values are let through where it fills them in, and levels that it does
        not know; what there is of both is logged. ``None``: all columns are numbers.
    skip_bad
        Leave out corrupt images and rows; else the first one is an error.
    skipped
        A list that messages for what was left out are appended to.

    Raises
    ------
    DataError
        No such path, data of another kind or shape, missing columns, a bad image or row.

    """
    path = Path(path).expanduser()
    size = spec.size if size is None and spec is not None else size
    if not path.exists():
        raise DataError(shown(path), "no such file or folder", _expected(kind))
    if kind == "vector" and path.suffix.lower() in TABLES and path.is_file():
        names, x, bad = _from_table(path, shape[0], features, encoder, skip_bad)
    else:
        shape = shape if encoder is None else _raw_shape(path, encoder)
        names, x, bad = _from_others(path, kind, shape, size, skip_bad)
    if skipped is not None:
        skipped += bad
    if kind == "image" and spec is not None:
        x = equalize(x, spec.equalize, clip=spec.clahe_clip, tiles=spec.clahe_tiles)
    for remark in [] if encoder is None else encoder.remarks(x):
        log.warning("%s: %s", shown(path), remark)
    return names, x


def _from_others(
    path: Path, kind: Kind, shape: Sequence[int], size: Size | None, skip_bad: bool
) -> tuple[list[str], Tensor, tuple[str, ...]]:
    if path.suffix.lower() == ".npz" and path.is_file():
        return _from_npz(path, kind, shape, size, skip_bad)
    if kind == "image" and path.suffix.lower() not in TABLES:
        return _from_images(path, shape, size, skip_bad)
    raise DataError(shown(path), f"no data for a model of {kind}s", _expected(kind))


def _raw_shape(path: Path, encoder: Encoder) -> tuple[int]:
    """Return the shape of samples that are not yet encoded; arrays cannot hold what only a table says."""
    count = len(encoder.columns)
    if any(column.kind in ("category", "date") for column in encoder.columns):
        raise DataError(shown(path), "no table", f"a table with the {count} columns that the model was trained on")
    return (count,)


def _from_images(
    path: Path, shape: Sequence[int], size: Size | None, skip_bad: bool
) -> tuple[list[str], Tensor, tuple[str, ...]]:
    channels, height, width = shape
    files = image_files(path) if path.is_dir() else [path]
    if not files:
        raise DataError(shown(path), "holds no files", _expected("image"))
    pictures = [Picture(shown(file), file) for file in files]
    found = decode(pictures, where=shown(path), size=size, like=(channels, height, width), skip_bad=skip_bad)
    root = path if path.is_dir() else path.parent
    return [shown(files[i].relative_to(root)) for i in found.kept], found.x, found.skipped


def _from_table(
    path: Path, width: int, features: Sequence[str], encoder: Encoder | None, skip_bad: bool
) -> tuple[list[str], Tensor, tuple[str, ...]]:
    # pandas takes half a second to import, which images need not wait for
    from wellfit.data.column_values import coded
    from wellfit.data.columns import columns_of, read_table, without_bad

    columns = columns_of(path)
    missing = [feature for feature in features if feature not in columns]
    if missing:
        listing = ", ".join(shown(name, longest=40) for name in missing[:12])
        more = f" and {len(missing) - 12} more" if len(missing) > 12 else ""
        raise DataError(
            shown(path), f"lacks {listing}{more}", f"the {len(features)} columns that the model was trained on"
        )
    if not features and len(columns) != width:
        raise DataError(shown(path), f"has {len(columns)} columns", f"the {width} that the model was trained on")
    table = read_table(path, skip_bad=skip_bad)
    known = encoder.columns if encoder is not None else [Column(name, "number") for name in features or columns]
    fills = encoder is not None and all(value is not None for value in encoder.fill)
    x, bad = coded(table, known, missing=fills)
    kept, skipped = without_bad(table, bad, skip_bad=skip_bad)
    return [table.rows[row] for row in kept.tolist()], torch.from_numpy(x[kept] if skipped else x), skipped


def _from_npz(
    path: Path, kind: Kind, shape: Sequence[int], size: Size | None, skip_bad: bool
) -> tuple[list[str], Tensor, tuple[str, ...]]:
    names = keys_of(path)
    name = next((key for key in ("x_test", "x") if key in names), None)
    if name is None:
        raise DataError(
            shown(path), f"holds {', '.join(shown(n) for n in names[:8]) or 'nothing'}", "an array x or x_test"
        )
    where = f"{shown(path)}, {name}"
    values = read_array(path, name)
    found, x = samples(values, where, kind=_known(kind, values.ndim))
    if found == "image" and kind == "image":
        x = to_channels(x, shape[0])
        x = resize_images(x, size) if size is not None else x
    if found != kind or tuple(x.shape[1:]) != tuple(shape):
        what = f"holds {found}s of shape {tuple(x.shape[1:])}"
        raise DataError(where, what, f"{kind}s of shape {tuple(shape)}, as the model was trained on")
    kept, skipped = whole_rows(x, None, where, skip_bad=skip_bad)
    return [f"sample {row}" for row in kept.tolist()], x[torch.from_numpy(kept)] if skipped else x, skipped


def _known(kind: Kind, axes: int) -> Kind | None:
    """Return the model's kind where it settles what samples of so many axes are."""
    return kind if (axes > 2 and kind != "vector") or (axes == 2 and kind == "sequence") else None


def _expected(kind: Kind) -> str:
    if kind == "image":
        return "an image, a folder of images, or a NumPy archive (.npz) with x"
    if kind == "sequence":
        return "a NumPy archive (.npz) with x (N, T, C)"
    tables = ".csv, .tsv, .jsonl, .parquet, .arrow, .feather"
    return f"a table ({tables}) with the model's columns, or a NumPy archive (.npz) with x"
