"""Recipe and StudySpec: the declarative description of one training, and of a study of its variants.

Frozen and validated; no torch here. ``wellfit.recipe_file`` reads them from YAML. Regularizers are held by name with
their parameters and are checked against the catalogue (``wellfit.regularize.catalogue``) when the study is designed.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from wellfit.recipe_errors import validate as validate

Patch = Mapping[str, Any]
"""A change of recipe by fields or names of regularizers: ``{"dropout": {"rate": 0.4}, "optimizer": {"lr": 0.1}}``."""

# Numbers are strict: else ``true`` would be 1 and "64" 64. A strict float still takes a whole number.
Fraction = Annotated[float, Field(gt=0, lt=1, strict=True)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]
Unit = Annotated[float, Field(ge=0, lt=1, strict=True)]
Count = Annotated[int, Field(ge=1, strict=True)]
Seed = Annotated[int, Field(ge=0, lt=2**63, strict=True)]
Activation = Literal["relu", "leaky_relu", "tanh", "sigmoid", "gelu", "elu", "silu"]


class Frozen(BaseModel):
    """A value that cannot change and takes no unknown key."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, protected_namespaces=(), ser_json_inf_nan="constants"
    )


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
    scale: Literal["standardize", "minmax", "none"] = "standardize"
    """Fitted on the train split only: per feature for vectors, per channel for images."""
    size: tuple[Count, Count] | None = None
    """Height and width that images are resized to; needed where their sizes differ."""
    limit: int | None = Field(default=None, ge=2, strict=True)
    """Use only that many samples (stratified, drawn by the split's seed) of those that are not test."""
    skip_bad: bool = False
    """Leave out corrupt images and rows, and count them; else the first one is an error."""
    split: SplitSpec = SplitSpec()


class MlpSpec(Frozen):
    """Multi-layer perceptron: flatten, then linear layers with an activation between."""

    kind: Literal["mlp"] = "mlp"
    hidden: tuple[Count, ...] = (128, 128)
    activation: Activation = "relu"


class CnnSpec(Frozen):
    """Convolutional network: per entry of ``channels`` 3x3 convolution, activation, 2x2 max-pool; then an MLP head."""

    kind: Literal["cnn"] = "cnn"
    channels: tuple[Count, ...] = Field(default=(32, 64, 128), min_length=1)
    hidden: tuple[Count, ...] = ()
    activation: Activation = "relu"


class ImportSpec(Frozen):
    """Any ``nn.Module`` by import path, called with ``args`` as keywords. A name ending in ``.py:Name`` is a file."""

    kind: Literal["import"] = "import"
    import_: str = Field(alias="import", min_length=1)
    args: dict[str, Any] = {}


ModelSpec = Annotated[MlpSpec | CnnSpec | ImportSpec, Field(discriminator="kind")]


class SgdSpec(Frozen):
    """Stochastic gradient descent, with classical momentum where ``momentum`` > 0."""

    kind: Literal["sgd"] = "sgd"
    lr: Positive = 0.01
    momentum: Unit = 0.0


class MomentumSpec(Frozen):
    """SGD with classical (heavy-ball) momentum."""

    kind: Literal["momentum"] = "momentum"
    lr: Positive = 0.01
    momentum: Unit = 0.9


class AdamSpec(Frozen):
    """Adam (Kingma & Ba 2015)."""

    kind: Literal["adam"] = "adam"
    lr: Positive = 0.001
    beta1: Unit = 0.9
    beta2: Unit = 0.999
    eps: Positive = 1e-8


class AdamWSpec(Frozen):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019): Adam and the regularizer ``weight_decay``."""

    kind: Literal["adamw"] = "adamw"
    lr: Positive = 0.001
    beta1: Unit = 0.9
    beta2: Unit = 0.999
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.01
    """Not used where the recipe names the regularizer ``weight_decay`` itself."""


OptimizerSpec = Annotated[SgdSpec | MomentumSpec | AdamSpec | AdamWSpec, Field(discriminator="kind")]


class Recipe(Frozen):
    """The whole declarative description of one training."""

    data: DataSpec
    model: ModelSpec | None = None
    """``None``: an MLP for vectors, a CNN for images."""
    loss: Literal["cross_entropy", "mse"] | None = None
    """``None``: cross-entropy for classification, mean squared error for regression."""
    optimizer: OptimizerSpec = SgdSpec()
    regularizers: dict[str, dict[str, Any]] = {}
    """Name in the catalogue -> its parameters."""
    batch_size: Count = 64
    epochs: Count = 30
    monitor: Literal["val_loss", "val_accuracy"] = "val_loss"
    """What the best weights, and early stopping, go by."""
    restore: Literal["best", "last"] = "best"
    """Which weights are handed over: those of the best ``monitor``, or the last."""

    @field_validator("data", mode="before")
    @classmethod
    def _data_by_name(cls, value: Any) -> Any:
        if not isinstance(value, str | Mapping | DataSpec):
            raise ValueError("a name, a path or a mapping")
        return {"source": value} if isinstance(value, str) else value

    @field_validator("model", mode="before")
    @classmethod
    def _model_kind(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or "kind" in value:
            return value
        return {"kind": _implied_kind(value) or "mlp", **value}

    @field_validator("optimizer", mode="before")
    @classmethod
    def _optimizer_kind(cls, value: Any) -> Any:
        return {"kind": "sgd", **value} if isinstance(value, Mapping) and "kind" not in value else value

    @field_validator("regularizers", mode="before")
    @classmethod
    def _no_parameters(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {name: {} if given is None else given for name, given in value.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; ``Recipe.model_validate`` takes them back."""
        return self.model_dump(mode="json", by_alias=True)


MOST_SEEDS = 10_000


class StudySpec(Frozen):
    """Arms times seeds over a base recipe."""

    name: str = "study"
    """A folder's name: letters, digits, ``.``, ``_``, ``-`` and spaces."""
    recipe: Recipe
    seeds: tuple[Seed, ...] = (0,)
    """In a recipe file a number of seeds, counted from 0, or a list of seeds."""
    metric: Literal["val_loss", "val_accuracy"] = "val_loss"
    """What arms are compared by and the best model is chosen by."""
    factors: dict[str, dict[str, Any]] = {}
    arms: dict[str, dict[str, Any]] = {}
    control: str | None = None
    """The arm that the others are compared with; ``None``: ``plain``, or the first arm where there is no plain."""
    plain: bool = True
    """Whether the base recipe itself is an arm, ``plain``."""
    half_width: Positive | None = None
    """Half-width of the 95 % interval that matters, for the number of seeds still needed; in units of the metric.
    ``None``: 0.005 for an accuracy, 5 % of the control's mean for a loss."""

    @field_validator("name")
    @classmethod
    def _name_of_a_folder(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._ -]{0,98}[A-Za-z0-9_-])?", value):
            raise ValueError("at most 100 letters, digits, '.', '_', '-' and inner spaces, a letter or digit first")
        return value

    @field_validator("seeds", mode="before")
    @classmethod
    def _count_of_seeds(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            if not 1 <= value <= MOST_SEEDS:
                raise ValueError(f"1 to {MOST_SEEDS} seeds")
            return tuple(range(value))
        if not isinstance(value, list | tuple):
            raise ValueError("a number of seeds or a list of seeds")
        return value

    @field_validator("seeds")
    @classmethod
    def _seeds_differ(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or len(value) > MOST_SEEDS or len(set(value)) != len(value):
            raise ValueError(f"1 to {MOST_SEEDS} seeds, each once")
        return value

    def to_dict(self) -> dict[str, Any]:
        """Return the form of a recipe file: the recipe's fields, and ``study:``."""
        plain = self.model_dump(mode="json", by_alias=True)
        recipe = plain.pop("recipe")
        return {"name": plain.pop("name"), **recipe, "study": plain}


FACTOR_FIELDS = frozenset(Recipe.model_fields)


def merge(base: Mapping[str, Any], patch: Patch) -> dict[str, Any]:
    """Return ``base`` with ``patch`` laid over it: mappings merge, other values replace, ``None`` removes.

    A mapping that names another ``kind`` replaces the old one whole: the parameters of SGD mean nothing to Adam.

    >>> merge({"model": {"kind": "mlp", "hidden": [8]}}, {"model": {"hidden": [16]}})
    {'model': {'kind': 'mlp', 'hidden': [16]}}
    """
    merged = copy.deepcopy(dict(base))
    for key, value in patch.items():
        old = merged.get(key)
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(old, Mapping) and not _other_kind(old, value):
            merged[key] = merge(old, value)
        else:
            merged[key] = copy.deepcopy(dict(value)) if isinstance(value, Mapping) else copy.deepcopy(value)
    return merged


def _implied_kind(model: Mapping[str, Any]) -> str | None:
    """Return the kind of network that only has such a key."""
    return "import" if "import" in model else "cnn" if "channels" in model else None


def _other_kind(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    if "kind" not in old:
        return False
    return "import" in new or new.get("kind", _implied_kind(new) or old["kind"]) != old["kind"]


def apply_patch(recipe: Recipe, patch: Patch, *, where: str) -> Recipe:
    """Return the recipe with a patch applied; keys that are not recipe fields are names of regularizers.

    Raises
    ------
    RecipeError
        The patched recipe breaks a rule; its place is below ``where``.

    """
    fields = {key: value for key, value in patch.items() if key in FACTOR_FIELDS}
    named = {key: value for key, value in patch.items() if key not in FACTOR_FIELDS}
    if isinstance(fields.get("data"), str):
        fields["data"] = {"source": fields["data"]}
    changed = merge(recipe.to_dict(), fields)
    regularizers = changed.get("regularizers", {})
    if isinstance(regularizers, Mapping):
        changed["regularizers"] = merge(regularizers, named)
    return validate(Recipe, changed, where=where)
