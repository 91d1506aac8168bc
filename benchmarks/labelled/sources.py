"""Where the samples come from: pools that are far larger than what a run trains on, so that the rest is an oracle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, make_friedman1, make_hastie_10_2
from torch import Tensor

from wellfit.data import Dataset, load
from wellfit.random import generator
from wellfit.recipe import DataSpec

MADE = 12_000
"""Samples that are kept of a large set, or made."""


@cache
def pool(name: str) -> Dataset:
    """Return all samples of a data set as one pool in memory; its own test part is no longer apart."""
    return SOURCES[name]()


def _images(source: str, first: int = 0) -> Dataset:
    """Return ``MADE`` images from ``first`` on, 2 x 2 pixels averaged to one where they are larger than 16 pixels."""
    whole = load(DataSpec(source=source))
    rows = _shuffled(len(whole), source)[first : first + MADE]
    x = torch.as_tensor(whole.x)[rows]
    if x.shape[-1] > 16:
        x = torch.nn.functional.avg_pool2d(x.float(), 2).round().to(torch.uint8)
    return replace(whole, x=x, y=whole.y[rows], given_test=None, rows=None)


def _digits() -> Dataset:
    return load(DataSpec(source="digits"))


def _power() -> Dataset:
    return replace(load(DataSpec(source="ItalyPowerDemand")), given_test=None)


def _vectors(name: str, x: np.ndarray, y: Tensor, classes: tuple[str, ...]) -> Dataset:
    task = "classification" if classes else "regression"
    return Dataset(name, task, "vector", torch.as_tensor(x, dtype=torch.float32), y, classes, None)  # type: ignore[arg-type]


def _hastie() -> Dataset:
    x, y = make_hastie_10_2(MADE, random_state=1)
    return _vectors("hastie", x, torch.as_tensor(y > 0).long(), ("inner", "outer"))


def _friedman(seed: int = 2) -> Dataset:
    x, y = make_friedman1(MADE, n_features=10, noise=1.5, random_state=seed)
    return _vectors("friedman", x, torch.as_tensor(y, dtype=torch.float32)[:, None], ())


def _cancer() -> Dataset:
    given = load_breast_cancer()
    return _vectors("breast-cancer", given.data, torch.as_tensor(given.target).long(), ("malignant", "benign"))


SOURCES: dict[str, Callable[[], Dataset]] = {
    "digits": _digits,
    "fashion-mnist": lambda: _images("fashion-mnist"),
    "mnist": lambda: _images("mnist"),
    "cifar10": lambda: _images("cifar10"),
    "ItalyPowerDemand": _power,
    "hastie": _hastie,
    "friedman": _friedman,
    "breast-cancer": _cancer,
    "fresh mnist": lambda: _images("mnist", MADE),
    "fresh fashion-mnist": lambda: _images("fashion-mnist", MADE),
    "fresh friedman": lambda: _friedman(12),
}
"""``fresh`` ones share no sample with those of the same name: they are for the final part."""


def _shuffled(n: int, name: str) -> Tensor:
    return torch.randperm(n, generator=generator(0, "pool", name))


def rows_of(name: str, part: int | None, seed: int) -> Tensor:
    """Return rows of a pool in the order of a seed: of one of its two halves, or (``None``) of the whole pool.

    The two halves share no sample, so what is held out shares none with what thresholds are tuned on.
    """
    order = _shuffled(len(pool(name)), name)
    if part is not None:
        order = order[part::2]
    return order[torch.randperm(len(order), generator=generator(seed, "parts", name))]
