"""Pairs of an image and its mask: ``root/images/*`` with ``root/masks/*``, or both in ``train`` and in ``test``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wellfit.data.image_folder import image_files_below, scan
from wellfit.data.naming import shown
from wellfit.errors import DataError

IMAGES = ("images", "image", "imgs", "img")
MASKS = ("masks", "mask", "labels", "annotations", "segmentations")
"""Names of the folders, in any case."""

ENDINGS = ("_mask", "_seg", "_segmentation", "-mask", "-seg")
"""What the name of a mask may have behind that of its image."""

PARTS = ("train", "test")

LAYOUT = "root/images/<name> with root/masks/<name>, or both folders in root/train and in root/test"

Key = tuple[tuple[str, ...], str]
"""Folders below that of the images or masks, and the name without its suffix."""


@dataclass(frozen=True)
class Pair:
    """An image, its mask, and whether they belong to the given test set."""

    image: Path
    mask: Path
    in_test: bool


@dataclass(frozen=True)
class Pairs:
    """What a folder of images and masks holds."""

    pairs: tuple[Pair, ...]
    """Train before test, by the names of the images."""
    unpaired: Mapping[Path, str]
    """Images and masks without a partner, or with two -> why."""
    test_is_given: bool


@dataclass(frozen=True)
class _Part:
    images: Path
    masks: Path
    in_test: bool


def is_mask_folder(root: Path) -> bool:
    """Whether a folder holds images beside masks, itself or in ``train`` or ``test``; nothing is opened."""
    return any(_has_both(folder) for folder in (root, *(root / part for part in PARTS)))


def find_pairs(root: Path) -> Pairs:
    """Return the images of a folder with their masks, by the names without suffix (``a.jpg`` with ``a.png`` or
    ``a_mask.png``); both may lie in folders of their own, which must be the same on both sides.

    Where ``images`` and ``masks`` are each divided in ``train`` and ``test``, that is the given split too.

    Raises
    ------
    DataError
        Not this layout, two folders of images, other folders beside, a link that leaves the root, no pair at all.

    """
    parts = _parts(root)
    pairs: list[Pair] = []
    unpaired: dict[Path, str] = {}
    for part in parts:
        pairs += _matched(part, root, unpaired)
    if not pairs:
        raise DataError(shown(root), "no image has a mask of its name", LAYOUT)
    given = len(parts) > 1
    if not given:
        inside = {pair.image.relative_to(parts[0].images).parts[0] for pair in pairs if _is_deep(pair, parts[0])}
        given = inside == set(PARTS) and all(_is_deep(pair, parts[0]) for pair in pairs)
        if given:
            in_test = [pair.image.relative_to(parts[0].images).parts[0] == "test" for pair in pairs]
            pairs = [Pair(pair.image, pair.mask, held) for pair, held in zip(pairs, in_test, strict=True)]
            pairs.sort(key=lambda pair: pair.in_test)  # stable: names stay in order
    return Pairs(tuple(pairs), unpaired, given)


def images_beside_masks(root: Path) -> list[Path]:
    """Return the images of such a folder, with a mask or without: train before test, by their names.

    Raises
    ------
    DataError
        As ``find_pairs``, but for pairs.

    """
    return [file for part in _parts(root) for files in _files(part.images, root).values() for file in files]


def _is_deep(pair: Pair, part: _Part) -> bool:
    return pair.image.parent != part.images


def _has_both(folder: Path) -> bool:
    try:
        with os.scandir(folder) as found:
            names = {entry.name.lower() for entry in found if entry.is_dir()}
    except (OSError, ValueError):
        return False
    return not names.isdisjoint(IMAGES) and not names.isdisjoint(MASKS)


def _parts(root: Path) -> list[_Part]:
    where, folders = shown(root), [name for name, is_folder in scan(root, root) if is_folder]
    if _has_both(root):
        part = _part(root, root, in_test=False)
        beside = [name for name in folders if root / name not in (part.images, part.masks)]
        if beside:
            what = f"the folder '{shown(beside[0])}' stands beside '{part.images.name}' and '{part.masks.name}'"
            raise DataError(where, what, f"{LAYOUT}; or data.task: classification where each folder is a class")
        return [part]
    lacking = [part for part in PARTS if not _has_both(root / part)]
    if lacking:
        what = f"no images and masks in '{lacking[0]}'" if len(lacking) == 1 else "no images beside masks"
        raise DataError(where, what, LAYOUT)
    beside = [name for name in folders if name not in PARTS]
    if beside:
        what = f"the folder '{shown(beside[0])}' stands beside train and test"
        raise DataError(where, what, f"{LAYOUT} (the validation samples are drawn from train)")
    return [_part(root / "train", root, in_test=False), _part(root / "test", root, in_test=True)]


def _part(folder: Path, root: Path, *, in_test: bool) -> _Part:
    folders = [name for name, is_folder in scan(folder, root) if is_folder]
    sides = []
    for what, names in (("images", IMAGES), ("masks", MASKS)):
        found = [name for name in folders if name.lower() in names]
        if len(found) > 1:
            raise DataError(shown(folder), f"two folders of {what}: '{found[0]}' and '{found[1]}'", LAYOUT)
        if not found:
            raise DataError(shown(folder), f"no folder of {what}", LAYOUT)
        sides.append(folder / found[0])
    return _Part(sides[0], sides[1], in_test)


def _files(folder: Path, root: Path) -> dict[Key, list[Path]]:
    found: dict[Key, list[Path]] = {}
    for path in (file for name, _ in scan(folder, root) for file in image_files_below(folder / name, root)):
        found.setdefault((path.relative_to(folder).parts[:-1], path.stem), []).append(path)
    return found


def _matched(part: _Part, root: Path, unpaired: dict[Path, str]) -> list[Pair]:
    """Return the pairs of one part; what has no partner, or two, goes to ``unpaired``."""
    images, masks = _files(part.images, root), _files(part.masks, root)
    if not images:
        raise DataError(shown(part.images), "holds no files", LAYOUT)
    found: dict[Key, list[Path]] = {}
    alone: list[Path] = []
    for key, paths in masks.items():
        owner = _owner(key, images)
        if owner is None:
            alone += paths
        else:
            found.setdefault(owner, []).extend(paths)
    pairs = []
    for key, paths in images.items():
        own = found.get(key, [])
        if len(paths) == len(own) == 1:
            pairs.append(Pair(paths[0], own[0], part.in_test))
        elif len(paths) > 1:
            unpaired |= dict.fromkeys(paths, f"two images of one name: {_both(paths)}")
            unpaired |= dict.fromkeys(own, f"the mask of two images: {_both(paths)}")
        elif own:
            unpaired |= {paths[0]: f"has two masks: {_both(own)}"}
            unpaired |= dict.fromkeys(own, f"one of two masks of {shown(paths[0].name)}")
        else:
            unpaired[paths[0]] = f"has no mask of its name in '{shown(part.masks.name)}'"
    unpaired |= dict.fromkeys(alone, f"has no image of its name in '{shown(part.images.name)}'")
    return pairs


def _owner(key: Key, images: Mapping[Key, Sequence[Path]]) -> Key | None:
    """Return the key of the image that a mask belongs to."""
    if key in images:
        return key
    folders, stem = key
    shorter = (stem.removesuffix(end) for end in ENDINGS if stem.endswith(end))
    return next(((folders, name) for name in shorter if (folders, name) in images), None)


def _both(paths: Sequence[Path]) -> str:
    return " and ".join(shown(path.name) for path in paths[:2])
