"""NumPy archives: ``x`` and ``y``, or ``x_train``, ``y_train``, ``x_test`` and ``y_test``. Nothing is unpickled."""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wellfit.data.dataset import Dataset, Kind, Task
from wellfit.data.memory import check_memory
from wellfit.data.naming import shown
from wellfit.data.targets import FEW, FEW_LABELS, make_targets
from wellfit.errors import DataError

Array = npt.NDArray[Any]

LONGEST_HEADER = 2**16
"""Bytes; NumPy itself refuses headers of more than 10,000 characters."""

WHOLE = ("x", "y")
PARTS = ("x_train", "y_train", "x_test", "y_test")
KEYS = "arrays x and y, or x_train, y_train, x_test and y_test"
SAMPLES = "uint8 images (N, H, W), (N, H, W, C) or (N, C, H, W) with C of 1, 3 or 4, or numbers (N, D) or (N, T, C)"


@dataclass(frozen=True, eq=False)
class _Part:
    """Samples as they stand in the file, brought into wellfit's shape, and which of them are whole."""

    kind: Kind
    x: Tensor
    y: Array
    good: npt.NDArray[np.int64]
    skipped: tuple[str, ...]


def load_npz(path: Path, *, task: Task | None = None, kind: Kind | None = None, skip_bad: bool = False) -> Dataset:
    """Load a NumPy archive; ``x_test`` and ``y_test`` are the given test.

    Samples: uint8 images ``(N, H, W)``, ``(N, H, W, C)`` or ``(N, C, H, W)`` with C of 1 or 3 (4: alpha is dropped),
    vectors ``(N, D)`` of any numbers, or sequences ``(N, T, C)`` of numbers that cannot be pixels; ``kind`` settles
    what could be either (``samples``). Targets: text, integers or truth values ``(N,)``, or floats ``(N,)`` or ``(N,
    K)``; ``targets.make_targets`` says which are classes.

    Raises
    ------
    DataError
        No ``.npz`` or a damaged one, other arrays, objects, shapes or types that are not read, missing or infinite
        values (rows that have some are left out with ``skip_bad``).

    """
    where = shown(path)
    names = keys_of(path)
    given = set(PARTS) <= set(names)
    if not given and not set(WHOLE) <= set(names):
        raise DataError(where, f"holds {', '.join(shown(name) for name in names[:8]) or 'nothing'}", KEYS)
    return arrays_dataset(
        lambda name: read_array(path, name),
        where=where,
        name=path.stem,
        given=given,
        task=task,
        kind=kind,
        skip_bad=skip_bad,
    )


def arrays_dataset(
    read: Callable[[str], Array],
    *,
    where: str,
    name: str,
    given: bool,
    task: Task | None = None,
    kind: Kind | None = None,
    skip_bad: bool = False,
) -> Dataset:
    """Make a data set of the arrays that ``read`` returns by their names: WHOLE, or PARTS where a test is ``given``.

    Raises
    ------
    DataError
        As ``load_npz``.

    """
    parts = [_part(read, *(PARTS[:2] if given else WHOLE), where=where, kind=kind, skip_bad=skip_bad)]
    if given:
        # sequences that could be grey images are none where those of the train part could not
        known = "sequence" if parts[0].kind == "sequence" else kind
        parts.append(_part(read, *PARTS[2:], where=where, kind=known, skip_bad=skip_bad))
        _check_alike(*parts, where=where)
    y = np.concatenate([part.y[part.good] for part in parts])
    found = parts[0].kind
    made = make_targets(y, where=f"{where}, y", task=task, few=FEW if found == "vector" else FEW_LABELS)
    kept = [part.x if not part.skipped else part.x[torch.from_numpy(part.good)] for part in parts]
    return Dataset(
        name=shown(name),
        task=made.task,
        kind=found,
        x=torch.cat(kept) if given else kept[0],
        y=made.y,
        classes=made.classes,
        given_test=torch.arange(len(kept[0]), len(y)) if given else None,
        skipped=tuple(message for part in parts for message in part.skipped),
    )


def _check_alike(train: _Part, test: _Part, *, where: str) -> None:
    """Refuse samples or targets of test that are unlike those of train."""
    if train.kind != test.kind or train.x.shape[1:] != test.x.shape[1:]:
        what = f"x_test holds samples of shape {tuple(test.x.shape[1:])}"
        raise DataError(where, what, f"that of x_train, {tuple(train.x.shape[1:])}")
    if (train.y.dtype.kind in "UO") != (test.y.dtype.kind in "UO"):
        raise DataError(where, "one of y_train and y_test is text", "the same classes in both")
    if train.y.shape[1:] != test.y.shape[1:]:
        raise DataError(where, f"y_test has shape {test.y.shape}", f"that of y_train, (N, {train.y.shape[1:]})")


def keys_of(path: Path) -> tuple[str, ...]:
    """Return the names of an archive's arrays."""
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy"))
    except FileNotFoundError:
        raise DataError(shown(path), "no such file", "a NumPy archive (.npz)") from None
    except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise DataError(shown(path), f"cannot be read ({shown(str(error))})", "a NumPy archive (.npz)") from None


def read_array(path: Path, name: str) -> Array:
    """Return one array of an archive, after its header was checked against the size of its data.

    Raises
    ------
    DataError
        A damaged file, an array of objects (it would have to be unpickled), or one that memory does not hold.

    """
    where = f"{shown(path)}, {name}"
    try:
        with zipfile.ZipFile(path) as archive:
            with archive.open(f"{name}.npy") as member:
                shape, dtype = read_header(member)
            if dtype.hasobject:
                raise DataError(where, "holds Python objects", "plain numbers or text: objects would be unpickled")
            size = math.prod(shape) * dtype.itemsize
            if size > archive.getinfo(f"{name}.npy").file_size:
                raise DataError(where, f"its header claims {size:,} bytes, more than there are", "an undamaged array")
            check_memory(where, size, expected="a smaller array")
            with archive.open(f"{name}.npy") as member:
                found: Array = np.lib.format.read_array(member, allow_pickle=False)
    except (OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(where, f"cannot be read ({shown(str(error))})", "an undamaged array") from None
    return found


def samples(x: Array, where: str, *, kind: Kind | None = None) -> tuple[Kind, Tensor]:
    """Bring samples into wellfit's shape: uint8 images ``(N, C, H, W)``, float32 vectors ``(N, D)`` or float32
    sequences ``(N, T, C)``.

    Without ``kind``, two axes are vectors, three or four axes of uint8 are images, and three axes of numbers that
    cannot be grey images are sequences. What could be grey images of another type (0 to 1, or whole numbers of 0 to
    255) is refused rather than guessed at. With ``kind``, images may have any type if their values are whole numbers of
    0 to 255, and sequences of one channel may be ``(N, T)``.

    Raises
    ------
    DataError
        Samples that are not of the ``kind`` or of none, an ambiguous or other shape, text, complex numbers, no samples.

    """
    if x.dtype.kind not in "biuf":
        raise DataError(where, f"holds values of type {x.dtype}", SAMPLES)
    if 0 in x.shape or x.ndim < 2:
        raise DataError(where, f"has shape {x.shape}", SAMPLES)
    found = _kind_of(x, where) if kind is None else kind
    if found == "image":
        return found, torch.from_numpy(np.ascontiguousarray(_planes(x, where)))
    if x.ndim > (3 if found == "sequence" else 2):
        form = "sequences (N, T, C), or (N, T) of one channel" if found == "sequence" else "vectors (N, D)"
        raise DataError(where, f"has shape {x.shape}", form)
    if x.dtype.itemsize == 8 and np.abs(x).max(initial=0) > np.finfo(np.float32).max and np.isfinite(x).all():
        raise DataError(where, "holds numbers too large for float32", "numbers below 3.4e38")
    numbers = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))
    return found, numbers.unsqueeze(2) if found == "sequence" and x.ndim == 2 else numbers


def _kind_of(x: Array, where: str) -> Kind:
    """Return what samples are by their axes, type and values; refuse to guess."""
    if x.ndim == 2:
        return "vector"
    if x.dtype == np.uint8:
        return "image"
    if x.ndim == 3 and not _like_pixels(x):
        return "sequence"
    expected = "uint8 (0 to 255) for images, or 2-D (N, D) for vectors"
    more = ", or data.kind=sequence if they are sequences (N, T, C)" if x.ndim == 3 else ""
    raise DataError(where, f"has shape {x.shape} and type {x.dtype}", expected + more)


def _like_pixels(x: Array) -> bool:
    """Return whether all values could be those of grey images: whole numbers of 0 to 255, or numbers of 0 to 1."""
    if (x < 0).any() or (x > 255).any():
        return False
    return x.dtype.kind != "f" or not (x > 1).any() or not (np.floor(x) < x).any()


def _planes(x: Array, where: str) -> npt.NDArray[np.uint8]:
    """Return images as uint8 ``(N, C, H, W)``."""
    if x.dtype != np.uint8:
        if not ((x >= 0) & (x <= 255)).all() or (x.dtype.kind == "f" and (np.floor(x) < x).any()):
            raise DataError(where, f"has type {x.dtype} and values that are no pixels", "uint8 (0 to 255) for images")
        x = x.astype(np.uint8)
    if x.ndim == 3:
        return x[:, None]
    last, first = x.ndim == 4 and x.shape[3] in (1, 3, 4), x.ndim == 4 and x.shape[1] in (1, 3)
    if last and first:
        raise DataError(
            where, f"has shape {x.shape}, where channels may be second or last", "(N, H, W) for grey images"
        )
    if not last and not first:
        raise DataError(where, f"has shape {x.shape}", SAMPLES)
    return x if first else x[..., :3].transpose(0, 3, 1, 2)


def whole_rows(
    x: Tensor, y: Array | None, where: str, *, skip_bad: bool
) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Return the samples without missing or infinite values, and messages for the others; the first raises if not
    ``skip_bad``.
    """
    bad = np.zeros(len(x), dtype=np.bool_)
    if x.dtype == torch.float32:
        bad |= ~torch.isfinite(x).flatten(1).all(dim=1).numpy()
    if y is not None and y.dtype.kind == "f":
        bad |= ~np.isfinite(y.reshape(len(y), -1)).all(axis=1)
    places = [f"{where}, sample {row}" for row in np.flatnonzero(bad).tolist()]
    what = "a value is missing or infinite"
    if places and not skip_bad:
        raise DataError(places[0], what, "finite numbers, or data.skip_bad to leave the sample out")
    if bad.all():
        raise DataError(where, "not one sample is whole", "samples without missing values")
    return np.flatnonzero(~bad), tuple(f"{place}: {what}" for place in places)


def _part(
    read: Callable[[str], Array], x_name: str, y_name: str, *, where: str, kind: Kind | None, skip_bad: bool
) -> _Part:
    both = f"{where}, {x_name} and {y_name}"
    found, x = samples(read(x_name), f"{where}, {x_name}", kind=kind)
    y, where = read(y_name), f"{where}, {y_name}"
    if y.ndim not in (1, 2) or len(y) != len(x) or y.dtype.kind not in "biufUS":
        what = f"has shape {y.shape} and type {y.dtype}"
        raise DataError(where, what, f"one target for each of the {len(x)} samples: text or numbers")
    if y.dtype.kind == "S":
        try:
            y = np.char.decode(y, "utf-8")
        except UnicodeDecodeError:
            raise DataError(where, "holds bytes that are not UTF-8", "text or numbers") from None
    good, skipped = whole_rows(x, y, both, skip_bad=skip_bad)
    return _Part(found, x, y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y, good, skipped)


def read_header(member: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return shape and type that the header of a ``.npy`` claims; raise a ValueError where it is none.

    NumPy unpacks the whole of a header before it looks at its length, and parses it as a program: here it gets no more
    than LONGEST_HEADER.
    """
    start = io.BytesIO(member.read(LONGEST_HEADER))
    version = np.lib.format.read_magic(start)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, _, dtype = read(start)
    except (tokenize.TokenError, SyntaxError, RecursionError, MemoryError, TypeError):  # a parser of Python was fed
        raise ValueError("a damaged header") from None
    member.seek(start.tell())
    return shape, dtype
