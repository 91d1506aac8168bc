"""Where the data comes from, how it is split and prepared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field, field_validator, model_serializer

from wellfit.recipe.base import Count, Fraction, Frozen, Positive, Seed


class SplitSpec(Frozen):
    """How samples are divided. Given ``train``/``test`` folders or files are respected: then ``test`` is not used."""

    kind: Literal["stratified", "grouped", "time", "k_fold"] = "stratified"
    """``stratified``: each class has its share of each part. ``grouped``: no group (``data.group``, or what the source
    knows, as the speaker of a recording) stands in two parts. ``time``: train before validation before test, by
    ``data.time`` or else the order of the rows. ``k_fold``: seed s of a study validates on fold s mod k of repetition
    s div k; stratified, and where there are groups, by group.
    """
    folds: int = Field(default=5, ge=2, strict=True)
    """k of ``k_fold``; ``validation`` is then not used."""
    validation: Fraction = 0.1
    """Fraction of the samples that are not test."""
    test: Fraction = 0.2
    """Fraction of all samples; fixed by ``seed`` and sealed."""
    seed: Seed = 0
    """The split's own seed."""
    resplit: bool = True
    """Draw train and validation anew for each seed of a study (the test set never moves); else one split for all."""

    @model_serializer(mode="wrap")
    def _as_before(self, plain: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """Leave out what older files lack where it has its default: a recipe keeps its hash."""
        return _without_defaults(self, plain(self), ("kind", "folds"))


class CleanSpec(Frozen):
    """What a plan (``wellfit data DATA --plan``) does to the train samples of each seed; no other sample is changed."""

    plan: str = Field(min_length=1)
    """The path of the plan."""
    do: Literal["keep", "clean", "random"] = "clean"
    """``clean``: what the plan says. ``random``: leave out as many samples as it would, drawn by the seed. ``keep``:
    nothing; the train curves are measured on the samples that all three leave as they are.
    """


class DataSpec(Frozen):
    """Where the data comes from and how it is prepared."""

    source: str = Field(min_length=1)
    """A name (``digits``, ``fashion-mnist``, ``mnist``, ``cifar10``), or a folder of images, CSV, Parquet, ``.npz``."""
    target: str | None = None
    """The column to predict (tables)."""
    task: Literal["classification", "regression", "segmentation"] | None = None
    """``None``: inferred. A text or few-valued integer target is a class, else a number; a folder of ``images`` beside
    one of ``masks`` is a segmentation.
    """
    kind: Literal["image", "vector", "sequence"] | None = None
    """What the samples are; ``None``: inferred. Needed where the sequences of an ``.npz`` could be grey images."""
    drop: tuple[str, ...] = ()
    """Columns to leave out (tables): ids, free text, what is not known when a prediction is due."""
    categories: tuple[str, ...] = ()
    """Columns that are categories though they look like numbers or have many levels (tables)."""
    impute: Literal["none", "mean", "median", "most_frequent", "constant"] = "none"
    """What stands for a missing number or date (tables); ``constant``: ``fill``. Truth values take the most frequent
    one. Fitted on the train split only. ``none``: a missing value is an error, or leaves its row out (``skip_bad``).
    """
    fill: float = Field(default=0.0, allow_inf_nan=False, strict=True)
    """The number of ``impute: constant``."""
    impute_categories: Literal["most_frequent", "level"] = "most_frequent"
    """What stands for a missing category unless ``impute`` is ``none``: the most frequent level, or one of its own."""
    indicate: bool = False
    """Add a feature of 0 and 1 for each column that has missing values: whether it was missing."""
    encode: Literal["one_hot", "ordinal"] = "one_hot"
    """What a category becomes: a feature of 0 and 1 for each level, or the index of its level, scaled as a number."""
    equalize: Literal["none", "histogram", "clahe"] = "none"
    """Spread each image's grey values, channel by channel: over the whole image, or in tiles, with limited contrast."""
    clahe_clip: Positive = 2.0
    """How many times the even share one grey value of a tile may have (``clahe``)."""
    clahe_tiles: tuple[Count, Count] = (8, 8)
    """Rows and columns of tiles (``clahe``)."""
    scale: Literal["standardize", "minmax", "robust", "per_image", "none"] = "standardize"
    """Fitted on the train split only: per feature for vectors, per channel for images and sequences. ``robust``: by
    median and interquartile range. ``per_image``: by each image's own mean and standard deviation.
    """
    size: tuple[Count, Count] | None = None
    """Height and width that images are resized to; needed where their sizes differ."""
    limit: int | None = Field(default=None, ge=2, strict=True)
    """Use only that many samples (stratified, drawn by the split's seed) of those that are not test."""
    group: str | None = None
    """The column that says which rows belong together (tables); they stay together in the split. No feature."""
    time: str | None = None
    """The column that rows are ordered by: numbers, or dates as text in ISO form. No feature."""
    id: str | None = None
    """The column that names the series a row belongs to: the table is then one of sequences, a row per time step."""
    length: Count | Literal["longest", "shortest"] | None = None
    """Time steps that sequences of unequal lengths are brought to: padded with zeros or cut at their end."""
    rate: Count | None = None
    """Samples per second that recordings are resampled to; needed where their rates differ."""
    features: Literal["log_mel", "raw"] | None = None
    """What recordings become; ``None``: ``log_mel``, frames of 40 log-mel energies. ``raw``: the samples, (T, 1)."""
    label_from: Literal["folder", "name"] | None = None
    """Where the class of a recording stands: the name of its ``folder``, or its own up to the first ``_``."""
    skip_bad: bool = False
    """Leave out corrupt images and rows, and count them; else the first one is an error."""
    clean: CleanSpec | None = None
    """A plan for the train samples; its path alone for ``{plan: PATH, do: clean}``. ``study.cleaning`` makes arms."""
    split: SplitSpec = SplitSpec()

    @field_validator("clean", mode="before")
    @classmethod
    def _plan_by_path(cls, value: Any) -> Any:
        return {"plan": value} if isinstance(value, str) else value

    @model_serializer(mode="wrap")
    def _as_before(self, plain: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """Leave out what older files lack where it has its default: a recipe keeps its hash."""
        return _without_defaults(self, plain(self), LATER)


LATER = (
    *("group", "time", "id", "length", "rate", "features", "label_from"),
    *("drop", "categories", "impute", "fill", "impute_categories", "indicate", "encode"),
    *("equalize", "clahe_clip", "clahe_tiles"),
    "clean",
)
"""Fields that the first recipes did not have."""


def _without_defaults(spec: Frozen, plain: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    fields = type(spec).model_fields
    return {key: value for key, value in plain.items() if key not in names or getattr(spec, key) != fields[key].default}
