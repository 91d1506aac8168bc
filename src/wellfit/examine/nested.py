"""Nested parts of a seed's train samples: the smaller ones inside the larger, each as long as the largest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from wellfit.data import Split, fit_encoder, fit_scaler
from wellfit.errors import DataError, InputError
from wellfit.random import generator
from wellfit.recipe import DataSpec
from wellfit.train.replicate import Replicate

SHARES = "10,20,50,100"
"""Percent of the train split that are tried unless others are asked for."""
MOST_SIZES = 20
WHERE = "--sizes"


@dataclass(frozen=True)
class Size:
    """A size as it was asked for."""

    text: str
    value: float
    is_share: bool
    """Whether ``value`` is percent, else samples."""


def read_sizes(given: str | Sequence[float | str]) -> tuple[Size, ...]:
    """Return the sizes that a text such as ``10,20,50,100`` or a sequence names.

    What ends in ``%`` is percent, and so are all others unless one of them exceeds 100: then these are samples.

    Raises
    ------
    InputError
        No number, at most 0, more than 100 %, half a sample, fewer than two.

    """
    texts = [part.strip() for part in given.split(",")] if isinstance(given, str) else [str(one) for one in given]
    values = [_number(text) for text in texts]
    if not 2 <= len(texts) <= MOST_SIZES:
        raise InputError(WHERE, f"received {len(texts)} of them", f"2 to {MOST_SIZES}, such as {SHARES}")
    are_samples = any(value > 100 for text, value in zip(texts, values, strict=True) if not text.endswith("%"))
    sizes = [
        Size(text, value, text.endswith("%") or not are_samples) for text, value in zip(texts, values, strict=True)
    ]
    for size in sizes:
        if size.is_share and size.value > 100:
            raise InputError(WHERE, f"received {size.text}", "at most 100 %")
        if not size.is_share and size.value != int(size.value):
            raise InputError(WHERE, f"received {size.text} samples", "a whole number of samples")
    return tuple(sizes)


def in_samples(sizes: Sequence[Size], whole: int, *, least: int, why: str) -> list[int]:
    """Return sizes of a train split of ``whole`` samples, ascending; ``why`` says what ``least`` are needed for.

    Raises
    ------
    InputError
        More than ``whole``, fewer than ``least``, two that come to the same.

    """
    found: dict[int, str] = {}
    for size in sizes:
        count = round(size.value / 100 * whole) if size.is_share else int(size.value)
        said = f"{count:,} of {whole:,} train samples"
        said = f"{size.value:g} % are {said}" if size.is_share else said
        if count > whole:
            raise InputError(WHERE, f"received {said}", f"at most {whole:,}")
        if count < least:
            raise InputError(WHERE, said, f"at least {least} {why}")
        if count in found:
            raise InputError(WHERE, f"{found[count]} and {size.text} are both {count:,} samples", "sizes that differ")
        found[count] = size.text
    return sorted(found)


def _number(text: str) -> float:
    if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)", text.removesuffix("%").strip()):
        raise InputError(WHERE, f"received '{text}'", f"numbers with commas between, such as {SHARES}")
    value = float(text.removesuffix("%"))
    if value <= 0:
        raise InputError(WHERE, f"received {text}", "more than 0")
    return value


def nested_order(replicate: Replicate, kind: str) -> Tensor:
    """Return the train samples in an order whose every beginning is a fair part of them; int64.

    Classes have their share of every beginning, to within two samples, and each has one among the first. With a split
    by ``groups`` whole groups come one after another; with one by ``time`` the latest samples come first, which are
    the ones next to the validation set.
    """
    train, dataset = replicate.split.train, replicate.dataset
    shuffled = train[torch.randperm(len(train), generator=generator(replicate.seed, "nested"))]
    if kind == "time":
        moments = train if dataset.order is None else dataset.order[train]
        return train[moments.argsort(descending=True, stable=True)]
    if kind == "grouped" and dataset.groups is not None:
        return _by_group(shuffled, dataset.groups[shuffled])
    if dataset.task != "classification":
        return shuffled
    labels = dataset.y[shuffled]
    rank, counts = _rank_in_class(labels), torch.bincount(labels)
    place = (rank.double() + 0.5) / counts[labels]
    place[rank == 0] -= 1  # the first of each class comes before all others
    return shuffled[place.argsort(stable=True)]


def _rank_in_class(labels: Tensor) -> Tensor:
    """Return of each sample how many of its class stand before it."""
    order = labels.argsort(stable=True)
    counts = torch.bincount(labels)
    starts = counts.cumsum(0) - counts
    rank = torch.empty_like(labels)
    rank[order] = torch.arange(len(labels)) - starts[labels[order]]
    return rank


def _by_group(rows: Tensor, groups: Tensor) -> Tensor:
    """Return the rows with those of a group together, groups in the order in which they first appear."""
    _, found = np.unique(groups.numpy(), return_inverse=True)
    inverse = torch.from_numpy(found)
    first = torch.full((int(inverse.max()) + 1,), len(rows), dtype=torch.int64)
    first.scatter_reduce_(0, inverse, torch.arange(len(rows)), "amin")
    return rows[first[inverse].argsort(stable=True)]


def part_of(replicate: Replicate, spec: DataSpec, order: Tensor, size: int, length: int) -> Replicate:
    """Return a replicate that trains on the first ``size`` samples of ``order``, repeated to ``length``.

    So an epoch has as many steps for every size. Encoding and scaling are fitted on these samples alone; the targets of
    a regression stay in the unit of the whole train split, so that losses of all sizes compare. The probe is the same
    samples, repeated to the length of the replicate's own.

    Raises
    ------
    DataError
        A class is not among the samples.

    """
    rows = order[:size].sort().values  # all of them stand as in a study, which then has the same batches
    _check_classes(replicate, rows)
    own = Split(rows, replicate.split.validation, replicate.split.test)
    encoder = fit_encoder(replicate.dataset, spec, own)
    mixed = rows[torch.randperm(size, generator=generator(replicate.seed, "probe"))]
    return replace(
        replicate,
        split=replace(own, train=_repeated(rows, length)),
        encoder=encoder,
        scaler=fit_scaler(replicate.dataset, spec, own, encoder),
        probe=_repeated(mixed, len(replicate.probe)).sort().values,
    )


def _repeated(rows: Tensor, length: int) -> Tensor:
    return rows.repeat(-(-length // len(rows)))[:length]


def _check_classes(replicate: Replicate, rows: Tensor) -> None:
    dataset = replicate.dataset
    if dataset.task != "classification":
        return
    counts = torch.bincount(dataset.y[rows], minlength=dataset.outputs).tolist()
    for name, count in zip(dataset.classes, counts, strict=True):
        if not count:
            what = f"of {len(rows):,} samples none is of the class '{name}' (seed {replicate.seed})"
            raise DataError(WHERE, what, "larger sizes, or fewer groups left out by the split")
