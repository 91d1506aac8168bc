"""The six stages of a training step, and what a method at each of them must answer.

::

    batch    x, y   <- next batch of this seed            1 batch        augment, noise, mixup, label smoothing
    forward  z      <- model(x)                           2 activations  dropout, normalization, noise in hidden layers
    loss     L      <- loss(z, y) + penalties             3 loss         L1, elastic net, sparsity, distillation
    backward g      <- dL/dw                              4 gradient     clipping, gradient noise, SAM
    update   w      <- optimizer(w, g)                    5 weights      weight decay, max-norm, averaging
    epoch    stop?  <- curves                             6 time         early stopping, schedules, freezing plan

A method is one frozen, validated class in a file of its own: its fields are its parameters, its base class is its
stage. The engine (``wellfit.train``) knows the six base classes and no method by its name. Members of a population have
the same methods and differ in their numbers: a field ``rate`` reaches the engine as a tensor (P,), and a member without
the method has the number at which it does nothing (``off``). A new method is a file and a line in ``catalogue.py``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

Stage = Literal["batch", "activations", "loss", "gradient", "weights", "time"]


class Method(BaseModel, ABC):
    """A regularizer with its parameters: frozen, validated, JSON in and out.

    All fields are numbers (``float`` or ``int``): each member of a population has its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=True)

    stage: ClassVar[Stage]
    off: ClassVar[Mapping[str, float]]
    """The field values at which the method changes nothing, bit for bit."""

    @classmethod
    def make_off(cls) -> Method:
        """Return the method as it stands in an arm that does without it."""
        return cls.model_validate(dict(cls.off))

    @property
    def is_off(self) -> bool:
        """Whether it changes nothing."""
        return all(getattr(self, field) == value for field, value in self.off.items())


class Warp(Method):
    """Stage 1, geometry of images: contributes a matrix; all warps of an arm are composed into one resampling.

    It acts on the batch that a seed's members share, so its parameters are plain numbers here.
    """

    stage: ClassVar[Stage] = "batch"

    @abstractmethod
    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Return uniform draws on [0, 1) for ``n`` samples: float32, first axis ``n``; the same whatever the
        parameters.
        """

    @abstractmethod
    def matrix(self, u: Tensor) -> Tensor:
        """Return for each sample the matrix (n, 3, 3) from output to input coordinates.

        Coordinates are homogeneous, in pixels, with their origin at the image's center, x to the right, y down.
        """


class Activation(Method):
    """Stage 2: changes the hidden activations while training; evaluation is untouched."""

    stage: ClassVar[Stage] = "activations"

    @staticmethod
    @abstractmethod
    def draw(shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return the random numbers for one batch at one place, ``shape`` = (B, ...); shared by all arms of a seed."""

    @staticmethod
    @abstractmethod
    def apply(h: Tensor, u: Tensor, numbers: Mapping[str, Tensor]) -> Tensor:
        """Return the changed activations; ``h`` and ``u`` are (..., B, ...), each number broadcasts against them."""


class Penalty(Method):
    """Stage 3: a term added to the loss that depends on the weights alone, with its gradient in closed form.

    It acts on weights, not on biases and norm parameters: on the leaves with two or more axes in the plain network.
    """

    stage: ClassVar[Stage] = "loss"

    @staticmethod
    @abstractmethod
    def value(w: Tensor, numbers: Mapping[str, Tensor]) -> Tensor:
        """Return the penalty of each member (P,) for one leaf ``w`` (P, ...); numbers are (P, 1, ...)."""

    @staticmethod
    @abstractmethod
    def add_gradient(g: Tensor, w: Tensor, numbers: Mapping[str, Tensor]) -> None:
        """Add the gradient of ``value`` to ``g`` (P, ...) in place."""


class GradientRule(Method):
    """Stage 4: changes the whole gradient of each member before the optimizer sees it."""

    stage: ClassVar[Stage] = "gradient"

    @staticmethod
    @abstractmethod
    def transform(gradients: Sequence[Tensor], numbers: Mapping[str, Tensor]) -> None:
        """Change the gradients of all leaves (P, ...) in place; numbers are (P,)."""


class WeightRule(Method):
    """Stage 5: changes the weights next to the update; acts on the same leaves as a Penalty."""

    stage: ClassVar[Stage] = "weights"
    when: ClassVar[Literal["before", "after"]]
    """``before`` the optimizer's update (decay) or ``after`` it (constraints)."""

    @staticmethod
    @abstractmethod
    def apply(w: Tensor, lr: Tensor, numbers: Mapping[str, Tensor]) -> None:
        """Change one leaf ``w`` (P, ...) in place; ``lr`` and the numbers are (P, 1, ...)."""


class Stopping(Method):
    """Stage 6: decides from a member's curve whether it goes on."""

    stage: ClassVar[Stage] = "time"

    @abstractmethod
    def should_stop(self, scores: Sequence[float]) -> bool:
        """Return whether to stop after the last of ``scores`` (one an evaluation; higher is better)."""
