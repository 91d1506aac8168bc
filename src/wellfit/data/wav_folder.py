"""A folder of recordings: class folders, or classes in the names of the files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
import torch

from wellfit.data.dataset import Dataset
from wellfit.data.image_folder import image_files, labelled_files
from wellfit.data.memory import check_memory
from wellfit.data.naming import shown
from wellfit.data.series import Length, Series, series_dataset
from wellfit.data.wav import FLOOR, Samples, log_mel, read_wav, resampled
from wellfit.errors import DataError

NAMES = "<class>_<...>.wav"
LAYOUT = "root/<class>/<recording>, or root/train/<class>/<recording> and root/test/<class>/<recording>"


@dataclass(frozen=True)
class Sound:
    """How recordings become sequences: fields of DataSpec."""

    length: Length | None = None
    rate: int | None = None
    features: Literal["log_mel", "raw"] = "log_mel"


@dataclass(frozen=True, eq=False)
class Decoded:
    """Recordings as sequences ``(T_i, 40)``, or raw ``(T_i, 1)``."""

    values: list[Samples]
    kept: list[int]
    """Positions of the recordings that could be read."""
    skipped: tuple[str, ...]
    rate: int | None
    """Samples per second of all of them; ``None`` where there are none."""


@dataclass(frozen=True)
class Recording:
    """A WAV file or its bytes, its class and the group it belongs to."""

    name: str
    source: Path | bytes
    label: str
    group: str | None = None


def load_wav_folder(
    root: Path,
    sound: Sound,
    *,
    label_from: Literal["folder", "name"] = "folder",
    group: str | None = None,
    skip_bad: bool = False,
) -> Dataset:
    """Load ``root/<class>/*.wav`` (also below ``train`` and ``test``), or ``root/<class>_*.wav`` by name.

    With ``group="name"``, the second part of a name, ``<class>_<group>_*.wav``, says which recordings belong together.
    Sequences are float32 ``(N, T, 40)`` or, raw, ``(N, T, 1)``; unequal lengths need ``sound.length``.

    Raises
    ------
    DataError
        No classes, names without them, rates that differ without ``sound.rate``, a bad file (left out with
        ``skip_bad``), unequal lengths without a rule.

    """
    where = shown(root)
    if group not in (None, "name"):
        raise DataError("data.group", f"received '{shown(group or '')}'", "name: the second part of a file's name")
    test: Sequence[Recording] = ()
    if label_from == "name":
        train = [_by_name(file) for file in image_files(root)]
    else:
        if not any(one.is_dir() for one in root.iterdir()):
            raise DataError(where, "recordings without class folders", f"{LAYOUT}, or data.label_from: name ({NAMES})")
        first, second = labelled_files(root)
        train = [Recording(shown(file), file, label) for file, label in first]
        test = [Recording(shown(file), file, label) for file, label in second or []]
    if group is not None:
        train, test = [_grouped(one) for one in train], [_grouped(one) for one in test]
    return recordings_dataset(train, test, sound, name=root.resolve().name, where=where, skip_bad=skip_bad)


def recordings_dataset(
    train: Sequence[Recording],
    test: Sequence[Recording],
    sound: Sound,
    *,
    name: str,
    where: str,
    skip_bad: bool = False,
) -> Dataset:
    """Decode recordings into one data set; ``test`` is the given test where there is one."""
    given = [*train, *test]
    decoded = decode_recordings(given, sound, where=where, skip_bad=skip_bad)
    kept, made = [given[at] for at in decoded.kept], decoded.values
    first_test = sum(at < len(train) for at in decoded.kept)
    labels = np.array([shown(one.label) for one in kept])
    parts = [Series(made[:first_test], labels[:first_test])]
    if test:
        parts.append(Series(made[first_test:], labels[first_test:]))
    found = series_dataset(
        *parts,
        name=name,
        where=where,
        length=sound.length,
        task="classification",
        pad=silence(sound),
        skip_bad=False,
    )
    groups = group_index(one.group for one in kept)
    return replace(found, skipped=decoded.skipped, groups=groups, rate=decoded.rate)


def silence(sound: Sound) -> float:
    """Return the value that goes on where a recording ends."""
    return float(np.log(FLOOR)) if sound.features == "log_mel" else 0.0


def decode_recordings(
    recordings: Sequence[Recording], sound: Sound, *, where: str, known_rate: int | None = None, skip_bad: bool = False
) -> Decoded:
    """Decode recordings, resampled to ``sound.rate``; without one all must have the ``known_rate``, or else the same.

    Raises
    ------
    DataError
        A file that is none (left out with ``skip_bad``), another rate, more than memory holds.

    """
    made: list[Samples] = []
    kept: list[int] = []
    skipped: list[str] = []
    rates: dict[int, str] = {}
    size = 0
    for at, one in enumerate(recordings):
        try:
            samples, rate = read_wav(one.source, one.name)
        except DataError as error:
            if not skip_bad:
                raise
            skipped.append(str(error))
            continue
        rates.setdefault(sound.rate or rate, one.name)
        if known_rate is not None and sound.rate is None and rate != known_rate:
            raise DataError(one.name, f"{rate:,} samples per second", f"{known_rate:,}, as the model was trained on")
        if len(rates) > 1:
            (known, _), (other, who) = rates.items()
            raise DataError(who, f"{other:,} samples per second, others have {known:,}", "data.rate to resample all")
        samples = resampled(samples, rate, sound.rate)
        values = log_mel(samples, sound.rate or rate) if sound.features == "log_mel" else samples[:, None]
        if isinstance(sound.length, int):
            values = values[: sound.length].copy()
        size += values.nbytes
        check_memory(where, size, expected="fewer recordings, or shorter ones (data.length)")
        made.append(values)
        kept.append(at)
    return Decoded(made, kept, tuple(skipped), next(iter(rates), None))


def group_index(names: Iterable[str | None]) -> torch.Tensor | None:
    """Return groups as indices into their sorted names; ``None`` where there are none."""
    listed = list(names)
    if any(name is None for name in listed):
        return None
    index = {name: i for i, name in enumerate(sorted({name for name in listed if name is not None}))}
    return torch.tensor([index[name] for name in listed if name is not None], dtype=torch.int64)


def by_name(name: str, source: Path | bytes, where: str) -> Recording:
    """Return a recording called ``<class>_<group>_...wav`` (the group may be missing)."""
    label, *rest = PurePosixPath(name).stem.split("_")
    if not label or not rest:
        raise DataError(where, "a name without a class", NAMES)
    return Recording(where, source, label, rest[0] if len(rest) > 1 else None)


def is_wav_folder(root: Path) -> bool:
    """Return whether the first file of a folder, or of its first folders, is a WAV file."""
    return _first_suffix(root, depth=3) == ".wav"


def _first_suffix(folder: Path, *, depth: int) -> str | None:
    try:
        there = sorted(one for one in folder.iterdir() if not one.name.startswith("."))
    except OSError:
        return None  # whoever loads the folder says so
    for one in there:
        if not one.is_dir():
            return one.suffix.lower()
        found = _first_suffix(one, depth=depth - 1) if depth and not one.is_symlink() else None
        if found is not None:
            return found
    return None


def _by_name(file: Path) -> Recording:
    return replace(by_name(file.name, file, shown(file)), group=None)


def _grouped(one: Recording) -> Recording:
    name = one.source.name if isinstance(one.source, Path) else one.name
    group = by_name(name, one.source, one.name).group
    if group is None:
        raise DataError(one.name, "a name without a group", "<class>_<group>_<...>.wav")
    return replace(one, group=group)
