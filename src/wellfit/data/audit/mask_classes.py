"""Mask classes: how the judged pixels are shared among classes, and masks that hold one class or none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wellfit.data.audit.finding import Finding
from wellfit.data.audit.subject import Subject

UNEVEN, VERY_UNEVEN = 10.0, 100.0
"""Pixels of the commonest class over those of the rarest, from which it is said, and from which it is a warning."""
FEW, FEW_SHARE = 10, 0.25
"""A class is in few masks where it is in fewer than FEW of them and in less than this part."""


def find_mask_classes(subject: Subject) -> list[Finding]:
    """Return uneven classes of pixels, classes in few masks or in none, and masks of one class or none.

    Masks of a given test set are not counted.
    """
    if subject.masks is None or not len(subject.train):
        return []
    pixels = subject.masks.pixels[subject.train]
    return [*_shares(subject, pixels), *_rare(subject, pixels > 0), *_uniform(subject, pixels)]


def _shares(subject: Subject, pixels: npt.NDArray[np.int64]) -> list[Finding]:
    whole = pixels.sum(axis=0)
    present = np.flatnonzero(whole)
    if len(subject.classes) < 2 or len(present) < 2:
        text = subject.classes[int(present[0])] if len(present) else "none"
        return [
            Finding(
                kind="one_class",
                severity="error",
                words=f"all judged pixels are of one class, {text}",
                advice="there is nothing to learn: check how the masks were exported",
                count=len(pixels),
            )
        ]
    share = whole / whole.sum()
    ratio = float(whole[present].max() / whole[present].min())
    if ratio < UNEVEN:
        return []
    rare = present[whole[present] * UNEVEN <= whole.max()]
    rare = rare[np.argsort(whole[rare], kind="stable")]
    most, least = int(whole.argmax()), int(rare[0])
    return [
        Finding(
            kind="pixel_imbalance",
            severity="warning" if ratio >= VERY_UNEVEN else "note",
            words=f"the class {subject.classes[most]} has {share[most]:.1%} of the judged pixels,"
            f" {subject.classes[least]} {100 * share[least]:.2g}%",
            advice="read the IoU of each class, not the accuracy of pixels; a Dice or focal loss, or class weights,"
            " keep the rare classes from being ignored",
            where=tuple(subject.classes[i] for i in rare),
            count=len(rare),
            evidence={
                "share": dict(zip(subject.classes, np.round(share, 6).tolist(), strict=True)),
                "masks": dict(zip(subject.classes, (pixels > 0).sum(axis=0).tolist(), strict=True)),
                "ratio": round(ratio, 2),
            },
        )
    ]


def _rare(subject: Subject, holds: npt.NDArray[np.bool_]) -> list[Finding]:
    counts = holds.sum(axis=0)
    found = []
    absent = np.flatnonzero(counts == 0)
    if len(absent):
        found.append(
            Finding(
                kind="absent_classes",
                severity="warning",
                words=f"{len(absent):,} of {len(counts):,} classes are in no train mask",
                advice="collect some, or take their names from classes.txt: nothing can be learned about them",
                where=tuple(subject.classes[i] for i in absent),
                count=len(absent),
            )
        )
    for i in np.flatnonzero((counts > 0) & (counts < FEW) & (counts < FEW_SHARE * len(holds))):
        found.append(
            Finding(
                kind="rare_class",
                severity="warning",
                words=f"the class {subject.classes[i]} is in {counts[i]:,} of {len(holds):,} masks",
                advice="collect more, or merge it with another: neither training nor validation can say much about it",
                where=subject.named(subject.train[np.flatnonzero(holds[:, i])]),
                count=int(counts[i]),
                evidence={"class": subject.classes[i]},
            )
        )
    return found


def _uniform(subject: Subject, pixels: npt.NDArray[np.int64]) -> list[Finding]:
    number = (pixels > 0).sum(axis=1)
    empty, one = np.flatnonzero(number == 0), np.flatnonzero(number == 1)
    found = []
    if len(empty):
        found.append(
            Finding(
                kind="empty_masks",
                severity="warning",
                words=f"{len(empty):,} of {len(number):,} masks are empty: no pixel is judged",
                advice="drop the pairs, or judge them: they cost time and teach nothing",
                where=subject.named(subject.train[empty]),
                count=len(empty),
            )
        )
    if len(one) and len(one) < len(number):
        held = pixels[one].argmax(axis=1)
        often = np.bincount(held, minlength=len(subject.classes))
        parts = [
            f"{often[i]:,} nothing but {subject.classes[i]}" for i in np.argsort(-often, kind="stable") if often[i]
        ]
        found.append(
            Finding(
                kind="one_class_masks",
                severity="note",
                words=f"{len(one):,} of {len(number):,} masks hold one class only ({', '.join(parts[:6])})",
                advice="look at some: right where nothing is to be seen, wrong where marks were forgotten",
                where=subject.named(subject.train[one]),
                count=len(one),
                evidence={"classes": [subject.classes[i] for i in held]},
            )
        )
    return found
