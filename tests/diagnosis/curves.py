"""Curves for the tests: drawn ones, of which the right verdict is known by construction, and real ones."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from wellfit.record import EpochRow

CHANCE = 2.3
"""Loss of guessing that the drawn curves start from."""


def rows(
    train: Sequence[float], val: Sequence[float], *, val_accuracy: Sequence[float | None] | None = None
) -> tuple[EpochRow, ...]:
    accuracies = [None] * len(train) if val_accuracy is None else val_accuracy
    return tuple(
        EpochRow(i, t, v, a, a, t, 0.0, 0.1, 1.0, 1.0)
        for i, (t, v, a) in enumerate(zip(train, val, accuracies, strict=True), start=1)
    )


def times(curves: Sequence[EpochRow], factor: float) -> tuple[EpochRow, ...]:
    return tuple(replace(row, train_loss=row.train_loss * factor, val_loss=row.val_loss * factor) for row in curves)


def drawn(kind: str, *, epochs: int = 40, noise: float = 0.005, key: int = 0) -> tuple[EpochRow, ...]:
    """Return exponential curves from ``CHANCE`` with normal noise on the validation loss."""
    x = np.arange(1, epochs + 1) / epochs

    def decay(end: float, rate: float) -> np.ndarray:
        return end + (CHANCE - end) * np.exp(-rate * x)

    train, val = {
        "well-fit": (decay(0.25, 12), decay(0.35, 12)),
        "overfit": (decay(0.01, 10), decay(0.5, 12) + 0.6 * np.maximum(x - 0.25, 0)),
        "underfit": (decay(1.4, 12), decay(1.42, 12)),
        "unconverged": (decay(0.2, 1.0), decay(0.3, 1.0)),
    }[kind]
    return rows(list(train), list(val + np.random.default_rng(key).normal(0, noise, epochs)))


@dataclass(frozen=True)
class RealRun:
    """A real training with its label and context."""

    name: str
    label: str
    curves: tuple[EpochRow, ...]
    chance_loss: float
    reference: float


def real_runs() -> list[RealRun]:
    stored = json.loads(Path(__file__).with_name("real_curves.json").read_text())
    made = []
    for run in stored["runs"]:
        train, val = ([math.nan if v is None else v for v in run[key]] for key in ("train_loss", "val_loss"))
        curves = rows(train, val, val_accuracy=run["val_accuracy"])
        name = f"{run['label']}: {run['network']}, {run['data']}"
        made.append(RealRun(name, run["label"], curves, run["chance_loss"], run["reference"]))
    return made
