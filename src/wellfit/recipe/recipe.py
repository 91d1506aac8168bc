"""Recipe: the whole declarative description of one training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import field_validator

from wellfit.recipe.base import Count, Frozen
from wellfit.recipe.data import DataSpec
from wellfit.recipe.init import DefaultSpec, InitSpec
from wellfit.recipe.loss import LossSpec, whole_loss
from wellfit.recipe.model import ModelSpec, implied_kind
from wellfit.recipe.optimizer import OptimizerSpec, SgdSpec
from wellfit.recipe.schedule import ConstantSpec, ScheduleSpec


class Recipe(Frozen):
    """The whole declarative description of one training."""

    data: DataSpec
    model: ModelSpec | None = None
    """``None``: what suits the data: an MLP for vectors, a CNN for images, an RNN for sequences, a U-Net for masks."""
    init: InitSpec = DefaultSpec()
    loss: LossSpec | None = None
    """What is optimized; a name, or a mapping. ``None``: cross-entropy for classification, else mean squared error."""
    measure: LossSpec | None = None
    """What ``train_loss``, ``val_loss`` and ``test_loss`` report; ``None``: the loss. Arms of a study share it."""
    optimizer: OptimizerSpec = SgdSpec()
    schedule: ScheduleSpec = ConstantSpec()
    regularizers: dict[str, dict[str, Any]] = {}
    """Name in the catalogue -> its parameters."""
    batch_size: Count = 64
    epochs: Count = 30
    monitor: Literal["val_loss", "val_accuracy", "val_iou"] = "val_loss"
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
        return {"kind": implied_kind(value) or "mlp", **value}

    @field_validator("loss", "measure", mode="before")
    @classmethod
    def _whole_loss(cls, value: Any) -> Any:
        return whole_loss(value)

    @field_validator("init", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    @field_validator("schedule", mode="before")
    @classmethod
    def _schedule_kind(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"kind": value}
        return {"kind": "constant", **value} if isinstance(value, Mapping) and "kind" not in value else value

    @field_validator("optimizer", mode="before")
    @classmethod
    def _optimizer_kind(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"kind": value}
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
