"""Image sets of torchvision by the names of their classes: ``torchvision:KMNIST``."""

from __future__ import annotations

import contextlib
import http.client
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from wellfit.data.cache import cache_folder
from wellfit.data.dataset import Dataset
from wellfit.data.download import impatient
from wellfit.data.memory import check_memory
from wellfit.data.naming import shown
from wellfit.data.picture import BadImageError, Pixels, Size, is_grey, pixels
from wellfit.data.places import data_folder
from wellfit.errors import DataError, nearest

PREFIX = "torchvision:"


@dataclass(frozen=True)
class _Parts:
    """How a class of torchvision is asked for its parts: the parameter, and its values."""

    parameter: str
    train: tuple[object, ...]
    test: tuple[object, ...]


_FLAG = _Parts("train", (True,), (False,))
_SPLIT = _Parts("split", ("train",), ("test",))
_THREE = _Parts("split", ("train", "val"), ("test",))
_TRAINVAL = _Parts("split", ("trainval",), ("test",))

SETS = {
    **dict.fromkeys(("KMNIST", "MNIST", "FashionMNIST", "QMNIST", "USPS", "CIFAR10", "CIFAR100"), _FLAG),
    **dict.fromkeys(("SVHN", "STL10", "GTSRB", "Food101"), _SPLIT),
    **dict.fromkeys(("DTD", "Flowers102", "RenderedSST2"), _THREE),
    **dict.fromkeys(("OxfordIIITPet", "FGVCAircraft"), _TRAINVAL),
}
"""The classes of torchvision that hold one label for each image, and a test part."""


def load_torchvision(name: str, *, size: Size | None = None) -> Dataset:
    """Load a set of torchvision; its test part is the given test, its train and validation parts are train.

    It lies in ``WELLFIT_DATA/torchvision`` where that folder exists, else in wellfit's cache; torchvision downloads it
    there and checks it. Grey images stay grey; others become RGB. Images of different sizes need ``size``.

    Raises
    ------
    DataError
        No such set, the download failed or is damaged, images of different sizes without ``size``.

    """
    found = name.removeprefix(PREFIX)
    if found not in SETS:
        raise DataError("data.source", f"torchvision has no set '{shown(found)}' that is read", nearest(found, SETS))
    parts, root = SETS[found], _root()
    train = [_part(found, root, parts.parameter, value) for value in parts.train]
    test = [_part(found, root, parts.parameter, value) for value in parts.test]
    images: list[Pixels] = []
    labels: list[int] = []
    channels = 1 if all(is_grey(part[0][0]) for part in (*train, *test)) else 3
    count = sum(len(part) for part in (*train, *test))
    for part in (*train, *test):
        for image, label in _samples(part):
            try:
                images.append(pixels(image, channels=channels, size=size))
            except BadImageError as error:
                raise DataError(name, str(error), "an undamaged image") from None
            if images[-1].shape != images[0].shape:
                what = f"images of {images[0].shape[1:]} and {images[-1].shape[1:]}"
                raise DataError(name, what, "data.size: the height and width to resize all to")
            if len(images) == 1:
                check_memory(name, images[0].nbytes * count, expected="smaller images (data.size)")
            labels.append(label)
    classes = _classes(train[0], labels)
    first_test = sum(len(part) for part in train)
    return Dataset(
        name=found,
        task="classification",
        kind="image",
        x=torch.from_numpy(np.stack(images)),
        y=torch.tensor(labels, dtype=torch.int64),
        classes=classes,
        given_test=torch.arange(first_test, len(labels)),
    )


def _root() -> Path:
    own = data_folder()
    if own is not None and (own / "torchvision").is_dir():
        return own / "torchvision"
    return cache_folder() / "torchvision"


def _part(name: str, root: Path, parameter: str, value: object) -> Any:
    from torchvision import datasets

    try:
        root.mkdir(parents=True, exist_ok=True)
        # torchvision may print to stdout, which belongs to results
        with impatient(), contextlib.redirect_stdout(sys.stderr):
            made = getattr(datasets, name)(root=str(root), download=True, **{parameter: value})
        if not len(made):
            raise ValueError("holds no images")
    except ImportError as error:
        raise DataError(f"{PREFIX}{name}", f"needs a library that is not installed ({error})", "that library") from None
    except (OSError, RuntimeError, ValueError, EOFError, http.client.HTTPException) as error:
        what = f"cannot be had in {shown(root)} ({shown(str(error) or type(error).__name__, longest=200)})"
        raise DataError(f"{PREFIX}{name}", what, "its files there, or a connection to download them") from None
    return made


def _samples(part: Any) -> Iterator[tuple[Any, int]]:
    for index in range(len(part)):
        image, label = part[index]
        yield image, int(label)


def _classes(part: Any, labels: list[int]) -> tuple[str, ...]:
    """Return the names that torchvision has, or the numbers."""
    names = getattr(part, "classes", None)
    count = max(labels) + 1
    if isinstance(names, list | tuple) and len(names) >= count:
        return tuple(shown(str(one)) for one in names)
    return tuple(str(index) for index in range(count))
