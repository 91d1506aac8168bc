"""Arrays of samples: an ``.npz``, a ``.npy``, or a folder of those."""

from __future__ import annotations

from pathlib import Path

import torch

from wellfit.data.dataset import Kind
from wellfit.data.decode import resize_images, to_channels
from wellfit.data.inputs.lengths import to_length
from wellfit.data.inputs.wanted import Inputs, Wanted
from wellfit.data.naming import shown
from wellfit.data.npy import read_npy
from wellfit.data.npz import Array, keys_of, read_array, samples, whole_rows
from wellfit.errors import DataError

NAMES = ("x_test", "x")
"""The arrays that are read: the first of them that is there."""
GIVEN = (*NAMES, "x_train")
"""Arrays by which a folder is known to be one of arrays."""


def read_arrays(path: Path, wanted: Wanted) -> Inputs:
    """Read samples from a file or folder, named ``sample 0``, ``sample 1``, ..."""
    values, where = _array(path)
    shape = wanted.shape if wanted.encoder is None else _raw_shape(path, wanted)
    kind = wanted.kind
    found, x = samples(values, where, kind=_known(kind, values.ndim))
    if found == "image" and kind == "image":
        x = to_channels(x, shape[0])
        x = resize_images(x, wanted.size) if wanted.size is not None else x
    if found == kind == "sequence" and wanted.length is not None and x.shape[2] == shape[1] and x.shape[1] != shape[0]:
        return to_length(list(x.numpy()), [f"sample {row}" for row in range(len(x))], wanted, where=where)
    if found != kind or tuple(x.shape[1:]) != shape:
        what = f"holds {found}s of shape {tuple(x.shape[1:])}"
        raise DataError(where, what, f"{kind}s of shape {shape}, as the model was trained on")
    kept, skipped = whole_rows(x, None, where, skip_bad=wanted.skip_bad)
    x = x[torch.from_numpy(kept)] if skipped else x
    return Inputs([f"sample {row}" for row in kept.tolist()], x, skipped)


def is_array_folder(folder: Path) -> bool:
    """Return whether a folder holds ``x.npy``, ``x_train.npy`` or ``x_test.npy``."""
    return any((folder / f"{name}.npy").is_file() for name in GIVEN)


def _array(path: Path) -> tuple[Array, str]:
    """Return the samples as they stand in a file, and what they are called in messages."""
    if path.is_dir():
        name = next((name for name in NAMES if (path / f"{name}.npy").is_file()), None)
        if name is None:
            raise DataError(shown(path), "holds x_train.npy only", "an array x.npy or x_test.npy")
        path = path / f"{name}.npy"
    if path.suffix.lower() == ".npy":
        return read_npy(path), shown(path)
    names = keys_of(path)
    name = next((key for key in NAMES if key in names), None)
    if name is None:
        held = ", ".join(shown(n) for n in names[:8]) or "nothing"
        raise DataError(shown(path), f"holds {held}", "an array x or x_test")
    return read_array(path, name), f"{shown(path)}, {name}"


def _raw_shape(path: Path, wanted: Wanted) -> tuple[int, ...]:
    """Return the shape of samples that are not yet encoded; arrays cannot hold what only a table says."""
    columns = () if wanted.encoder is None else wanted.encoder.columns
    if any(column.kind in ("category", "date") for column in columns):
        raise DataError(
            shown(path), "no table", f"a table with the {len(columns)} columns that the model was trained on"
        )
    return (len(columns),)


def _known(kind: Kind, axes: int) -> Kind | None:
    """Return the model's kind where it settles what samples of so many axes are."""
    return kind if (axes > 2 and kind != "vector") or (axes == 2 and kind == "sequence") else None
