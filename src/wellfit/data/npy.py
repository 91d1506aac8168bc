"""Arrays in files of their own: ``x.npy`` with ``y.npy``, or ``x_train.npy``, ``y_train.npy``, ``x_test.npy`` and
``y_test.npy``. Nothing is unpickled, and the samples are mapped, not copied.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from wellfit.data.dataset import Dataset, Kind, Task
from wellfit.data.memory import check_memory
from wellfit.data.naming import shown
from wellfit.data.npz import PARTS, WHOLE, Array, arrays_dataset, read_header
from wellfit.errors import DataError

FILES = "x.npy with y.npy beside it, or x_train.npy, y_train.npy, x_test.npy and y_test.npy"


def load_npy(path: Path, *, task: Task | None = None, kind: Kind | None = None, skip_bad: bool = False) -> Dataset:
    """Load the arrays of a folder; ``path`` is the folder or its ``x.npy`` (or ``x_train.npy``).

    What they hold: ``npz.load_npz``. Samples are mapped from the file where they stand as they are needed (uint8 images
    with their channels second or none, float32 numbers): memory then holds what is used.

    Raises
    ------
    DataError
        Files that are missing, damaged or hold Python objects; else as ``npz.load_npz``.

    """
    folder = path if path.is_dir() else path.parent
    if path != folder and path.stem not in (WHOLE[0], PARTS[0]):
        raise DataError(shown(path), f"a file called '{shown(path.name)}'", FILES)
    whole = path.stem == WHOLE[0] if path != folder else (folder / "x.npy").is_file()
    names = WHOLE if whole else PARTS
    for name in names:
        if not (folder / f"{name}.npy").is_file():
            raise DataError(shown(folder), f"'{name}.npy' is missing", FILES)
    title = folder.resolve().name
    return arrays_dataset(
        lambda name: read_npy(folder / f"{name}.npy"),
        where=shown(folder),
        name=title,
        given=not whole,
        task=task,
        kind=kind,
        skip_bad=skip_bad,
    )


def is_npy_folder(folder: Path) -> bool:
    """Return whether a folder holds ``x.npy`` or ``x_train.npy``."""
    return any((folder / f"{name}.npy").is_file() for name in (WHOLE[0], PARTS[0]))


def read_npy(path: Path) -> Array:
    """Return the array of a file, mapped copy-on-write: the file never changes.

    Raises
    ------
    DataError
        No such file or a damaged one, a header that claims more data than there is, Python objects.

    """
    where = shown(path)
    if not path.is_file():
        raise DataError(where, "no such file", FILES)
    try:
        with path.open("rb") as file:
            shape, dtype = read_header(file)
            begins = file.tell()
        if dtype.hasobject:
            raise DataError(where, "holds Python objects", "plain numbers or text: objects would be unpickled")
        size, there = math.prod(shape) * dtype.itemsize, path.stat().st_size - begins
        if size > there:
            raise DataError(where, f"its header claims {size:,} bytes, there are {there:,}", "an undamaged array")
        if not size:
            return np.zeros(shape, dtype)  # nothing can be mapped
        check_memory(where, size, expected="a smaller array")
        found: Array = np.asarray(np.load(path, mmap_mode="c", allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise DataError(where, f"cannot be read ({shown(str(error))})", "a NumPy array (.npy)") from None
    return found
