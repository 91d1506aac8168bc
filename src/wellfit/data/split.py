"""Which samples are for training, which for validation, which are the sealed test set: the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from wellfit.data.batches import gather
from wellfit.data.dataset import Dataset, Split
from wellfit.data.split_folds import stratified_folds
from wellfit.data.split_groups import group_folds, part_of_groups
from wellfit.data.split_time import last_part
from wellfit.errors import DataError
from wellfit.random import derive, generator
from wellfit.recipe import SplitSpec


def split(dataset: Dataset, spec: SplitSpec, *, seed: int) -> Split:
    """Divide a data set; the same data, ``spec`` and ``seed`` give the same indices everywhere. They are sorted.

    The test set is the given one, or ``spec.test`` of all samples chosen by ``spec.seed`` alone: it is the same for
    every ``seed``. Train and validation (``spec.validation`` of the rest) depend on ``spec.kind``:

    * ``stratified``: each class has its share of each part, exact to one sample, and at least one sample; drawn by
      ``derive(seed, "split")`` where ``spec.resplit``, else by ``spec.seed``. The sizes are the same for every seed.
    * ``grouped``: as before, by whole groups (``split_groups.part_of_groups``); sizes differ with the seed.
    * ``time``: what comes last is test, what comes before it validation; the same for every seed.
    * ``k_fold``: seed s validates on fold ``s mod k`` of repetition ``s div k`` (seed 0 where not ``spec.resplit``);
      folds are stratified, of whole groups where there are groups, and their sizes may differ by one sample or group.

    Parameters
    ----------
    dataset
        The samples; a regression and a segmentation are not stratified.
    spec
        Fractions and the split's own seed.
    seed
        The replicate's seed.

    Raises
    ------
    DataError
        A class that has too few samples: 3 (train, validation, test), or 2 outside of a given test set; too few
        groups, moments or samples for the parts; no groups for ``grouped``; a group on both sides of a given test;
        a class that train would lack.

    """
    test = test_indices(dataset, spec)
    rest = _without(len(dataset), test)
    chosen = _validation(dataset, spec, rest, seed)
    train = rest[_without(len(rest), chosen)]
    if spec.kind != "stratified":
        _check_classes(dataset, train)
    return Split(train=train, validation=rest[chosen], test=test)


def test_indices(dataset: Dataset, spec: SplitSpec) -> Tensor:
    """Return the sealed test set, int64 and sorted: the given one, or one chosen by ``spec.seed`` alone.

    Raises
    ------
    DataError
        As ``split``.

    """
    labels, groups = _labels(dataset), _groups(dataset, spec)
    given, total = dataset.given_test, round(spec.test * len(dataset))
    if given is not None:
        _check_given(dataset, spec, groups, given)
        return given.sort().values
    if groups is not None:
        _check_number(dataset, _distinct(groups), 3 if spec.kind == "grouped" else spec.folds + 1, "groups")
        leave = 2 if spec.kind == "grouped" else spec.folds
        return part_of_groups(groups, labels, total, leave=leave, draw=generator(spec.seed, "test"))
    if spec.kind == "time":
        return _last(dataset, _order(dataset), total, leave=2)
    _check_counts(dataset, labels, least=3)
    shares = allocate(_counts(labels), total, least=1, leave=2)
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
        what = f"{limit} samples for {len(counts)} classes" if _strata(dataset) else f"{limit} samples"
        raise DataError("data.limit", what, f"at least {2 * len(counts)} (train and validation)")
    kept = rest[_draw(labels[rest], allocate(counts, limit, least=2, leave=0), generator(spec.seed, "limit"))]
    rows = torch.cat([kept, test]).sort().values
    return replace(
        dataset,
        x=gather(dataset.x, rows),
        y=dataset.y[rows],
        given_test=torch.searchsorted(rows, test),
        groups=None if dataset.groups is None else dataset.groups[rows],
        order=None if dataset.order is None else dataset.order[rows],
        rows=rows,
    )


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


def _validation(dataset: Dataset, spec: SplitSpec, rest: Tensor, seed: int) -> Tensor:
    """Return sorted positions in ``rest``, which is all but the test set."""
    labels, groups = _labels(dataset)[rest], _groups(dataset, spec)
    total = round(spec.validation * len(rest))
    root = derive(seed, "split") if spec.resplit else spec.seed
    if spec.kind == "time":
        return _last(dataset, _order(dataset)[rest], total, leave=1)
    if spec.kind == "k_fold":
        repetition, fold = divmod(seed if spec.resplit else 0, spec.folds)
        draw = generator(spec.seed, "folds", repetition)
        if groups is not None:
            found = group_folds(groups[rest], labels, spec.folds, draw=draw)
        else:
            _check_number(dataset, len(rest), spec.folds, "samples beside the test set")
            found = stratified_folds(labels, spec.folds, draw=draw)
        return (found == fold).nonzero().squeeze(1)
    if groups is not None:
        return part_of_groups(groups[rest], labels, total, leave=1, draw=generator(root, "validation"))
    return _draw(labels, allocate(_counts(labels), total, least=1, leave=1), generator(root, "validation"))


def _groups(dataset: Dataset, spec: SplitSpec) -> Tensor | None:
    """Return the groups that the split keeps together."""
    if spec.kind == "grouped" and dataset.groups is None:
        what = "received grouped, but the data has no groups"
        raise DataError("data.split.kind", what, "data.group, the column that says which rows belong together")
    return dataset.groups if spec.kind in ("grouped", "k_fold") else None


def _order(dataset: Dataset) -> Tensor:
    return torch.arange(len(dataset)) if dataset.order is None else dataset.order


def _last(dataset: Dataset, order: Tensor, total: int, *, leave: int) -> Tensor:
    found = last_part(order, total, leave=leave)
    if found is None:
        parts = "train, validation and test" if leave == 2 else "train and validation"
        raise DataError(_where(dataset), "too few different times to split by", f"at least {leave + 1} ({parts})")
    return found


def _where(dataset: Dataset) -> str:
    return dataset.source or dataset.name


def _check_given(dataset: Dataset, spec: SplitSpec, groups: Tensor | None, given: Tensor) -> None:
    """Refuse a given test set that leaves too little, or that shares a group with the rest."""
    rest = _without(len(dataset), given)
    if groups is not None:
        shared = int(torch.isin(groups[given], groups[rest]).sum())
        if shared:
            what = f"{shared:,} samples of the given test belong to groups that train has too"
            raise DataError(_where(dataset), what, "groups that stand on one side only, or split.kind: stratified")
        number = _distinct(groups[rest])
        _check_number(dataset, number, 2 if spec.kind == "grouped" else spec.folds, "groups beside the given test")
    elif spec.kind != "time":
        _check_counts(dataset, _labels(dataset)[rest], least=2)


def _distinct(groups: Tensor) -> int:
    return len(np.unique(groups.numpy()))


def _check_number(dataset: Dataset, found: int, least: int, what: str) -> None:
    if found < least:
        raise DataError(_where(dataset), f"has {found} {what}", f"at least {least} for this split")


def _check_classes(dataset: Dataset, train: Tensor) -> None:
    """Refuse a split whose train part lacks a class."""
    names = _strata(dataset)
    counts = torch.bincount(_labels(dataset)[train], minlength=len(names)).tolist()
    for name, count in zip(names, counts, strict=False):
        if not count:
            what = f"no train sample of the class '{name}' is left by this split"
            raise DataError(_where(dataset), what, "each class in train: other fractions, another split.kind or seed")


def _labels(dataset: Dataset) -> Tensor:
    """Return what is stratified by: the class, or one stratum for a regression or segmentation."""
    return dataset.y if dataset.task == "classification" else torch.zeros(len(dataset), dtype=torch.int64)


def _strata(dataset: Dataset) -> tuple[str, ...]:
    """Return the names of what is stratified by: the classes of a classification."""
    return dataset.classes if dataset.task == "classification" else ()


def _counts(labels: Tensor) -> list[int]:
    counts: list[int] = torch.bincount(labels).tolist()
    return counts


def _check_counts(dataset: Dataset, labels: Tensor, *, least: int) -> None:
    names = _strata(dataset)
    counts: list[int] = torch.bincount(labels, minlength=max(len(names), 1)).tolist()
    parts = "train, validation and test" if least == 3 else "train and validation, beside the given test"
    for index, count in enumerate(counts):
        if count < least:
            who = f"the class '{names[index]}'" if names else "the data"
            noun = "sample" if count == 1 else "samples"
            raise DataError(_where(dataset), f"{who} has {count} {noun}", f"at least {least} ({parts})")


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
