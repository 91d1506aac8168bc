"""Train sets that chance could have given: bootstrap resamples, or one train set with many starts."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from torch import Tensor

from wellfit.data import Split
from wellfit.errors import InputError
from wellfit.random import derive, generator
from wellfit.train.replicate import Replicate

Vary = Literal["data", "init", "data,init"]

MOST_SAMPLES = 2000
"""Train samples, and samples to predict, unless ``data.limit`` is given."""
MOST_SHOWN = 1000
"""Samples of a train set on which the train error is measured."""
MOST_WATCHED = 256
"""Samples on which curves are measured while networks train: nothing is chosen by them."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """What is trained on and what is predicted."""

    replicate: Replicate
    """The data as the seed sees it; its preparation was fitted on the whole train split, once for all resamples."""
    resamples: tuple[Tensor, ...]
    """int64 (n,) each: rows of the data set, with repetitions."""
    evaluation: Tensor
    """int64 (N,): samples of the validation split, which no resample holds."""
    seeds: tuple[int, ...]
    """Of start, order and noise, one a resample; all the same unless the start is varied."""

    def shown(self, number: int) -> Tensor:
        """Return the train samples of a resample on which its train error is measured."""
        return thinned(self.resamples[number], MOST_SHOWN)

    def views(self) -> dict[int, Replicate]:
        """Return a replicate for each resample, by number; the test set is not in it."""
        watched = thinned(self.evaluation, MOST_WATCHED)
        nothing = self.evaluation[:0]
        return {
            number: replace(
                self.replicate,
                seed=seed,
                split=Split(train=rows, validation=watched, test=nothing),
                probe=thinned(rows, MOST_WATCHED),
            )
            for number, (rows, seed) in enumerate(zip(self.resamples, self.seeds, strict=True))
        }


def check_vary(vary: str) -> Vary:
    """Return what varies; InputError for anything else."""
    known: tuple[Vary, ...] = get_args(Vary)
    for one in known:
        if set(vary.split(",")) == set(one.split(",")):
            return one
    raise InputError("--vary", f"received '{vary}'", "data, init or data,init")


def draw(replicate: Replicate, *, bootstraps: int, seed: int, vary: Vary, limited: bool) -> Drawn:
    """Draw the resamples: each n rows with repetition of the n train samples (Efron 1979).

    ``limited``: the recipe limits the data itself. Else train and evaluation have MOST_SAMPLES at most, drawn by the
    seed. Only the train and the validation split are read.
    """
    parts = replicate.split
    most = len(parts.train) + len(parts.validation) if limited else MOST_SAMPLES
    train = _some(parts.train, most, seed, "train")
    count = len(train)
    rows = tuple(
        train[torch.randint(count, (count,), generator=generator(seed, "bootstrap", number))]
        if "data" in vary
        else train
        for number in range(bootstraps)
    )
    seeds = tuple(derive(seed, "start", number) if "init" in vary else seed for number in range(bootstraps))
    return Drawn(replicate, rows, _some(parts.validation, most, seed, "evaluation"), seeds)


def thinned(rows: Tensor, most: int) -> Tensor:
    """Return at most ``most`` of the rows, evenly spread."""
    return rows[:: math.ceil(len(rows) / most)]


def _some(rows: Tensor, most: int, seed: int, name: str) -> Tensor:
    if len(rows) <= most:
        return rows
    order = torch.randperm(len(rows), generator=generator(seed, "bias-variance", name))
    return rows[order[:most].sort().values]
