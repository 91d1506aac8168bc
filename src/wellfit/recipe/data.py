"""Where the data comes from, how it is split and prepared."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wellfit.recipe.base import Count, Fraction, Frozen, Seed


class SplitSpec(Frozen):
    """How samples are divided. Given ``train``/``test`` folders or files are respected: then ``test`` is not used."""

    validation: Fraction = 0.1
    """Fraction of the samples that are not test."""
    test: Fraction = 0.2
    """Fraction of all samples; fixed by ``seed`` and sealed."""
    seed: Seed = 0
    """The split's own seed."""
    resplit: bool = True
    """Draw train and validation anew for each seed of a study (the test set never moves); else one split for all."""


class DataSpec(Frozen):
    """Where the data comes from and how it is prepared."""

    source: str = Field(min_length=1)
    """A name (``digits``, ``fashion-mnist``, ``mnist``, ``cifar10``), or a folder of images, CSV, Parquet, ``.npz``."""
    target: str | None = None
    """The column to predict (tables)."""
    task: Literal["classification", "regression"] | None = None
    """``None``: inferred. A text or few-valued integer target is a class, else a number."""
    kind: Literal["image", "vector", "sequence"] | None = None
    """What the samples are; ``None``: inferred. Needed where the sequences of an ``.npz`` could be grey images."""
    scale: Literal["standardize", "minmax", "none"] = "standardize"
    """Fitted on the train split only: per feature for vectors, per channel for images and sequences."""
    size: tuple[Count, Count] | None = None
    """Height and width that images are resized to; needed where their sizes differ."""
    limit: int | None = Field(default=None, ge=2, strict=True)
    """Use only that many samples (stratified, drawn by the split's seed) of those that are not test."""
    skip_bad: bool = False
    """Leave out corrupt images and rows, and count them; else the first one is an error."""
    split: SplitSpec = SplitSpec()
