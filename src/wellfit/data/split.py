"""Which samples are for training, which for validation, which are the sealed test set: stratified, and the same
everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from wellfit.data.dataset import Dataset, Split
from wellfit.errors import DataError
from wellfit.random import derive, generator
from wellfit.recipe import SplitSpec


def split(dataset: Dataset, spec: SplitSpec, *, seed: int) -> Split:
    """Divide a data set; each class has its share of each part, exact to one sample, and at least one sample.

    The test set is the given one, or ``spec.test`` of all samples drawn by ``spec.seed`` alone: it is the same for
    every ``seed``. Train and validation (``spec.validation`` of the rest) are drawn by ``derive(seed, "split")`` where
    ``spec.resplit``, else by ``spec.seed``. The sizes are the same for every seed. Indices are sorted.

    Parameters
    ----------
    dataset
        The samples; targets of a regression are not stratified.
    spec
        Fractions and the split's own seed.
    seed
        The replicate's seed.

    Raises
    ------
    DataError
        A class that has too few samples: 3 (train, validation, test), or 2 outside of a given test set.

    """
    labels = _labels(dataset)
    test = test_indices(dataset, spec)
    rest = _without(len(dataset), test)
    counts = _counts(labels[rest])
    total = round(spec.validation * len(rest))
    root = derive(seed, "split") if spec.resplit else spec.seed
    chosen = _draw(labels[rest], allocate(counts, total, least=1, leave=1), generator(root, "validation"))
    return Split(train=rest[_without(len(rest), chosen)], validation=rest[chosen], test=test)


def test_indices(dataset: Dataset, spec: SplitSpec) -> Tensor:
    """Return the sealed test set, int64 and sorted: the given one, or one drawn by ``spec.seed`` alone.

    Raises
    ------
    DataError
        As ``split``.

    """
    labels = _labels(dataset)
    given = dataset.given_test
    if given is not None:
        _check_counts(dataset, labels[_without(len(dataset), given)], least=2)
        return given.sort().values
    _check_counts(dataset, labels, least=3)
    shares = allocate(_counts(labels), round(spec.test * len(dataset)), least=1, leave=2)
    return _draw(labels, shares, generator(spec.seed, "test"))


def limit_samples(dataset: Dataset, limit: int, spec: SplitSpec) -> Dataset:
    """Keep ``limit`` samples of those that are not test, stratified and drawn by ``spec.seed``, and the whole test set.

    The test set becomes a given one, so it is the same with and without the limit. Where there are no more samples than
    ``limit``, the data set is returned as it is.

    Raises
    ------
    DataError
        A limit that leaves no two samples for each class (train and validation); else as ``split``.

    """
    labels = _labels(dataset)
    test = test_indices(dataset, spec)
    rest = _without(len(dataset), test)
    counts = _counts(labels[rest])
    if limit >= len(rest):
        return dataset
    if limit < 2 * len(counts):
        what = f"{limit} samples for {len(counts)} classes" if dataset.classes else f"{limit} samples"
        raise DataError("data.limit", what, f"at least {2 * len(counts)} (train and validation)")
    kept = rest[_draw(labels[rest], allocate(counts, limit, least=2, leave=0), generator(spec.seed, "limit"))]
    rows = torch.cat([kept, test]).sort().values
    return replace(dataset, x=dataset.x[rows], y=dataset.y[rows], given_test=torch.searchsorted(rows, test))


def allocate(counts: Sequence[int], total: int, *, least: int, leave: int) -> list[int]:
    """Share ``total`` among classes in proportion to ``counts``, by largest remainders (Hamilton's method).

    Each class gets at least ``least`` and keeps at least ``leave``; the sum is ``total`` unless these bounds forbid it.
    Ties go to the class that comes first.

    >>> allocate([50, 30, 21], 10, least=1, leave=1)
    [5, 3, 2]
    """
    size = sum(counts)
    quotas = [total * count / size for count in counts]
    shares = [min(max(int(quota), least), count - leave) for quota, count in zip(quotas, counts, strict=True)]
    by_need = sorted(range(len(counts)), key=lambda i: (shares[i] - quotas[i], i))
    while sum(shares) < total:
        takers = [i for i in by_need if shares[i] < counts[i] - leave][: total - sum(shares)]
        if not takers:
            break
        for i in takers:
            shares[i] += 1
    while sum(shares) > total:
        givers = [i for i in range(len(counts)) if shares[i] > least]
        if not givers:
            break
        shares[max(givers, key=lambda i: (shares[i] - quotas[i], i))] -= 1
    return shares


def _labels(dataset: Dataset) -> Tensor:
    """Return what is stratified by: the class, or one stratum for a regression."""
    return dataset.y if dataset.task == "classification" else torch.zeros(len(dataset), dtype=torch.int64)


def _counts(labels: Tensor) -> list[int]:
    counts: list[int] = torch.bincount(labels).tolist()
    return counts


def _check_counts(dataset: Dataset, labels: Tensor, *, least: int) -> None:
    counts: list[int] = torch.bincount(labels, minlength=max(len(dataset.classes), 1)).tolist()
    parts = "train, validation and test" if least == 3 else "train and validation, beside the given test"
    for index, count in enumerate(counts):
        if count < least:
            who = f"the class '{dataset.classes[index]}'" if dataset.classes else "the data"
            noun = "sample" if count == 1 else "samples"
            raise DataError(dataset.source or dataset.name, f"{who} has {count} {noun}", f"at least {least} ({parts})")


def _draw(labels: Tensor, shares: Sequence[int], draw: torch.Generator) -> Tensor:
    """Return sorted positions of ``shares[c]`` samples of each class c: the first of each in one random order."""
    order = torch.randperm(len(labels), generator=draw)
    by_class = order[torch.sort(labels[order], stable=True).indices]
    starts = torch.bincount(labels, minlength=len(shares)).cumsum(0) - torch.bincount(labels, minlength=len(shares))
    chosen = [by_class[start : start + share] for start, share in zip(starts.tolist(), shares, strict=True)]
    return torch.cat(chosen).sort().values


def _without(size: int, taken: Tensor) -> Tensor:
    """Return the positions below ``size`` that are not ``taken``, in order."""
    free = torch.ones(size, dtype=torch.bool)
    free[taken] = False
    return free.nonzero().squeeze(1)
