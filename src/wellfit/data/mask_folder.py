"""A folder of images and their masks as a segmentation."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from wellfit.data.dataset import Dataset
from wellfit.data.ingest import Ingested, Source, Told, ingest
from wellfit.data.mask_classes import NAMES, Classes, classes_of, read_names, value_text
from wellfit.data.mask_pairs import Pair, Pairs, find_pairs
from wellfit.data.mask_store import Masks, load_masks, picture_of, stamp_of
from wellfit.data.naming import shown
from wellfit.data.picture import Pixels, Size
from wellfit.errors import DataError


def load_mask_folder(
    root: Path, *, size: Size | None = None, skip_bad: bool = False, memory: int | None = None
) -> Dataset:
    """Load images with their masks; ``mask_pairs`` says how they lie, ``masks`` what the values of a mask mean.

    Images are resized as those of ``load_image_folder``, masks by nearest neighbor. Many images and masks are decoded
    once and then read from the cache. The masks are kept in memory and count into ``memory``.

    Raises
    ------
    DataError
        Not this layout, an image or mask without a partner, a bad file, an image and a mask of different sizes (where
        not ``skip_bad``); images of different sizes without ``size``; fewer than 2 classes or too many; a value in a
        test mask that no train mask has.

    """
    found, names = find_pairs(root), read_names(root)
    alone = _unpaired(found, skip_bad)
    stamp = stamp_of(found.pairs, root)
    masks = load_masks(found.pairs, root, size=size, skip_bad=skip_bad, memory=memory, stamp=stamp)
    pairs = [found.pairs[i] for i in masks.kept]
    classes = _classes(masks, pairs, root, names)
    y = _to_classes(masks, pairs, classes, has_names=names is not None)
    images = _images(pairs, root, stamp, size, skip_bad, None if memory is None else memory - 2 * y.nbytes)
    kept = list(images.notes["kept"])
    if len(kept) < len(pairs):
        y, pairs = y[kept], [pairs[i] for i in kept]
    count = sum(not pair.in_test for pair in pairs)
    if not count:
        raise DataError(shown(root), "no train pair can be read", "images and masks")
    targets = torch.from_numpy(y)
    return Dataset(
        name=shown(root.resolve().name),
        task="segmentation",
        kind="image",
        x=images.x,
        y=targets,
        classes=classes.names,
        given_test=torch.arange(count, len(pairs)) if found.test_is_given else None,
        skipped=(*alone, *masks.skipped, *images.skipped),
        fingerprint=segmentation_print(images.x, targets, images.fingerprint),
    )


def _unpaired(found: Pairs, skip_bad: bool) -> tuple[str, ...]:
    """Return a message for each file without a partner, or raise for the first."""
    told = [(picture_of(path).name, why) for path, why in found.unpaired.items()]
    if told and not skip_bad:
        raise DataError(*told[0], "one image and one mask of each name, or data.skip_bad to leave it out")
    return tuple(f"{name}: {why}" for name, why in told)


def _classes(masks: Masks, pairs: Sequence[Pair], root: Path, names: tuple[str, ...] | None) -> Classes:
    values: dict[bool, set[int]] = {False: set(), True: set()}
    for pair, own in zip(pairs, masks.values, strict=True):
        values[pair.in_test].update(own)
    return classes_of(values[False], held=values[True], where=shown(root), is_color=masks.is_color, names=names)


def _to_classes(masks: Masks, pairs: Sequence[Pair], classes: Classes, *, has_names: bool) -> Pixels:
    """Return uint8 ``(n, H, W)``: the places of values in each mask become indices of classes, in place."""
    y = masks.index
    for row, own in enumerate(masks.values):
        strange = next((value for value in own if value not in classes.index), None)
        if strange is not None:
            lack = f"has no line in {NAMES}" if has_names else "is in no train mask"
            what = f"the value {value_text(strange, masks.is_color)} {lack}"
            known = f"one of the {len(classes.names)} classes: {', '.join(classes.names[:8])}"
            raise DataError(picture_of(pairs[row].mask).name, what, known)
        table = np.array([classes.index[value] for value in own], dtype=np.uint8)
        np.take(table, y[row], out=y[row], mode="clip")
    return y


def _images(
    pairs: Sequence[Pair], root: Path, stamp: str, size: Size | None, skip_bad: bool, memory: int | None
) -> Ingested:
    def tell(kept: tuple[int, ...]) -> Told:
        return np.zeros(len(kept), dtype=np.int64), {"kept": list(kept)}

    chosen = hashlib.sha256(os.fsencode("\0".join([stamp, *(str(pair.image.relative_to(root)) for pair in pairs)])))
    source = Source(
        where=shown(root),
        key=f"pairs\0{root.resolve()}\0{size}\0{skip_bad}",
        stamp=chosen.hexdigest(),
        count=len(pairs),
        pictures=lambda: [picture_of(pair.image) for pair in pairs],
        tell=tell,
    )
    return ingest(source, size=size, skip_bad=skip_bad, memory=memory)


def segmentation_print(x: Tensor, y: Tensor, first: str = "") -> str:
    """Return the SHA-256 of images and masks, the same whether they come from the cache or not.

    ``first`` is what the cache says of the images ``x``: the SHA-256 of their bytes and of a zero for each.
    """
    if not first:
        digest = hashlib.sha256(x.contiguous().numpy())  # type: ignore[arg-type]  # an array is a buffer
        digest.update(np.zeros(len(x), dtype="<i8").tobytes())
        first = digest.hexdigest()
    whole = hashlib.sha256(first.encode())
    whole.update(y.contiguous().numpy())  # type: ignore[arg-type]  # as above
    return whole.hexdigest()
