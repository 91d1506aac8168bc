"""A folder of images: ``root/<class>/*``, or ``root/train/<class>/*`` with ``root/test/<class>/*``."""

from __future__ import annotations

import hashlib
import os
import stat
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from wellfit.data.dataset import Dataset
from wellfit.data.ingest import Source, Told, ingest
from wellfit.data.naming import LONGEST, shown
from wellfit.data.picture import Picture, Size
from wellfit.errors import DataError

LITTER = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
"""What file managers and archivers leave behind; ignored as hidden files are."""

_KIND = 0o170000
"""The bits of a mode that say what a file is (S_IFMT)."""

Labelled = tuple[Path, str]
"""A file and its class."""

LAYOUT = "root/<class>/<image>, or root/train/<class>/<image> and root/test/<class>/<image>"


@dataclass(frozen=True)
class _ClassFolder:
    label: str
    path: Path
    names: tuple[str, ...]
    status: bytes
    """Size and time of each file, int64 of this machine."""


def load_image_folder(
    root: Path, *, size: Size | None = None, skip_bad: bool = False, memory: int | None = None
) -> Dataset:
    """Load a folder of images; ``train`` and ``test`` folders are respected as the given split.

    Classes and files are taken in the order of their names. Hidden files are ignored; any other file in a class folder
    that is no image is a bad one. Formats, color and sizes: ``decode.decode``. A folder of many images is decoded once,
    and again when a file has come, gone, or changed its size or time; ``memory``: ``ingest.ingest``.

    Raises
    ------
    DataError
        No folder, no class folders or one only, an empty class folder, a folder inside a class folder, a link that
        leaves the root, a test class that train lacks, a bad file (the first by name), images of different sizes
        without ``size``.

    """
    folders, held = _folders(root)
    source = _source(root, folders, held or [], f"{size}\0{skip_bad}")
    found = ingest(source, size=size, skip_bad=skip_bad, memory=memory)
    return Dataset(
        name=shown(root.resolve().name),
        task="classification",
        kind="image",
        x=found.x,
        y=found.y,
        classes=tuple(shown(label) for label in _labels(folders)),
        given_test=torch.arange(found.notes["train"], len(found.y)) if held is not None else None,
        skipped=found.skipped,
        fingerprint=found.fingerprint,
    )


def labelled_files(root: Path) -> tuple[list[Labelled], list[Labelled] | None]:
    """Return the files of class folders with their classes: those of train (or of the root), and of test if there is
    one.

    Raises
    ------
    DataError
        As ``load_image_folder``, before any file is opened.

    """
    train, test = _folders(root)
    samples, held = ([(f.path / name, f.label) for f in part for name in f.names] for part in (train, test or []))
    return samples, None if test is None else held


def _folders(root: Path) -> tuple[list[_ClassFolder], list[_ClassFolder] | None]:
    """Return the class folders of train (or of the root), and of test if there is one."""
    where = shown(root)
    train, test = _parts(root, where)
    folders = list(_class_folders(train, root))
    classes = _labels(folders)
    if len(classes) < 2:
        raise DataError(where, f"one class only, '{shown(classes[0])}'", f"at least 2 class folders: {LAYOUT}")
    if test is None:
        return folders, None
    held = list(_class_folders(test, root))
    for folder in held:
        if folder.label not in classes:
            what = f"the class '{shown(folder.label)}' is not in train"
            raise DataError(shown(root / "test"), what, "the same classes")
    return folders, held


def _labels(folders: Sequence[_ClassFolder]) -> list[str]:
    return sorted({folder.label for folder in folders})


def _source(root: Path, train: Sequence[_ClassFolder], test: Sequence[_ClassFolder], how: str) -> Source:
    everything, classes = [*train, *test], _labels(train)
    counts = [len(folder.names) for folder in everything]
    labels = np.repeat([classes.index(folder.label) for folder in everything], counts).astype(np.int64)
    samples = sum(counts[: len(train)])

    def tell(kept: tuple[int, ...]) -> Told:
        rows = np.array(kept)
        return labels[rows], {"train": int((rows < samples).sum())}

    return Source(
        where=shown(root),
        key=f"folder\0{root.resolve()}\0{how}",
        stamp=_stamp(everything, root),
        count=len(labels),
        pictures=lambda: [picture for folder in everything for picture in _pictures(folder)],
        tell=tell,
    )


def _pictures(folder: _ClassFolder) -> Iterator[Picture]:
    for name in folder.names:
        text = f"{folder.path}{os.sep}{name}"
        # this is asked for every image of a large folder: names that need no care get none
        short = len(text) <= LONGEST and text.isprintable()
        yield Picture(text if short else shown(text), Path(text))


def _stamp(folders: Sequence[_ClassFolder], root: Path) -> str:
    """Return the SHA-256 over name, size and time of every file."""
    digest = hashlib.sha256()
    for folder in folders:
        digest.update(os.fsencode("\0".join([str(folder.path.relative_to(root)), *folder.names])))
        digest.update(folder.status)
    return digest.hexdigest()


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


def _class_folders(part: Path, root: Path) -> Iterator[_ClassFolder]:
    for label, is_folder in scan(part, root):
        if not is_folder:
            continue
        folder = part / label
        try:
            names = sorted(name for name in os.listdir(folder) if not _hidden(name))
        except OSError as error:
            raise DataError(shown(folder), f"cannot be read ({error.strerror})", "a folder of images") from None
        if not names:
            raise DataError(shown(folder), "an empty class folder", "at least 3 images in each class")
        yield _ClassFolder(label, folder, tuple(names), _status(folder, names, root))


def _status(folder: Path, names: Sequence[str], root: Path) -> bytes:
    """Return size and time of files; of a large set this is most of what a second start takes, so each is asked once.

    Raises
    ------
    DataError
        A folder among them, or a link that leaves the root.

    """
    found = array("q")
    start, status = f"{folder}{os.sep}", os.lstat
    for name in names:
        try:
            one = status(start + name)
            if one.st_mode & _KIND != stat.S_IFREG:
                one = _followed(folder / name, one, root)
            found.append(one.st_size)
            found.append(one.st_mtime_ns)
        except OSError:  # it is said when the file is decoded
            found.extend((-1, -1))
    return found.tobytes()


def _followed(path: Path, found: os.stat_result, root: Path) -> os.stat_result:
    """Return what an entry that is no regular file leads to."""
    if stat.S_ISLNK(found.st_mode):
        check_link(path, root.resolve())
        found = os.stat(path)
    if stat.S_ISDIR(found.st_mode):
        raise DataError(shown(path), "a folder inside a class folder", LAYOUT)
    return found


def _entries(folder: Path, root: Path) -> list[Path]:
    """Return what a folder holds, by name, without hidden files; a link must stay inside ``root``."""
    return [folder / name for name, _ in scan(folder, root)]


def scan(folder: Path, root: Path) -> list[tuple[str, bool]]:
    """Return the names that ``_entries`` gives, and whether each is a folder."""
    try:
        with os.scandir(folder) as found:
            entries = sorted((e.name, e.is_symlink(), e.is_dir()) for e in found if not _hidden(e.name))
    except FileNotFoundError:
        raise DataError(shown(folder), "no such folder", LAYOUT) from None
    except OSError as error:
        raise DataError(shown(folder), f"cannot be read ({error.strerror})", "a folder of images") from None
    inside = root.resolve()
    for name, is_link, _ in entries:
        if is_link:
            check_link(folder / name, inside)
    return [(name, is_folder) for name, _, is_folder in entries]


def check_link(path: Path, inside: Path) -> None:
    """Refuse a link that leads out of the resolved folder ``inside``, or in a circle."""
    try:
        is_inside = path.resolve().is_relative_to(inside)
    except (OSError, RuntimeError):  # Python 3.13 resolves a circle to itself; it is said when the file is decoded
        raise DataError(shown(path), "a link that leads in a circle", "the files themselves") from None
    if not is_inside:
        raise DataError(shown(path), "a link that leaves the folder", "the files themselves")


def _hidden(name: str) -> bool:
    return name[0] == "." or name.lower() in LITTER
