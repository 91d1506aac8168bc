"""Data sets that are known by name: images (``digits``, ``fashion-mnist``, ``mnist``, ``cifar10``), and others that
other files load.
"""

from __future__ import annotations

import logging
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from wellfit.data.archive import Samples, archive_pictures, read_cifar_binary, read_image_archive
from wellfit.data.cache import cache_folder, read_arrays, store_arrays
from wellfit.data.dataset import Dataset
from wellfit.data.decode import decode_into
from wellfit.data.download import download
from wellfit.data.idx import find_idx, read_idx_set
from wellfit.data.ingest import samples
from wellfit.data.mapped import just_written, open_stored, writing
from wellfit.data.memory import for_samples
from wellfit.data.named_series import ARCHIVES, find_series, load_named_series, not_found
from wellfit.data.naming import shown
from wellfit.data.places import NamedSet, Place, cache_of_archive, cache_of_download, find
from wellfit.data.sklearn_sets import SETS, load_sklearn
from wellfit.data.wav_folder import Sound
from wellfit.errors import DataError, StorageError

log = logging.getLogger(__name__)

DIGITS = "digits"
CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR_BINARY = "cifar-10-binary.tar.gz"
NUMERALS = tuple(str(i) for i in range(10))


def _archives(name: str) -> tuple[str, ...]:
    return tuple(f"{name}{tail}.tar.gz" for tail in ("-png", "-jpeg", "-jpg", ""))


NAMED = {
    found.name: found
    for found in (
        NamedSet("fashion-mnist", CLOTHES, (1, 28, 28), (60_000, 10_000), _archives("fashion-mnist")),
        NamedSet("mnist", NUMERALS, (1, 28, 28), (60_000, 10_000), _archives("mnist")),
        NamedSet("cifar10", THINGS, (3, 32, 32), (50_000, 10_000), (*_archives("cifar10")[1:], CIFAR_BINARY)),
    )
}
"""The sets that come as files; ``digits`` comes with scikit-learn."""

NAMES = (DIGITS, *SETS, *NAMED, *ARCHIVES)
"""All names: those above, scikit-learn's tables, and sequences."""


def load_named(name: str, sound: Sound | None = None, memory: int | None = None) -> Dataset:
    """Load a named data set; samples that the set gives as test are the given test.

    ``digits`` (UCI optical digits as in scikit-learn, 1,797 of 1 x 8 x 8, no given test) is stored as uint8: its values
    0..16 times 255 / 16, rounded. Other images are looked for as ``places.find`` says, and downloaded last. Tables come
    with scikit-learn (``sklearn_sets``), sequences are looked for in ``WELLFIT_DATA`` (``named_series``) and brought to
    the form that ``sound`` says. Images that need more than half of ``memory`` bytes stay on the disk.

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
    room = for_samples(memory)
    if memory is not None and room is not None and sum(named.sizes) * math.prod(named.shape) > room:
        return _streamed(named, place, memory)
    x, y, test = _fresh_download(named) if place is None else _read(named, place)
    _check(named, place, x.shape[1:], y)
    return Dataset(
        name=name,
        task="classification",
        kind="image",
        x=torch.from_numpy(x),
        y=torch.from_numpy(y),
        classes=named.classes,
        given_test=torch.arange(len(y) - test, len(y)),
    )


def _check(named: NamedSet, place: Place | None, shape: tuple[int, ...], y: npt.NDArray[np.int64]) -> None:
    where = shown(place.path) if place is not None else named.name
    if shape != named.shape:
        raise DataError(where, f"images of {shape}", f"those of {named.name}, {named.shape}")
    if len(y) and not 0 <= int(y.min()) <= int(y.max()) < len(named.classes):
        raise DataError(where, f"labels from {y.min()} to {y.max()}", f"0 to {len(named.classes) - 1}")


def _streamed(named: NamedSet, place: Place | None, memory: int) -> Dataset:
    """Return a set that has no room in memory, from a cache file that is written once.

    Then an archive of images is in memory, encoded; sets of another form are in memory as a whole.
    """
    path = cache_folder() / "datasets" / f"{named.name}.u8"
    files = [] if place is None else (find_idx(place.path) or []) if place.kind == "idx" else [place.path]
    states = [file.stat() for file in files]
    stamp = " ".join([named.name, *map(str, files), *(f"{one.st_size} {one.st_mtime_ns}" for one in states)])
    stored = open_stored(path, source=stamp)
    if stored is None:
        with writing(path) as writer:
            if place is not None and place.kind == "archive" and place.path.name != CIFAR_BINARY:
                pictures, y, test = archive_pictures(place.path, named.classes)
                decode_into(writer, pictures, where=shown(place.path))
            else:
                x, y, test = _fresh_download(named) if place is None else _read(named, place)
                writer.begin(len(x), x.shape[1:], where=named.name, advice="")
                writer.write(x)
            writer.finish(y, source=stamp, notes={"test": test})
        stored = just_written(path, source=stamp)
    if stored is None:
        raise StorageError(f"{path}: was replaced while it was read; run the same command again")
    _check(named, place, stored.shape[1:], stored.y)
    test = stored.notes["test"]
    return Dataset(
        name=named.name,
        task="classification",
        kind="image",
        x=samples(stored, memory),
        y=torch.from_numpy(stored.y),
        classes=named.classes,
        given_test=torch.arange(len(stored.y) - test, len(stored.y)),
        fingerprint=stored.fingerprint,
    )


def data_places() -> list[tuple[str, Path | None]]:
    """Say for each named data set where it is found now; ``None``: nowhere, or what is there is damaged
    (``if_missing`` says what then).
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


def if_missing(name: str) -> str:
    """Say what becomes of a data set for which ``data_places`` has no place."""
    if name in ARCHIVES:
        return not_found(name)
    try:
        find(NAMED[name])
    except (DataError, StorageError) as error:
        return f"cannot be used: {error}"
    return "not found: would be downloaded"


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
            binary = place.path.name == CIFAR_BINARY
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
