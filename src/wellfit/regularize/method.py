"""What every regularizer is: a frozen, validated class with its numbers, and the moment at which they are asked for."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from torch import Tensor

Stage = Literal["batch", "activations", "loss", "gradient", "weights", "time"]
Numbers = Mapping[str, Tensor]


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


Patterns = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_listed)]
"""Names with ``*`` and ``?`` as in a shell (``fnmatch``); a single text is a list of one."""


@dataclass(frozen=True)
class Moment:
    """Where a training stands in one step."""

    t: int
    """Steps taken, with this one: from 1."""
    steps: int
    """Steps of an epoch."""
    epochs: Tensor
    """float32 (P,): the epochs that each member is to run."""

    @property
    def epoch(self) -> int:
        """The epoch of this step, from 1."""
        return (self.t - 1) // self.steps + 1

    @property
    def is_last(self) -> bool:
        """Whether this is the epoch's last step."""
        return self.t % self.steps == 0

    @property
    def progress(self) -> Tensor:
        """The part of each member's budget that had passed before this step: (P,) in [0, 1)."""
        return (self.t - 1) / (self.steps * self.epochs)


class Method(BaseModel, ABC):
    """A regularizer with its parameters: frozen, validated, JSON in and out."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=True)

    stage: ClassVar[Stage]
    off: ClassVar[Mapping[str, Any]]
    """The field values at which the method changes nothing, bit for bit."""

    @classmethod
    def number_fields(cls) -> tuple[str, ...]:
        """Return the fields that are numbers: each member of a population has its own."""
        return tuple(name for name, info in cls.model_fields.items() if info.annotation in (float, int))

    @classmethod
    def make_off(cls) -> Method:
        """Return the method as it stands in an arm that does without it."""
        return cls.model_validate(dict(cls.off))

    @classmethod
    def during(cls, numbers: Numbers, moment: Moment) -> Numbers:
        """Return the numbers (P,) as they are at a moment; most do not change."""
        return numbers

    @property
    def is_off(self) -> bool:
        """Whether it changes nothing."""
        return all(getattr(self, field) == value for field, value in self.off.items())
