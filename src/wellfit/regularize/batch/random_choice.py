"""Random choice: one of several augmentations for each image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import torch
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    create_model,
    model_serializer,
    model_validator,
)
from torch import Tensor

from wellfit.regularize.batch.choice import apply_chosen, draw_all
from wellfit.regularize.batch.table import IMAGES
from wellfit.regularize.stages import Augmentation


class Candidates(BaseModel):
    """Augmentations by name; written as a mapping of those that are in, with their parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @property
    def methods(self) -> tuple[Augmentation, ...]:
        """Those that are in, in the order of the table."""
        return tuple(method for name in type(self).model_fields if (method := getattr(self, name)) is not None)

    @model_validator(mode="before")
    @classmethod
    def _no_parameters(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {name: {} if given is None else given for name, given in value.items()}

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.methods:
            raise ValueError("at least one augmentation")
        return self

    @model_serializer(mode="wrap")
    def _those_that_are_in(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: given for name, given in serialize(self).items() if given is not None}


if TYPE_CHECKING:
    Among = Candidates
else:
    # a field for each augmentation: pydantic then checks the parameters, and its errors name the place
    Among = create_model("Among", __base__=Candidates, **{name: (cls | None, None) for name, cls in IMAGES.items()})

DEFAULT = Among.model_validate({name: {} for name in ("rotation", "brightness", "contrast", "blur", "sharpness")})


class RandomChoice(Augmentation):
    """Changes each image by one of several augmentations, drawn anew in each epoch, so that changes do not pile up.

    Formula: with probability p, x' = a(x), a uniform over the augmentations of ``among``, each with its own parameters
    and draws.
    Range: ``probability`` in [0, 1]; 0 changes nothing. ``among``: names of image augmentations -> their parameters
    (nothing: the defaults), one at least. Each resamples the image by itself, after the augmentations that stand beside
    this one in the recipe.
    Does nothing for: vectors (an error).
    Does harm when: one of the changes alters the answer; each is then seen all the more often, the fewer there are.
    Source: Müller & Hutter 2021, "TrivialAugment: Tuning-free yet state-of-the-art data augmentation", algorithm 1
    (there the strength of each is drawn as well).
    Usage: ``regularizers: {random_choice: {probability: 0.8, among: {rotation: {degrees: 15}, brightness: {}}}}``
    """

    off: ClassVar[Mapping[str, float]] = {"probability": 0.0}
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    among: Among = DEFAULT

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n, 2 + k): whether and which, and the draws of all candidates; they depend on who is among them."""
        return torch.cat(
            [torch.rand(n, 2, generator=generator), draw_all(self.among.methods, n, shape, generator)], dim=1
        )

    def apply(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the images, each changed by the augmentation that it drew."""
        methods = self.among.methods
        which = (u[:, 1] * len(methods)).floor().masked_fill(u[:, 0] >= self.probability, -1)
        return x if self.is_off else apply_chosen(x, which, methods, u[:, 2:])
