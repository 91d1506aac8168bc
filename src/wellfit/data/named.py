"""Data sets that are known by name: images (``digits``, ``fashion-mnist``, ``mnist``, ``cifar10``), and others that
other files load.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import torch

from wellfit.data.archive import Samples, read_cifar_binary, read_image_archive
from wellfit.data.cache import read_arrays, store_arrays
from wellfit.data.dataset import Dataset
from wellfit.data.download import download
from wellfit.data.idx import find_idx, read_idx_set
from wellfit.data.named_series import ARCHIVES, find_series, load_named_series
from wellfit.data.naming import shown
from wellfit.data.places import NamedSet, Place, cache_of_archive, cache_of_download, find
from wellfit.data.sklearn_sets import SETS, load_sklearn
from wellfit.data.wav_folder import Sound
from wellfit.errors import DataError, StorageError

log = logging.getLogger(__name__)

DIGITS = "digits"
CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
NUMERALS = tuple(str(i) for i in range(10))


def _archives(name: str) -> tuple[str, ...]:
    return tuple(f"{name}{tail}.tar.gz" for tail in ("-png", "-jpeg", "-jpg", ""))


NAMED = {
    found.name: found
    for found in (
        NamedSet("fashion-mnist", CLOTHES, (1, 28, 28), (60_000, 10_000), _archives("fashion-mnist")),
        NamedSet("mnist", NUMERALS, (1, 28, 28), (60_000, 10_000), _archives("mnist")),
        NamedSet(
            "cifar10", THINGS, (3, 32, 32), (50_000, 10_000), (*_archives("cifar10")[1:], "cifar-10-binary.tar.gz")
        ),
    )
}
"""The sets that come as files; ``digits`` comes with scikit-learn."""

NAMES = (DIGITS, *SETS, *NAMED, *ARCHIVES)
"""All names: those above, scikit-learn's tables, and sequences."""


def load_named(name: str, sound: Sound | None = None) -> Dataset:
    """Load a named data set; samples that the set gives as test are the given test.

    ``digits`` (UCI optical digits as in scikit-learn, 1,797 of 1 x 8 x 8, no given test) is stored as uint8: its values
    0..16 times 255 / 16, rounded. Other images are looked for as ``places.find`` says, and downloaded last. Tables come
    with scikit-learn (``sklearn_sets``), sequences are looked for in ``WELLFIT_DATA`` (``named_series``) and brought to
    the form that ``sound`` says.

    Raises
    ------
    DataError
        Not found and not to be downloaded, damaged, or of other shape or classes than the set has.

    """
    if name == DIGITS:
        return _digits()
    if name in SETS:
        return load_sklearn(name)
    if name in ARCHIVES:
        return load_named_series(name, sound or Sound())
    named = NAMED[name]
    place = find(named)
    x, y, test = _fresh_download(named) if place is None else _read(named, place)
    where = shown(place.path) if place is not None else name
    if x.shape[1:] != named.shape:
        raise DataError(where, f"images of {x.shape[1:]}", f"those of {name}, {named.shape}")
    if len(y) and not 0 <= int(y.min()) <= int(y.max()) < len(named.classes):
        raise DataError(where, f"labels from {y.min()} to {y.max()}", f"0 to {len(named.classes) - 1}")
    return Dataset(
        name=name,
        task="classification",
        kind="image",
        x=torch.from_numpy(x),
        y=torch.from_numpy(y),
        classes=named.classes,
        given_test=torch.arange(len(y) - test, len(y)),
    )


def data_places() -> list[tuple[str, Path | None]]:
    """Say for each named data set where it is found now; ``None``: it would be downloaded (or what is there is
    damaged).
    """
    import sklearn.datasets

    embedded = Path(sklearn.datasets.__file__).parent
    found: list[tuple[str, Path | None]] = [(name, embedded) for name in (DIGITS, *SETS)]
    for name, named in NAMED.items():
        try:
            place = find(named)
        except (DataError, StorageError):
            place = None
        found.append((name, place.path if place is not None else None))
    return found + [(name, find_series(name)) for name in ARCHIVES]


def _digits() -> Dataset:
    from sklearn.datasets import load_digits

    images, labels = load_digits().images, load_digits().target
    values = np.rint(images * (255 / 16)).astype(np.uint8)
    return Dataset(
        name=DIGITS,
        task="classification",
        kind="image",
        x=torch.from_numpy(values)[:, None].contiguous(),
        y=torch.from_numpy(labels.astype(np.int64)),
        classes=NUMERALS,
        given_test=None,
    )


def _read(named: NamedSet, place: Place) -> Samples:
    if place.kind == "idx":
        return read_idx_set(find_idx(place.path) or [])
    if place.kind == "archive":
        cached = cache_of_archive(named, place.path)
        found = _cached(cached)
        if found is None:
            binary = place.path.name == "cifar-10-binary.tar.gz"
            found = read_cifar_binary(place.path) if binary else read_image_archive(place.path, named.classes)
            _store(cached, found)
        return found
    found = _cached(place.path)
    if found is None:
        log.warning("%s: damaged, so %s is downloaded again", shown(place.path), named.name)
        found = _fresh_download(named)
    return found


def _fresh_download(named: NamedSet) -> Samples:
    found = download(named)
    _store(cache_of_download(named), found)
    return found


def _cached(path: Path) -> Samples | None:
    arrays = read_arrays(path)
    if arrays is None or set(arrays) != {"x", "y", "test"}:
        return None
    return (
        arrays["x"].astype(np.uint8, copy=False),
        arrays["y"].astype(np.int64, copy=False),
        int(arrays["test"].item()),
    )


def _store(path: Path, samples: Samples) -> None:
    x, y, test = samples
    try:
        store_arrays(path, {"x": x, "y": y.astype(np.uint8), "test": np.array(test)})
    except StorageError as error:  # the data is here all the same; only the next start is slower
        log.warning("not cached: %s; set WELLFIT_CACHE to another folder", error)
