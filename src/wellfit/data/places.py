"""Where a named data set lies: in ``WELLFIT_DATA``, where Debian installs data sets, or in wellfit's cache."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from wellfit.data.cache import cache_folder
from wellfit.data.idx import find_idx
from wellfit.data.naming import shown
from wellfit.errors import DataError

DEBIAN_DATASETS = Path("/usr/share/datasets")
"""Where Debian's packages ``dataset-*`` install: ``dataset-fashion-mnist`` into ``fashion-mnist/``."""


@dataclass(frozen=True)
class NamedSet:
    """What is known of a public data set before it is read."""

    name: str
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    """``(C, H, W)``."""
    sizes: tuple[int, int]
    """Samples of train and of test, as published."""
    archives: tuple[str, ...]
    """File names under which its archive is looked for in ``WELLFIT_DATA``."""


@dataclass(frozen=True)
class Place:
    """A place where a named data set was found."""

    kind: Literal["idx", "archive", "cache"]
    path: Path


def find(named: NamedSet) -> Place | None:
    """Return the first place that holds a data set; ``None``: it would have to be downloaded.

    Raises
    ------
    DataError
        ``WELLFIT_DATA`` is set to something that is no folder, or a folder holds only some of a set's idx files.

    """
    own = data_folder()
    if own is not None:
        if not own.is_dir():
            raise DataError("WELLFIT_DATA", f"'{shown(own)}' is no folder", "a folder that holds data sets")
        if find_idx(own / named.name):
            return Place("idx", own / named.name)
        for archive in named.archives:
            if (own / archive).is_file():
                return Place("archive", own / archive)
    if find_idx(DEBIAN_DATASETS / named.name):
        return Place("idx", DEBIAN_DATASETS / named.name)
    cached = next(_complete(named), None)
    return Place("cache", cached) if cached is not None else None


def data_folder() -> Path | None:
    """Return the folder that ``WELLFIT_DATA`` names."""
    given = os.environ.get("WELLFIT_DATA")
    return Path(given).expanduser() if given else None


def looked_in(named: NamedSet) -> str:
    """Say where ``find`` looks, for the message when nothing was found."""
    own = data_folder()
    first = f"WELLFIT_DATA ({shown(own)})" if own is not None else "WELLFIT_DATA (not set)"
    return f"{first}, {DEBIAN_DATASETS / named.name} and {shown(cache_folder())}"


def cache_of_archive(named: NamedSet, archive: Path) -> Path:
    """Return where the decoded form of an archive is cached: another name for every version of it."""
    status = archive.stat()
    version = f"1:{archive.resolve()}:{status.st_size}:{status.st_mtime_ns}"
    key = hashlib.sha256(version.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return cache_folder() / "datasets" / f"{named.name}-{key}.npz"


def cache_of_download(named: NamedSet) -> Path:
    """Return where the decoded form of a download is cached."""
    return cache_folder() / "datasets" / f"{named.name}-download.npz"


def _complete(named: NamedSet) -> Iterator[Path]:
    """Yield files of the cache that hold the data set as published: the download first, then what an archive gave.

    A small archive of one's own, cached under the same name, must not stand for the public set.
    """
    download = cache_of_download(named)
    others = sorted(download.parent.glob(f"{named.name}-????????????????.npz"))
    for path in (download, *others):
        if _cached_shape(path) == (sum(named.sizes), *named.shape):
            yield path


def _cached_shape(path: Path) -> tuple[int, ...] | None:
    """Return the shape of the images in a file of the cache, read from its header alone."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("x.npy") as member:
            if np.lib.format.read_magic(member) != (1, 0):
                return None
            return np.lib.format.read_array_header_1_0(member)[0]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return None
