"""The public downloads of named data sets, through torchvision, checked by their MD5 sums."""

from __future__ import annotations

import contextlib
import http.client
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wellfit.data.archive import Samples, read_cifar_binary
from wellfit.data.cache import cache_folder
from wellfit.data.idx import STEMS, read_idx_set
from wellfit.data.naming import shown
from wellfit.data.places import NamedSet, looked_in
from wellfit.errors import DataError, StorageError

CIFAR_URL = "https://www.cs.toronto.edu/~kriz/"
CIFAR_FILE = ("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530")
"""The binary version: torchvision's own class takes the one that is a pickle."""

PATIENCE = 20.0
"""Seconds that a server may stay silent."""


@dataclass(frozen=True)
class Remote:
    """Files of a data set: mirrors that end in ``/``, and name and MD5 sum of each file."""

    mirrors: tuple[str, ...]
    files: tuple[tuple[str, str], ...]


def remote_of(name: str) -> Remote:
    """Return where a named data set is published."""
    from torchvision.datasets import MNIST, FashionMNIST

    if name == "cifar10":
        return Remote((CIFAR_URL,), (CIFAR_FILE,))
    known = {"mnist": MNIST, "fashion-mnist": FashionMNIST}[name]
    return Remote(tuple(known.mirrors), tuple((file, md5) for file, md5 in known.resources))


def download(named: NamedSet) -> Samples:
    """Download a data set into a temporary folder of the cache and read it; the folder is removed in any case.

    Raises
    ------
    DataError
        No mirror gives the files; the message says where was looked before and what to set.
    StorageError
        The cache cannot be written.

    """
    root = cache_folder()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=root) as temporary:
            folder = Path(temporary)
            remote = remote_of(named.name)
            for file, md5 in remote.files:
                _fetch(named, remote.mirrors, file, md5, folder)
            if named.name == "cifar10":
                return read_cifar_binary(folder / CIFAR_FILE[0])
            return read_idx_set([folder / f"{stem}.gz" for stem in STEMS])
    except OSError as error:
        raise StorageError(
            f"{shown(root)}: the cache cannot be written ({error.strerror}); set WELLFIT_CACHE"
        ) from None


def _fetch(named: NamedSet, mirrors: tuple[str, ...], file: str, md5: str, folder: Path) -> None:
    from torchvision.datasets.utils import download_url

    reason = ""
    for mirror in mirrors:
        try:
            # torchvision may print to stdout, which belongs to results
            with impatient(), contextlib.redirect_stdout(sys.stderr):
                download_url(mirror + file, folder, filename=file, md5=md5)
            return
        except (OSError, RuntimeError, ValueError, http.client.HTTPException) as error:
            reason = reason or f"{mirror}{file}: {error or type(error).__name__}"
    raise DataError(
        named.name,
        f"not in {looked_in(named)}, and the download failed ({shown(reason, longest=200)})",
        f"WELLFIT_DATA set to a folder that holds {named.name}/ with its idx files or {named.archives[0]}"
        if named.name != "cifar10"
        else f"WELLFIT_DATA set to a folder that holds {named.archives[0]}",
    ) from None


@contextlib.contextmanager
def impatient() -> Iterator[None]:
    """Give up on a silent server: torchvision sets no timeout."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
