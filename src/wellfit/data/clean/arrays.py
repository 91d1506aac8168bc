"""Clean arrays: a NumPy archive, or a named data set as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wellfit.data.clean.changes import Changes, Done, check_names, refuse_columns
from wellfit.data.naming import shown
from wellfit.data.npz import PARTS, keys_of, read_array
from wellfit.data.sources import load
from wellfit.errors import DataError

Array = npt.NDArray[Any]


def clean_named(source: str, changes: Changes, to: Path) -> Done:
    """Write a named data set as an archive; its targets are the names of the classes."""
    dataset = load(source)
    x = dataset.x.numpy()
    y = np.array(dataset.classes)[dataset.y.numpy()]
    test = np.zeros(0, np.int64) if dataset.given_test is None else dataset.given_test.numpy()
    if dataset.given_test is None:
        return _clean({"x": x, "y": y}, ("",), changes, source, to)
    rest = np.setdiff1d(np.arange(len(y)), test)
    arrays = {"x_train": x[rest], "y_train": y[rest], "x_test": x[test], "y_test": y[test]}
    return _clean(arrays, ("train", "test"), changes, source, to)


def clean_archive(path: Path, changes: Changes, to: Path) -> Done:
    """Write an archive of the same arrays, less the rows that are dropped; other arrays are left out."""
    given = set(PARTS) <= set(keys_of(path))
    arrays = {name: read_array(path, name) for name in (PARTS if given else ("x", "y"))}
    return _clean(arrays, ("train", "test") if given else ("",), changes, shown(path), to)


def _clean(arrays: dict[str, Array], parts: tuple[str, ...], changes: Changes, where: str, to: Path) -> Done:
    refuse_columns(changes, where)
    names = {part: _names(len(arrays[f"y_{part}" if part else "y"]), part) for part in parts}
    check_names(changes, {name for part in names.values() for name in part}, where)
    made: dict[str, Array] = {}
    before = after = 0
    for part, own in names.items():
        end = f"_{part}" if part else ""
        kept = np.array([row for row, name in enumerate(own) if name not in changes.dropped], dtype=np.int64)
        y = arrays[f"y{end}"].copy()
        for row, name in enumerate(own):
            if name in changes.relabeled:
                y[row] = _value(arrays, changes.relabeled[name], where)
        if not len(kept):
            raise DataError("plan", "drops every sample", "some that stay")
        made |= {f"x{end}": arrays[f"x{end}"][kept], f"y{end}": y[kept]}
        before, after = before + len(own), after + len(kept)
    with to.open("wb") as file:  # given a path, NumPy would add .npz
        np.savez_compressed(file, allow_pickle=False, **made)
    return Done(before, after, len(set(changes.relabeled) - changes.dropped), 0)


def _names(count: int, part: str) -> list[str]:
    prefix = f"{part} " if part else ""
    return [f"{prefix}sample {i}" for i in range(count)]


def _value(arrays: dict[str, Array], label: str, where: str) -> Any:
    """Return a class as the targets hold it."""
    for name, values in arrays.items():
        if name.startswith("y"):
            for value in np.unique(values):
                if shown(str(value)) == label:
                    return value
    raise DataError("plan", f"{where} has no class '{shown(label)}'", "one of the classes of the data")
