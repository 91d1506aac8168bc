"""Sequences that are known by name: series of the UCR and UEA archives, and spoken digits."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path, PurePosixPath

from wellfit.data.archive import members
from wellfit.data.dataset import Dataset
from wellfit.data.naming import shown
from wellfit.data.places import data_folder
from wellfit.data.series import Length, Series, series_dataset
from wellfit.data.ts_file import TAILS, load_ts, parse_ts
from wellfit.data.wav_folder import Sound, by_name, load_wav_folder, recordings_dataset
from wellfit.errors import DataError

SPOKEN = "spoken-digits"
SPOKEN_FRAMES = 64
"""Frames of 10 ms that recordings of ``spoken-digits`` have unless ``data.length`` says another number."""

LENGTHS: dict[str, Length | None] = {
    "GunPoint": None,
    "ArrowHead": None,
    "ItalyPowerDemand": None,
    "OSULeaf": None,
    "BasicMotions": None,
    "JapaneseVowels": "longest",
}
"""Series by name, and the rule for their lengths unless ``data.length`` says another."""

ARCHIVES = {SPOKEN: "spoken-digits.tar.gz", **dict.fromkeys(LENGTHS, "ucr-series.tar.gz")}
"""Names, and the archives that hold them. They are read in memory: nothing is extracted."""


def load_named_series(name: str, sound: Sound) -> Dataset:
    """Load a series of the UCR and UEA archives (its TEST file is the given test), or ``spoken-digits`` (Free Spoken
    Digit Dataset, 3,000 recordings at 8 kHz; no given test, the speakers are the groups).

    They are looked for in ``WELLFIT_DATA``: a folder of that name, or the archive. They are not downloaded.

    Raises
    ------
    DataError
        Not found, or damaged.

    """
    place = find_series(name)
    if place is None:
        own = data_folder()
        where = f"WELLFIT_DATA ({shown(own)})" if own is not None else "WELLFIT_DATA, which is not set"
        what = f"a folder that holds {name}/ or {ARCHIVES[name]}"
        raise DataError(name, f"not in {where}, and it is not downloaded", f"WELLFIT_DATA set to {what}")
    length = length_of(name, sound)
    return _spoken(place, replace(sound, length=length)) if name == SPOKEN else _series(name, place, length)


def length_of(name: str, sound: Sound) -> Length | None:
    """Return the rule for the lengths of a set: that of the recipe, else the set's own; ``None`` for other names."""
    if sound.length is not None or name != SPOKEN:
        return sound.length or LENGTHS.get(name)
    return SPOKEN_FRAMES if sound.features == "log_mel" else SPOKEN_FRAMES * 80


def find_series(name: str) -> Path | None:
    """Return the folder or the archive that holds a named set; ``None`` where there is neither."""
    own = data_folder()
    if own is None:
        return None
    return next((path for path in (own / name, own / ARCHIVES[name]) if path.exists()), None)


def not_found(name: str) -> str:
    """Say of a set that is nowhere what is looked for: it is not downloaded."""
    if data_folder() is None:
        return f"not found: set WELLFIT_DATA to a folder that holds {name}/ or {ARCHIVES[name]}"
    return f"not found: WELLFIT_DATA holds neither {name}/ nor {ARCHIVES[name]}"


def _series(name: str, place: Path, length: Length | None) -> Dataset:
    if place.is_dir():
        return replace(load_ts(place, length=length), name=name)
    parts = [_member(place, f"{name}{tail}") for tail in TAILS]
    return series_dataset(*parts, name=name, where=shown(place), length=length, task="classification")


def _member(archive: Path, name: str) -> Series:
    where = f"{shown(archive)}, {name}"
    found = members(archive, lambda member: PurePosixPath(member).name == name)
    if not found:
        raise DataError(where, "no such file in the archive", "an undamaged archive")
    try:
        text = next(iter(found.values())).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(where, "is not UTF-8", "a .ts file") from None
    return parse_ts(io.StringIO(text), where)


def _spoken(place: Path, sound: Sound) -> Dataset:
    if place.is_dir():
        inner = place / "recordings"
        root = inner if inner.is_dir() else place
        return replace(load_wav_folder(root, sound, label_from="name", group="name"), name=SPOKEN)
    found = members(place, lambda member: member.endswith(".wav"))
    where = shown(place)
    recordings = [
        by_name(PurePosixPath(name).name, data, f"{where}, {shown(name)}") for name, data in sorted(found.items())
    ]
    return recordings_dataset(recordings, [], sound, name=SPOKEN, where=where)
