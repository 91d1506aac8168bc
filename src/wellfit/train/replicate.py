"""What a seed makes of a data set: its split, and the scaling that was fitted on its train samples."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from wellfit.data import Dataset, Scaler, Split, fit_targets, gather, split, to_unit
from wellfit.random import generator
from wellfit.recipe import DataSpec

PROBE_FLOOR = 1000
"""The train probe has as many samples as the validation set, but not fewer than this (or all of train)."""


@dataclass(frozen=True, eq=False)
class Replicate:
    """A data set as one seed sees it; arms of a seed share it."""

    dataset: Dataset
    seed: int
    split: Split
    scaler: Scaler
    target_scaler: Scaler | None
    probe: Tensor
    """int64 indices: the fixed train samples on which comparable curves are measured."""

    def gather(self, rows: Tensor, *, device: torch.device) -> Tensor:
        """Return the samples (n, ...) as float32: images on [0, 1], so that black is 0; vectors as they are."""
        x = gather(self.dataset.x, rows).to(device)
        return to_unit(x) if self.dataset.kind == "image" else x

    def scale(self, x: Tensor) -> Tensor:
        """Return gathered samples scaled by the train split's statistics."""
        return self.scaler.to(x.device).apply(x)

    def targets(self, rows: Tensor, *, device: torch.device) -> Tensor:
        """Return the targets: class indices, or numbers in standard deviations of the train targets."""
        y = gather(self.dataset.y, rows)
        return (y if self.target_scaler is None else self.target_scaler.apply(y)).to(device)


def make_replicate(dataset: Dataset, spec: DataSpec, seed: int) -> Replicate:
    """Split the data by ``seed`` and fit the scaling on its train samples."""
    parts = split(dataset, spec.split, seed=seed)
    size = min(len(parts.train), max(len(parts.validation), PROBE_FLOOR))
    chosen = torch.randperm(len(parts.train), generator=generator(seed, "probe"))[:size]
    regression = dataset.task == "regression"
    return Replicate(
        dataset=dataset,
        seed=seed,
        split=parts,
        scaler=Scaler.fit(dataset.x, kind=dataset.kind, how=spec.scale, rows=parts.train),
        target_scaler=fit_targets(dataset.y, parts.train) if regression else None,
        probe=parts.train[chosen].sort().values,
    )
