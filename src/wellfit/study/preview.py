"""What augmentation makes of a few train samples, by the same functions and draws as in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from wellfit.data import VOID, Dataset, PerImage
from wellfit.data.overlay import overlay
from wellfit.errors import DataError
from wellfit.random import generator
from wellfit.regularize.batch.rand_augment import RandAugment
from wellfit.regularize.batch.random_choice import RandomChoice
from wellfit.regularize.stages import Augmentation, Mix
from wellfit.study.prepare import MOVES
from wellfit.train.feed import augmented, augmented_masks, mixed
from wellfit.train.replicate import Replicate

Methods = Mapping[str, Augmentation | Mix]

MOST_NAMES = 4
"""Classes of a mask that are named, the largest first."""

LEAST_SHARE = 0.005
"""Part of a mixed target below which a class is not named."""


@dataclass(frozen=True, eq=False)
class Preview:
    """Samples as they came, and as several epochs would see them."""

    rows: tuple[int, ...]
    """The samples' indices in the data set."""
    labels: tuple[str, ...]
    """What each sample is."""
    samples: npt.NDArray[np.uint8] | npt.NDArray[np.float32]
    """Images (n, H, W, C) uint8, or sequences (n, T, C) in standard deviations of the train split."""
    variants: tuple[npt.NDArray[np.uint8] | npt.NDArray[np.float32], ...]
    """The same after augmentation, one entry an epoch."""
    targets: tuple[tuple[tuple[str, ...], ...], ...]
    """Epoch, sample -> its mixed target in words, a line a class; empty where nothing is mixed."""


def make_preview(replicate: Replicate, methods: Methods, *, samples: int, variants: int) -> Preview:
    """Return ``samples`` of the train split, chosen over the classes, and ``variants`` of each.

    Variant k is what epoch k would make of the samples if they were its first batch: what mixes, mixes them with each
    other.

    Parameters
    ----------
    replicate
        The data as one seed sees it.
    methods
        By name, in the order in which they are applied; those that change nothing are left out, as in training.
    samples, variants
        How many.

    Raises
    ------
    DataError
        The data are vectors, or of a kind that a method does not change.

    """
    dataset = replicate.dataset
    where = dataset.source or dataset.name
    if dataset.kind == "vector":
        raise DataError(where, "holds vectors, which have no picture", "images or sequences for a preview")
    for name, method in methods.items():
        if dataset.kind not in method.kinds:
            kinds = " or ".join(f"{kind}s" for kind in sorted(method.kinds))
            raise DataError(where, f"holds {dataset.kind}s, which {name} does not change", kinds)
        if (
            dataset.task == "segmentation"
            and not method.is_off
            and isinstance(method, Mix | RandomChoice | RandAugment)
        ):
            raise DataError(where, f"holds masks, which {name} does not move", MOVES)
    rows = _choose(replicate, samples)
    cpu = torch.device("cpu")
    raw, y = replicate.gather(rows, device=cpu), replicate.targets(rows, device=cpu)
    y = F.one_hot(y, dataset.outputs).float() if dataset.task == "classification" else y
    masks = y if replicate.pixels else None
    single = tuple((name, m) for name, m in methods.items() if isinstance(m, Augmentation) and not m.is_off)
    mixes = tuple((name, m) for name, m in methods.items() if isinstance(m, Mix) and not m.is_off)
    made, targets = [], []
    for epoch in range(1, variants + 1):
        x = augmented(raw, replicate, single, epoch, range(len(rows)))
        x, answers = mixed(x, y, replicate.seed, mixes, epoch, 0)
        moved = None if masks is None else augmented_masks(masks, replicate, single, epoch, range(len(rows)))
        made.append(_shown(x, replicate, moved))
        targets.append(tuple(_target(answer, replicate) if mixes else () for answer in answers))
    return Preview(
        rows=tuple(rows.tolist()),
        labels=tuple("".join(_target(answer, replicate)) for answer in y),
        samples=_shown(replicate.scale(raw), replicate, masks),
        variants=tuple(made),
        targets=tuple(targets),
    )


def _choose(replicate: Replicate, count: int) -> Tensor:
    """Return rows of the train split, as many of each class as possible, drawn by the seed and ordered by class; where
    there are none, or each pixel has its own, the first that are drawn.
    """
    draw = generator(replicate.seed, "preview")
    rows = replicate.split.train[torch.randperm(len(replicate.split.train), generator=draw)]
    if replicate.dataset.task != "classification":
        return rows[:count]
    labels = replicate.dataset.y[rows].tolist()
    seen: dict[int, int] = {}
    turns = []
    for place, label in enumerate(labels):  # the first of every class, then the second of every class, ...
        seen[label] = seen.get(label, 0) + 1
        turns.append((seen[label], place))
    chosen = sorted((labels[place], place) for _, place in sorted(turns)[:count])
    return rows[[place for _, place in chosen]]


def _shown(
    x: Tensor, replicate: Replicate, masks: Tensor | None = None
) -> npt.NDArray[np.uint8] | npt.NDArray[np.float32]:
    """Return scaled samples as they are drawn: images as pixels, channels last, under their masks; sequences as they
    are.
    """
    if replicate.dataset.kind == "sequence":
        values: npt.NDArray[np.float32] = x.numpy()
        return values
    scaler = replicate.scaler
    # an image's own mean and deviation are gone: two deviations to either side are drawn from black to white
    unit = x * 0.25 + 0.5 if isinstance(scaler, PerImage) else scaler.invert(x)
    pixels: npt.NDArray[np.uint8] = unit.clamp(0, 1).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return pixels if masks is None else overlay(pixels, masks.numpy())


def _target(answer: Tensor, replicate: Replicate) -> tuple[str, ...]:
    """Return a target (K,) in words: ``cat``, or ``62% cat`` and ``38% dog``; or numbers in the target's units."""
    dataset = replicate.dataset
    if dataset.task == "regression":
        numbers = answer if replicate.target_scaler is None else replicate.target_scaler.invert(answer)
        return (_numbers(dataset, numbers.tolist()),)
    if dataset.task == "segmentation":
        counts = torch.bincount(answer[answer != VOID].flatten(), minlength=dataset.outputs)
        held = [int(index) for index in counts.argsort(descending=True, stable=True) if counts[index] > 0]
        return (", ".join(dataset.classes[index] for index in held[:MOST_NAMES]) or "not judged",)
    order = answer.argsort(descending=True, stable=True).tolist()
    shares = [(float(answer[index]), dataset.classes[index]) for index in order if float(answer[index]) > LEAST_SHARE]
    return (shares[0][1],) if len(shares) == 1 else tuple(f"{share:.0%} {name}" for share, name in shares)


def _numbers(dataset: Dataset, values: Sequence[float]) -> str:
    names = dataset.targets if len(dataset.targets) == len(values) else ("y",) * len(values)
    return ", ".join(f"{name} {value:.4g}" for name, value in zip(names, values, strict=True))
