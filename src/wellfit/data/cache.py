"""wellfit's own cache: where it is, and how arrays get there whole or not at all."""

from __future__ import annotations

import os
import sys
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wellfit.atomic import replacing
from wellfit.errors import StorageError


def cache_folder() -> Path:
    """Return the folder of wellfit's cache; it need not exist.

    ``WELLFIT_CACHE``; else ``XDG_CACHE_HOME/wellfit``; else the platform's place (``~/.cache/wellfit`` on Linux).
    """
    own, xdg = os.environ.get("WELLFIT_CACHE"), os.environ.get("XDG_CACHE_HOME")
    if own:
        return Path(own).expanduser()
    if xdg and Path(xdg).is_absolute():  # the XDG specification has relative paths ignored
        return Path(xdg) / "wellfit"
    try:
        home = Path.home()
    except RuntimeError:
        raise StorageError("no home folder is known: set WELLFIT_CACHE to a folder for the cache") from None
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "wellfit"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "wellfit" / "Cache"
    return home / ".cache" / "wellfit"


def store_arrays(path: Path, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
    """Write arrays to ``path`` as an uncompressed ``.npz``, whole or not at all.

    A reader sees the old file or the new one, whatever is killed and however many write at once.

    Raises
    ------
    StorageError
        The folder cannot be written or is full; nothing is left behind.

    """
    with replacing(path) as fresh, fresh.open("xb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def read_arrays(path: Path) -> dict[str, npt.NDArray[np.generic]] | None:
    """Return the arrays of a file of the cache; ``None`` where it is absent or damaged (a checksum protects each
    array).
    """
    try:
        # opened here, as np.load leaves a damaged file open
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error):
        return None
