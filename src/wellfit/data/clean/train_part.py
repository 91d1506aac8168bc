"""A plan for the train samples of one seed: cleaned, or as many left out at random, or kept to compare with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from wellfit.data.clean.by_row import RowChanges
from wellfit.data.dataset import Dataset
from wellfit.errors import DataError
from wellfit.random import generator

Do = Literal["keep", "clean", "random"]


@dataclass(frozen=True, eq=False)
class TrainPart:
    """What a seed trains on, of a split that is otherwise as it was."""

    dataset: Dataset
    """With the targets and cells that the plan gives to train samples; validation and test samples are untouched."""
    drawn: Tensor
    """int64: the train samples of the split, as they were drawn."""
    train: Tensor
    """int64: those that are trained on, in their order."""
    shared: Tensor
    """bool, along ``drawn``: samples that cleaning, random removal and keeping all leave as they are."""
    dropped: int
    relabeled: int
    imputed: int
    """Cells."""


def train_part(dataset: Dataset, train: Tensor, changes: RowChanges, *, do: Do, seed: int) -> TrainPart:
    """Apply a plan to the train samples ``train`` (int64 rows) of a seed.

    ``clean`` leaves out, relabels and fills in what the plan names among them. ``random`` leaves out as many as
    ``clean`` would, each as likely as any other, drawn by ``generator(seed, "clean")``; not stratified. Rows that are
    not in ``train`` are never changed, whatever the plan says.

    Raises
    ------
    DataError
        No train sample of some class is left, or none that all ways leave as it is.

    """
    is_dropped = changes.dropped[train]
    count = int(is_dropped.sum())
    at_random = torch.zeros_like(is_dropped)
    at_random[torch.randperm(len(train), generator=generator(seed, "clean"))[:count]] = True
    shared = ~(changes.touched[train] | at_random)
    made, left, relabeled, imputed = dataset, train, 0, 0
    if do == "random":
        left = train[~at_random]
    elif do == "clean":
        left = train[~is_dropped]
        made, relabeled, imputed = _changed(dataset, left, changes)
    _check_left(made, train, left, changes.where, seed)
    if not bool(shared.any()):
        raise DataError(changes.where, f"leaves no train sample of seed {seed} as it is", "a plan that changes fewer")
    return TrainPart(made, train, left, shared, len(train) - len(left), relabeled, imputed)


def _changed(dataset: Dataset, left: Tensor, changes: RowChanges) -> tuple[Dataset, int, int]:
    """Return the data set with the plan's targets and cells in the rows ``left``, and how many there are of each."""
    mine = torch.zeros(len(dataset), dtype=torch.bool)
    mine[left] = True
    relabeled, cells = changes.relabeled & mine, changes.cells.of_rows(mine)
    if bool(relabeled.any()):
        y = dataset.y.clone()
        y[relabeled] = changes.targets[relabeled]
        dataset = replace(dataset, y=y)
    if len(cells):
        x = dataset.x.clone()
        x[cells.rows, cells.columns] = cells.values
        dataset = replace(dataset, x=x)
    return dataset, int(relabeled.sum()), len(cells)


def _check_left(dataset: Dataset, before: Tensor, left: Tensor, where: str, seed: int) -> None:
    """Refuse to train without a class, or without any sample."""
    names = dataset.classes if dataset.task == "classification" else ()
    counts = torch.bincount(dataset.y[left], minlength=len(names)).tolist() if names else [len(left)]
    for at, count in enumerate(counts):
        if not count:
            what = f"no train sample of the class '{names[at]}' is left" if names else "no train sample is left"
            raise DataError(where, f"{what} with seed {seed}", f"a plan that leaves more of {len(before):,}")
