"""The text format of the UCR and UEA archives of time series (``.ts``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wellfit.data.dataset import Dataset, Task
from wellfit.data.memory import check_memory
from wellfit.data.naming import shown
from wellfit.data.series import Length, Series, series_dataset
from wellfit.errors import DataError

FORMAT = "lines of @name value, then @data, then a line per series: values,...:values,...:class"
TAILS = ("_TRAIN.ts", "_TEST.ts")
BYTES_PER_CHARACTER = 24
"""Memory that a line takes while it is read, at most: its fields as texts, and as numbers."""


def load_ts(path: Path, *, length: Length | None = None, task: Task | None = None, skip_bad: bool = False) -> Dataset:
    """Load ``NAME_TRAIN.ts`` with ``NAME_TEST.ts`` beside it (the given test), a folder that holds both, or one file.

    Sequences are float32 ``(N, T, C)``; the dimensions of a series are its channels. Unequal lengths need ``length``.

    Raises
    ------
    DataError
        No such file, no ``.ts`` or a damaged one (its line is named), time stamps, no classes or targets, what
        ``series_dataset`` refuses.

    """
    train, test = _files(path)
    parts = [read_ts(file) for file in (train, test) if file is not None]
    name = train.name.removesuffix(".ts").removesuffix("_TRAIN")
    return series_dataset(
        *parts, name=name, where=shown(path), length=length, task=task or _task(train), skip_bad=skip_bad
    )


def is_ts_folder(folder: Path) -> bool:
    """Return whether a folder holds a training file of the archives."""
    return any(True for _ in folder.glob(f"*{TAILS[0]}"))


def parse_ts(lines: Iterable[str], where: str, *, needs_labels: bool = True) -> Series:
    """Read the lines of a ``.ts`` file; without ``needs_labels`` they may have no class, and targets are then empty.

    Raises
    ------
    DataError
        As ``load_ts``.

    """
    labelled, begun, channels = False, False, 0
    values: list[npt.NDArray[np.float32]] = []
    targets: list[str] = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        at = f"{where}, line {number}"
        if not begun:
            if not text.startswith("@"):
                raise DataError(at, f"starts with '{shown(text[:20])}'", FORMAT)
            key, *rest = text[1:].lower().split()
            begun = key == "data"
            labelled = labelled or (key in ("classlabel", "targetlabel") and rest[:1] == ["true"])
            if key == "timestamps" and rest[:1] == ["true"]:
                raise DataError(at, "series with time stamps", "series of equal time steps, without time stamps")
            continue
        if not labelled and needs_labels:
            raise DataError(where, "names no class or target of its series", "@classLabel true, or @targetLabel true")
        check_memory(at, BYTES_PER_CHARACTER * len(text), expected="a shorter line")
        dimensions = text.split(":")
        label = dimensions.pop() if labelled else ""
        channels = channels or len(dimensions)
        if len(dimensions) != channels or not channels:
            what = f"{len(dimensions)} dimensions{' and a class' if labelled else ''}"
            expected = f"{max(channels, 1)} as in the first series{', then the class' if labelled else ''}"
            raise DataError(at, what, expected)
        values.append(_numbers(dimensions, at))
        targets.append(label.strip())
    if not values:
        raise DataError(where, "holds no series", FORMAT)
    return Series(values, np.array(targets))


def _numbers(dimensions: list[str], at: str) -> npt.NDArray[np.float32]:
    """Return the values of a series ``(T, C)``; ``?`` is a missing one."""
    found = []
    for text in dimensions:
        fields = text.split(",")
        if "?" in text:
            fields = ["nan" if field.strip() == "?" else field for field in fields]
        try:
            found.append(np.array(fields, dtype=np.float64))
        except ValueError:
            raise DataError(at, "holds a value that is no number", "numbers, or ? for a missing one") from None
    if len({len(one) for one in found}) > 1:
        raise DataError(at, "dimensions of unequal lengths", "as many time steps in each dimension of a series")
    with np.errstate(over="ignore"):  # what is too large is refused as infinite
        return np.stack(found, axis=1).astype(np.float32)


def _files(path: Path) -> tuple[Path, Path | None]:
    """Return the files of train and of test."""
    if path.is_dir():
        found = sorted(path.glob(f"*{TAILS[0]}"))
        if len(found) != 1:
            what = f"holds {len(found)} files *{TAILS[0]}"
            raise DataError(shown(path), what, f"one NAME{TAILS[0]} with its NAME{TAILS[1]}")
        path = found[0]
    stem = path.name.removesuffix(TAILS[0])
    beside = path.with_name(stem + TAILS[1])
    if stem == path.name or not beside.is_file():
        return path, None
    return path, beside


def read_ts(path: Path, *, needs_labels: bool = True) -> Series:
    """Read one file; without ``needs_labels`` it may have no classes or targets, and what there is of them is not
    looked at.

    Raises
    ------
    DataError
        As ``load_ts``.

    """
    where = shown(path)
    try:
        check_memory(where, path.stat().st_size, expected="a smaller file")
        if not path.is_file():
            raise DataError(where, "not a regular file", FORMAT)
        with path.open(encoding="utf-8-sig") as file:
            found = parse_ts(file, where, needs_labels=needs_labels)
    except UnicodeDecodeError as error:
        raise DataError(where, f"is not UTF-8 (byte 0x{error.object[error.start]:02x})", FORMAT) from None
    except OSError as error:
        raise DataError(where, f"cannot be read ({error.strerror})", FORMAT) from None
    return Series(found.values, _targets(found, path)) if needs_labels else found


def _targets(series: Series, path: Path) -> npt.NDArray[np.float64] | npt.NDArray[np.str_]:
    """Return targets as numbers where the file says so."""
    if _task(path) != "regression":
        return series.targets
    try:
        return series.targets.astype(np.float64)
    except ValueError:
        raise DataError(shown(path), "a target that is no number", "numbers, as @targetLabel says") from None


def _task(path: Path) -> Task:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        regression = any(line.lower().split()[1:2] == ["true"] for line in _header(file, "@targetlabel"))
    return "regression" if regression else "classification"


def _header(lines: Iterable[str], key: str) -> Iterator[str]:
    for line in lines:
        if line.lower().startswith("@data"):
            return
        if line.lower().startswith(key):
            yield line
