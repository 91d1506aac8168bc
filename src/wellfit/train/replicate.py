"""What a seed makes of a data set: its split, and the preparation that was fitted on its train samples."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

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
from wellfit.data.clean.by_row import RowChanges
from wellfit.data.clean.train_part import TrainPart, train_part
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
    cleaned: TrainPart | None = None
    """What a plan did to the train samples; ``None``: there is no plan."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample as a network takes it: that of the data, or the features that a table's columns become.

        It is the same for every seed.
        """
        return self.dataset.shape if self.encoder is None else (self.encoder.width,)

    @property
    def pixels(self) -> bool:
        """Whether each pixel has a target, and an answer, of its own: a segmentation."""
        return self.dataset.task == "segmentation"

    @property
    def drawn(self) -> Tensor:
        """int64 indices of the train samples before a plan left any of them out."""
        return self.split.train if self.cleaned is None else self.cleaned.drawn

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

    def scale(self, x: Tensor, *, out: Tensor | None = None) -> Tensor:
        """Return, in ``out`` if there is one, gathered samples as the network takes them: filled in, encoded and scaled
        by the train split.
        """
        return self.scaler.to(x.device).apply(x if self.encoder is None else self.encoder.apply(x), out=out)

    def targets(self, rows: Tensor, *, device: torch.device) -> Tensor:
        """Return the targets: class indices, masks, or numbers in standard deviations of the train targets."""
        y = gather(self.dataset.y, rows)
        return (y if self.target_scaler is None else self.target_scaler.apply(y)).to(device)


def make_replicate(dataset: Dataset, spec: DataSpec, seed: int, changes: RowChanges | None = None) -> Replicate:
    """Split the data by ``seed``, do what ``spec.clean`` says to its train samples, and fit the preparation on these.

    ``changes`` is its plan by rows. The probe is drawn from the samples that all arms of the plan leave as they are,
    which features a table has is decided without the plan, and the targets of a regression are scaled by the whole
    train split: so arms that differ in ``clean.do`` have the same inputs, and losses in the same unit.
    """
    parts = split(dataset, spec.split, seed=seed)
    order = torch.randperm(len(parts.train), generator=generator(seed, "probe"))
    size = max(len(parts.validation), PROBE_FLOOR)
    own, left, cleaned = dataset, parts, None
    if changes is not None and spec.clean is not None:
        cleaned = train_part(dataset, parts.train, changes, do=spec.clean.do, seed=seed)
        order = order[cleaned.shared[order]]
        size = min(size, _sure(parts, changes) or size)
        own = replace(cleaned.dataset, fingerprint=_fingerprint(dataset, changes))
        left = replace(parts, train=cleaned.train)
    encoder = fit_encoder(dataset, spec, left)
    return Replicate(
        dataset=own,
        seed=seed,
        split=left,
        encoder=encoder,
        scaler=fit_scaler(own, spec, left, encoder),
        target_scaler=fit_targets(dataset.y, parts.train) if dataset.task == "regression" else None,
        probe=parts.train[order[:size]].sort().values,
        cleaned=cleaned,
    )


def _sure(parts: Split, changes: RowChanges) -> int:
    """Return how many samples the probe of any seed has, so that seeds can train in lockstep: what train has, less
    what a plan touches and again what it leaves out; 0 where that is less than a quarter of train.
    """
    rows = torch.cat([parts.train, parts.validation])
    count = len(parts.train) - int(changes.touched[rows].sum()) - int(changes.dropped[rows].sum())
    return count if 4 * count >= len(parts.train) else 0


def _fingerprint(dataset: Dataset, changes: RowChanges) -> str:
    """Return what tells whether two results were made of the same data by the same plan."""
    return hashlib.sha256(f"{dataset.fingerprint} {changes.digest}".encode()).hexdigest()
