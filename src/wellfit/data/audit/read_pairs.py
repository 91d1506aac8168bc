"""A folder of images and masks as a subject: what does not fit together is named, nothing is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wellfit.data.audit.mask_facts import MaskFacts
from wellfit.data.audit.read_folder import LONGEST, file_name, folder_fingerprint
from wellfit.data.audit.subject import Subject
from wellfit.data.dataset import VOID
from wellfit.data.decode import decode
from wellfit.data.mask_classes import Classes, Palettes, classes_of, read_names, value_text
from wellfit.data.mask_pairs import LAYOUT, Pair, find_pairs
from wellfit.data.masks import Mask, read_mask, resized_mask
from wellfit.data.memory import check_memory, cores
from wellfit.data.naming import shown
from wellfit.data.picture import BadImageError, Picture, Size, opened, pillow_quiet, upright_size
from wellfit.errors import DataError


@dataclass(eq=False)
class _Found:
    """Pairs that can be used, with their masks, and why others cannot."""

    pairs: list[Pair] = field(default_factory=list)
    masks: list[Mask] = field(default_factory=list)
    sizes: dict[str, Size] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    other_sizes: dict[str, str] = field(default_factory=dict)
    other_palettes: dict[str, str] = field(default_factory=dict)
    strange: dict[str, str] = field(default_factory=dict)

    def keep(self, rows: Sequence[int]) -> None:
        self.pairs, self.masks = [self.pairs[i] for i in rows], [self.masks[i] for i in rows]


def read_pairs(root: Path, *, size: Size | None = None) -> Subject:
    """Read images and masks; where sizes differ and ``size`` is ``None``, all are resized to the commonest.

    ``y`` of the subject is uint8 ``(N, H, W)``, a class for each pixel of ``x``, or VOID.

    Raises
    ------
    DataError
        Not the layout; not one pair that can be read; more distinct values than classes may be; more than memory holds.

    """
    listed, names = find_pairs(root), read_names(root)
    found = _read(listed.pairs, root, size)
    is_color = Counter(mask.is_color for mask in found.masks).most_common(1)[0][0]
    classes = _classes(found, root, is_color, names)
    x, y = _decoded(found, root, size, classes)
    count = len(classes.names)
    pixels, void = _counted(found.masks, classes, count)
    held = np.array([listed.test_is_given and pair.in_test for pair in found.pairs], dtype=np.bool_)
    called = [file_name(pair.image, root) for pair in found.pairs]
    return Subject(
        name=shown(root.resolve().name),
        source=shown(root, longest=LONGEST),
        kind="image",
        task="segmentation",
        names=tuple(called),
        x=x,
        y=y,
        classes=classes.names,
        train=np.flatnonzero(~held),
        test=np.flatnonzero(held),
        test_is_given=listed.test_is_given,
        unreadable=dict(sorted(found.unreadable.items())),
        sizes={name: found.sizes[name] for name in called},
        fingerprint=folder_fingerprint(root),
        masks=MaskFacts(
            pixels=pixels,
            void=void,
            files=2 * len(listed.pairs) + len(listed.unpaired),
            partners={name: file_name(pair.mask, root) for name, pair in zip(called, found.pairs, strict=True)},
            unpaired={file_name(path, root): why for path, why in listed.unpaired.items()},
            other_sizes=found.other_sizes,
            other_palettes=found.other_palettes,
            strange=found.strange,
        ),
    )


def _read(pairs: Sequence[Pair], root: Path, size: Size | None) -> _Found:
    """Return the pairs whose mask and header of the image can be read, with the masks over all cores."""
    found = _Found()
    with pillow_quiet():
        for pair in pairs:
            name = file_name(pair.image, root)
            try:
                with opened(Picture(name, pair.image)) as image:
                    found.sizes[name] = upright_size(image)
            except BadImageError as error:
                found.unreadable[name] = str(error)
        sound = [pair for pair in pairs if file_name(pair.image, root) in found.sizes]
        needed = sum(height * width for height, width in found.sizes.values())
        check_memory(shown(root), needed, expected="a smaller folder")

        def mask_of(pair: Pair) -> Mask | str:
            try:
                return read_mask(Picture(file_name(pair.mask, root), pair.mask))
            except BadImageError as error:
                return str(error)

        with ThreadPoolExecutor(cores()) as pool:
            for pair, mask in zip(sound, pool.map(mask_of, sound), strict=True):
                _sort(found, pair, mask, root)
    if not found.pairs:
        raise DataError(shown(root), f"none of its {len(pairs)} pairs can be read", LAYOUT)
    return found


def _sort(found: _Found, pair: Pair, mask: Mask | str, root: Path) -> None:
    name, (height, width) = file_name(pair.mask, root), found.sizes[file_name(pair.image, root)]
    if isinstance(mask, str):
        found.unreadable[name] = mask
    elif mask.index.shape != (height, width):
        own = mask.index.shape
        found.other_sizes[name] = f"{own[0]} x {own[1]}, its image {height} x {width}"
    else:
        found.pairs.append(pair)
        found.masks.append(mask)


def _classes(found: _Found, root: Path, is_color: bool, names: tuple[str, ...] | None) -> Classes:
    """Return the classes, and drop the pairs whose masks have other values from what was found."""
    values: dict[bool, set[int]] = {False: set(), True: set()}
    for pair, mask in zip(found.pairs, found.masks, strict=True):
        if mask.is_color == is_color:
            values[pair.in_test].update(mask.values)
    known = values[False] or values[True]
    try:
        classes = classes_of(known, held=values[True], where=shown(root), is_color=is_color, names=names)
    except DataError:
        if len(known) > 1:
            raise
        # one class only: a training refuses it, the audit says what there is
        classes = Classes(tuple(value_text(value, is_color) for value in known), dict.fromkeys(known, 0))
    kept = []
    palettes = Palettes()
    for row, (pair, mask) in enumerate(zip(found.pairs, found.masks, strict=True)):
        name = file_name(pair.mask, root)
        difference = palettes.differs(mask.shown_as, name)
        strange = next((value for value in mask.values if value not in classes.index), None)
        if mask.is_color != is_color:
            kinds = ("color", "grey") if is_color else ("grey", "color")
            found.unreadable[name] = f"a mask in {kinds[1]}, where most are in {kinds[0]}"
        elif strange is not None:
            found.strange[name] = value_text(strange, is_color)
        elif difference is not None:
            found.other_palettes[name] = difference
        else:
            kept.append(row)
    found.keep(kept)
    return classes


def _decoded(
    found: _Found, root: Path, size: Size | None, classes: Classes
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return images and masks of one size; pairs whose image is damaged are dropped from what was found."""
    sizes = [found.sizes[file_name(pair.image, root)] for pair in found.pairs]
    common = Counter(sizes).most_common(1)[0][0]
    wanted = size if size is not None else common if len(set(sizes)) > 1 else None
    pictures = [Picture(file_name(pair.image, root), pair.image) for pair in found.pairs]
    decoded = decode(pictures, where=shown(root), size=wanted, skip_bad=True)
    found.unreadable |= {text.split(": ", 1)[0]: text.split(": ", 1)[-1] for text in decoded.skipped}
    found.keep(decoded.kept)
    y = np.empty((len(found.masks), *(wanted or common)), dtype=np.uint8)
    for row, mask in enumerate(found.masks):
        y[row] = resized_mask(_table(mask, classes.index)[mask.index], y[row].shape)
    return decoded.x.numpy(), y


def _table(mask: Mask, index: Mapping[int, int]) -> npt.NDArray[np.uint8]:
    return np.array([index[value] for value in mask.values], dtype=np.uint8)


def _counted(
    masks: Sequence[Mask], classes: Classes, count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    pixels, void = np.zeros((len(masks), count), np.int64), np.zeros(len(masks), np.int64)
    for row, mask in enumerate(masks):
        for value, often in zip(mask.values, mask.counts, strict=True):
            at = classes.index[value]
            if at == VOID:
                void[row] += often
            else:
                pixels[row, at] += often
    return pixels, void
