"""All that is fitted on the train split to bring samples into the form a network takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from wellfit.data.dataset import Dataset, Split
from wellfit.data.encode import Encoder
from wellfit.data.per_image import PER_IMAGE, PerImage
from wellfit.data.prepare import Scaler
from wellfit.recipe import DataSpec

BLOCK = 65_536
"""Rows that are encoded at a time while the scaling is fitted."""


def fit_encoder(dataset: Dataset, spec: DataSpec, parts: Split) -> Encoder | None:
    """Return what fills in and encodes the columns of a table, fitted on the train split; ``None`` for other data.

    Its features are decided by all samples but the test set, so that they are the same for every seed.
    """
    if not dataset.columns:
        return None
    is_open = torch.ones(len(dataset), dtype=torch.bool)
    is_open[parts.test] = False
    return Encoder.fit(
        dataset.x,
        dataset.columns,
        train=parts.train,
        open_rows=is_open.nonzero().squeeze(1),
        impute=spec.impute,
        constant=spec.fill,
        impute_categories=spec.impute_categories,
        indicate=spec.indicate,
        how=spec.encode,
    )


def scaler_from(values: Mapping[str, Any]) -> Scaler | PerImage:
    """Take back what ``to_dict`` of a scaling gave."""
    return PerImage() if values.get("how") == PER_IMAGE else Scaler.from_dict(values)


def fit_scaler(dataset: Dataset, spec: DataSpec, parts: Split, encoder: Encoder | None) -> Scaler | PerImage:
    """Return the scaling that is fitted on the train split; of a table after it was encoded, where features that stand
    for a level or a mark keep their 0 and 1.
    """
    if spec.scale == "per_image":
        return PerImage()
    if encoder is None:
        return Scaler.fit(dataset.x, kind=dataset.kind, how=spec.scale, rows=parts.train)
    scaled = encoder.scaled
    mean, std = torch.zeros(encoder.width), torch.ones(encoder.width)
    if len(scaled):
        fitted = Scaler.fit(_encoded(dataset.x, parts.train, encoder), kind="vector", how=spec.scale)
        mean[scaled], std[scaled] = fitted.mean, fitted.std
    return Scaler(mean, std)


def _encoded(x: Tensor, rows: Tensor, encoder: Encoder) -> Tensor:
    scaled = encoder.scaled
    return torch.cat([encoder.apply(x[part]).index_select(1, scaled) for part in torch.split(rows, BLOCK)])
