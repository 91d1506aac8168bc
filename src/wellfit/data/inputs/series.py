"""Series in ``.ts`` files, with classes or without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from wellfit.data.inputs.lengths import to_length
from wellfit.data.inputs.wanted import Inputs, Wanted
from wellfit.data.naming import shown
from wellfit.data.ts_file import TAILS, read_ts


def read_series(path: Path, wanted: Wanted) -> Inputs:
    """Read one file, or all of a folder: those of train before those of test, as they are trained on.

    Samples are named ``sample 0``, ``sample 1``, ...; those of several files by their file too.
    """
    files = _files(path) if path.is_dir() else [path]
    values: list[npt.NDArray[np.float32]] = []
    names: list[str] = []
    for file in files:
        found = read_ts(file, needs_labels=False).values
        values += found
        prefix = f"{shown(file.name)}, " if len(files) > 1 else ""
        names += [f"{prefix}sample {row}" for row in range(len(found))]
    return to_length(values, names, wanted, where=shown(path))


def is_series_folder(folder: Path) -> bool:
    """Return whether a folder holds a ``.ts`` file."""
    return bool(_files(folder))


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.ts"), key=lambda file: (not file.name.endswith(TAILS[0]), file.name))
