"""A folder of images: ``root/<class>/*``, or ``root/train/<class>/*`` with ``root/test/<class>/*``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from wellfit.data.dataset import Dataset
from wellfit.data.decode import decode
from wellfit.data.naming import shown
from wellfit.data.picture import Picture, Size
from wellfit.errors import DataError

LITTER = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
"""What file managers and archivers leave behind; ignored as hidden files are."""

LAYOUT = "root/<class>/<image>, or root/train/<class>/<image> and root/test/<class>/<image>"


@dataclass(frozen=True)
class _Labelled:
    picture: Picture
    label: str


def load_image_folder(root: Path, *, size: Size | None = None, skip_bad: bool = False) -> Dataset:
    """Load a folder of images into memory; ``train`` and ``test`` folders are respected as the given split.

    Classes and files are taken in the order of their names. Hidden files are ignored; any other file in a class folder
    that is no image is a bad one. Formats, color and sizes: ``decode.decode``.

    Raises
    ------
    DataError
        No folder, no class folders or one only, an empty class folder, a folder inside a class folder, a link that
        leaves the root, a test class that train lacks, a bad file (the first by name), images of different sizes
        without ``size``.

    """
    where = shown(root)
    train, test = _parts(root, where)
    samples = list(_samples(train, root))
    classes = sorted({sample.label for sample in samples})
    if len(classes) < 2:
        raise DataError(where, f"one class only, '{shown(classes[0])}'", f"at least 2 class folders: {LAYOUT}")
    held = list(_samples(test, root)) if test is not None else []
    for sample in held:
        if sample.label not in classes:
            raise DataError(
                shown(root / "test"), f"the class '{shown(sample.label)}' is not in train", "the same classes"
            )
    everything = samples + held
    decoded = decode([sample.picture for sample in everything], where=where, size=size, skip_bad=skip_bad)
    index = {label: i for i, label in enumerate(classes)}
    y = torch.tensor([index[everything[i].label] for i in decoded.kept], dtype=torch.int64)
    kept_train = sum(i < len(samples) for i in decoded.kept)
    return Dataset(
        name=shown(root.resolve().name),
        task="classification",
        kind="image",
        x=decoded.x,
        y=y,
        classes=tuple(shown(label) for label in classes),
        given_test=torch.arange(kept_train, len(y)) if test is not None else None,
        skipped=decoded.skipped,
    )


def image_files(root: Path) -> list[Path]:
    """Return all files below a folder that are not hidden, sorted by path; links that leave the folder are refused."""
    found: list[Path] = []
    for entry in _entries(root, root):
        found += image_files_below(entry, root)
    return found


def image_files_below(entry: Path, root: Path) -> list[Path]:
    """Return the files at and below ``entry``, which lies in ``root``; linked folders are not entered twice."""
    if not entry.is_dir():
        return [entry]
    if entry.is_symlink():
        return []  # it leads to a folder of the same root, whose files are found there
    return [file for child in _entries(entry, root) for file in image_files_below(child, root)]


def _parts(root: Path, where: str) -> tuple[Path, Path | None]:
    """Return the folders that hold the class folders: train and test, or the root alone."""
    folders = [entry for entry in _entries(root, root) if entry.is_dir()]
    if not folders:
        raise DataError(where, "holds no class folders", LAYOUT)
    # a class may be called "train"; as a part of the data it holds class folders itself
    parts = {f.name for f in folders if f.name in ("train", "test") and any(e.is_dir() for e in _entries(f, root))}
    if not parts:
        return root, None
    others = [folder.name for folder in folders if folder.name not in ("train", "test")]
    if others:
        what = f"the folder '{shown(others[0])}' stands beside train and test"
        raise DataError(where, what, f"{LAYOUT} (the validation samples are drawn from train)")
    missing = {"train", "test"} - parts
    if missing:
        lacking = missing.pop()
        raise DataError(where, f"no class folders in '{lacking}'", LAYOUT)
    return root / "train", root / "test"


def _samples(part: Path, root: Path) -> Iterator[_Labelled]:
    for folder in (entry for entry in _entries(part, root) if entry.is_dir()):
        files = _entries(folder, root)
        if not files:
            raise DataError(shown(folder), "an empty class folder", "at least 3 images in each class")
        for file in files:
            if file.is_dir():
                raise DataError(shown(file), "a folder inside a class folder", LAYOUT)
            yield _Labelled(Picture(shown(file), file), folder.name)


def _entries(folder: Path, root: Path) -> list[Path]:
    """Return what a folder holds, by name, without hidden files; a link must stay inside ``root``."""
    try:
        with os.scandir(folder) as found:
            entries = sorted((entry.name, entry.is_symlink()) for entry in found if not _hidden(entry.name))
    except FileNotFoundError:
        raise DataError(shown(folder), "no such folder", LAYOUT) from None
    except OSError as error:
        raise DataError(shown(folder), f"cannot be read ({error.strerror})", "a folder of images") from None
    inside = root.resolve()
    for name, is_link in entries:
        if is_link and not (folder / name).resolve().is_relative_to(inside):
            raise DataError(shown(folder / name), "a link that leaves the folder", "the files themselves")
    return [folder / name for name, _ in entries]


def _hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in LITTER
