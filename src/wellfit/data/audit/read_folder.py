"""A folder of images as a subject: unreadable files are named, sizes are kept."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from wellfit.data.audit.subject import Subject
from wellfit.data.image_folder import LAYOUT, image_files
from wellfit.data.ingest import WORTH, Source, cache_path, ingest
from wellfit.data.mapped import just_written
from wellfit.data.naming import shown
from wellfit.data.picture import BadImageError, Picture, Size, opened, pillow_quiet, upright_size
from wellfit.errors import DataError

LONGEST = 4096
"""Characters of a name: plans must find the file again, so none is shortened."""
PARTS = ("train", "test")
DEEP = "lies deeper than the class folders"
_NOTHING = np.zeros(0, dtype=np.int64)


def file_name(path: Path, root: Path) -> str:
    """Return what a file of a folder is called: its path below the folder, on one line."""
    return shown(path.relative_to(root).as_posix(), longest=LONGEST)


def listed(root: Path) -> tuple[list[Path], bool]:
    """Return the files of the class folders, train before test, and whether there are these two parts.

    Raises
    ------
    DataError
        No folder, a link that leaves it, or no class folders.

    """
    files = image_files(root)
    deep = [path for path in files if len(path.relative_to(root).parts) > 1]
    parts = [path.relative_to(root).parts for path in deep]
    given = bool(parts) and {one[0] for one in parts} == set(PARTS) and all(len(one) > 2 for one in parts)
    if not deep:
        raise DataError(shown(root), "holds no class folders", LAYOUT)
    if given:
        deep.sort(key=lambda path: path.relative_to(root).parts[0] == "test")  # stable: names stay in order
    return deep, given


def folder_fingerprint(root: Path) -> str:
    """Return the SHA-256 of all names and contents of a folder's files."""
    digest = hashlib.sha256()
    for path in sorted(image_files(root)):
        digest.update(path.relative_to(root).as_posix().encode("utf-8", "surrogateescape") + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b"no file")
    return digest.hexdigest()


def read_folder(root: Path, *, size: Size | None = None) -> Subject:
    """Read a folder of images; where sizes differ and ``size`` is ``None``, all are resized to the commonest.

    A folder of many images is decoded once (``ingest``), and again when a file has come, gone, or changed its size or
    time; what is not read again then are the headers and the fingerprint too.

    Raises
    ------
    DataError
        As ``listed``; not one image; more than memory holds.

    """
    files, given = listed(root)
    depth = 3 if given else 2
    deep = {file_name(path, root): DEEP for path in files if len(path.relative_to(root).parts) != depth}
    files = [path for path in files if len(path.relative_to(root).parts) == depth]
    key, stamp = f"audit\0{root.resolve()}\0{size}", _stamp(root)
    told = Source(shown(root), key, stamp, len(files), list, lambda kept: (_NOTHING, {}))
    stored = just_written(cache_path(told), source=stamp) if len(files) >= WORTH else None
    notes = stored.notes["told"] if stored is not None else _headers(files, root, size)
    kept = [path for path in files if file_name(path, root) in notes["sizes"]]
    if not kept:
        raise DataError(shown(root), f"none of its {len(files) + len(deep)} files is an image", LAYOUT)
    wanted = tuple(notes["wanted"]) if notes["wanted"] is not None else None
    source = replace(
        told,
        pictures=lambda: [Picture(file_name(path, root), path) for path in kept],
        tell=lambda rows: (np.array(rows, dtype=np.int64), notes),
    )
    found = ingest(source, size=wanted, skip_bad=True)
    unreadable = deep | notes["unreadable"]
    read = set(found.y.tolist())
    lost = (row for row in range(len(kept)) if row not in read)  # messages come in the same order
    for row, message in zip(lost, found.skipped, strict=True):
        name = file_name(kept[row], root)
        unreadable[name] = message.removeprefix(f"{name}: ")
    readable = [kept[row] for row in found.y.tolist()]
    labels = [path.relative_to(root).parts[depth - 2] for path in readable]
    classes = sorted(set(labels))
    index = {label: i for i, label in enumerate(classes)}
    held = np.array([given and path.relative_to(root).parts[0] == "test" for path in readable], dtype=np.bool_)
    return Subject(
        name=shown(root.resolve().name),
        source=shown(root, longest=LONGEST),
        kind="image",
        task="classification",
        names=tuple(file_name(path, root) for path in readable),
        x=found.x.numpy(),
        y=np.array([index[label] for label in labels], dtype=np.int64),
        classes=tuple(shown(label, longest=LONGEST) for label in classes),
        train=np.flatnonzero(~held),
        test=np.flatnonzero(held),
        test_is_given=given,
        unreadable=dict(sorted(unreadable.items())),
        sizes={name: (height, width) for name, (height, width) in notes["sizes"].items()},
        fingerprint=notes["fingerprint"],
    )


def _headers(files: Sequence[Path], root: Path, size: Size | None) -> dict[str, Any]:
    """Return what the cache keeps beside the images: sizes by name, what has no header, the size to resize to, and the
    fingerprint.
    """
    sizes: dict[str, Size] = {}
    unreadable: dict[str, str] = {}
    with pillow_quiet():
        for path in files:
            name = file_name(path, root)
            try:
                with opened(Picture(name, path)) as image:
                    sizes[name] = upright_size(image)
            except BadImageError as error:
                unreadable[name] = str(error)
    common = Counter(sizes.values()).most_common(1)[0][0] if sizes else None
    wanted = size if size is not None else common if len(set(sizes.values())) > 1 else None
    return {"sizes": sizes, "unreadable": unreadable, "wanted": wanted, "fingerprint": folder_fingerprint(root)}


def _stamp(root: Path) -> str:
    """Return the SHA-256 over name, size and time of every file."""
    digest = hashlib.sha256()
    for path in image_files(root):
        digest.update(os.fsencode(path.relative_to(root)))
        try:
            status = path.stat()
        except OSError:
            digest.update(b"gone")
        else:
            digest.update(f"\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()
