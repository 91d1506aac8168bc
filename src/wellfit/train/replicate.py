"""What a seed makes of a data set: its split, and the preparation that was fitted on its train samples."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from wellfit.data import (
    Dataset,
    Encoder,
    PerImage,
    Scaler,
    Split,
    fit_encoder,
    fit_scaler,
    fit_targets,
    gather,
    split,
    to_unit,
)
from wellfit.data.stream import is_streamed
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
    encoder: Encoder | None
    """Fills in and encodes the columns of a table; ``None`` for other data."""
    scaler: Scaler | PerImage
    target_scaler: Scaler | None
    probe: Tensor
    """int64 indices: the fixed train samples on which comparable curves are measured."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample as a network takes it: that of the data, or the features that a table's columns become.

        It is the same for every seed.
        """
        return self.dataset.shape if self.encoder is None else (self.encoder.width,)

    def gather(self, rows: Tensor, *, device: torch.device) -> Tensor:
        """Return the samples (n, ...) as float32: images on [0, 1], so that black is 0; else as the data holds them."""
        return self.unit(self.raw(rows), device=device)

    @property
    def is_streamed(self) -> bool:
        """Whether the samples stay on the disk, so that reading them ahead pays."""
        return is_streamed(self.dataset.x)

    def raw(self, rows: Tensor) -> Tensor:
        """Return the samples (n, ...) as the data holds them."""
        return gather(self.dataset.x, rows)

    def unit(self, raw: Tensor, *, device: torch.device) -> Tensor:
        """Return what ``raw`` gave as ``gather`` does."""
        x = raw.to(device)
        return to_unit(x) if self.dataset.kind == "image" else x

    def scale(self, x: Tensor) -> Tensor:
        """Return gathered samples as the network takes them: filled in, encoded and scaled by the train split."""
        return self.scaler.to(x.device).apply(x if self.encoder is None else self.encoder.apply(x))

    def targets(self, rows: Tensor, *, device: torch.device) -> Tensor:
        """Return the targets: class indices, or numbers in standard deviations of the train targets."""
        y = gather(self.dataset.y, rows)
        return (y if self.target_scaler is None else self.target_scaler.apply(y)).to(device)


def make_replicate(dataset: Dataset, spec: DataSpec, seed: int) -> Replicate:
    """Split the data by ``seed`` and fit the preparation on its train samples."""
    parts = split(dataset, spec.split, seed=seed)
    size = min(len(parts.train), max(len(parts.validation), PROBE_FLOOR))
    chosen = torch.randperm(len(parts.train), generator=generator(seed, "probe"))[:size]
    regression = dataset.task == "regression"
    encoder = fit_encoder(dataset, spec, parts)
    return Replicate(
        dataset=dataset,
        seed=seed,
        split=parts,
        encoder=encoder,
        scaler=fit_scaler(dataset, spec, parts, encoder),
        target_scaler=fit_targets(dataset.y, parts.train) if regression else None,
        probe=parts.train[chosen].sort().values,
    )
