"""A folder of images as a subject: unreadable files are named, sizes are kept."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np

from wellfit.data.audit.subject import Subject
from wellfit.data.decode import decode
from wellfit.data.image_folder import LAYOUT, image_files
from wellfit.data.naming import shown
from wellfit.data.picture import BadImageError, Picture, Size, opened, pillow_quiet, upright_size
from wellfit.errors import DataError

LONGEST = 4096
"""Characters of a name: plans must find the file again, so none is shortened."""
PARTS = ("train", "test")


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

    Raises
    ------
    DataError
        As ``listed``; not one image; more than memory holds.

    """
    files, given = listed(root)
    depth = 3 if given else 2
    unreadable: dict[str, str] = {}
    kept: list[Path] = []
    sizes: dict[str, tuple[int, int]] = {}
    with pillow_quiet():
        for path in files:
            name = file_name(path, root)
            if len(path.relative_to(root).parts) != depth:
                unreadable[name] = "lies deeper than the class folders"
                continue
            try:
                with opened(Picture(name, path)) as image:
                    sizes[name] = upright_size(image)
                kept.append(path)
            except BadImageError as error:
                unreadable[name] = str(error)
    if not kept:
        raise DataError(shown(root), f"none of its {len(files)} files is an image", LAYOUT)
    common = Counter(sizes.values()).most_common(1)[0][0]
    wanted = size if size is not None else common if len(set(sizes.values())) > 1 else None
    pictures = [Picture(file_name(path, root), path) for path in kept]
    decoded = decode(pictures, where=shown(root), size=wanted, skip_bad=True)
    unreadable |= {message.split(": ", 1)[0]: message.split(": ", 1)[-1] for message in decoded.skipped}
    readable = [kept[i] for i in decoded.kept]
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
        x=decoded.x.numpy(),
        y=np.array([index[label] for label in labels], dtype=np.int64),
        classes=tuple(shown(label, longest=LONGEST) for label in classes),
        train=np.flatnonzero(~held),
        test=np.flatnonzero(held),
        test_is_given=given,
        unreadable=dict(sorted(unreadable.items())),
        sizes=sizes,
        fingerprint=folder_fingerprint(root),
    )
