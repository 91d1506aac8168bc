"""The six stages of a training step, and what a method at each of them must answer.

::

    batch    x, y   <- next batch of this seed            1 batch        augment, noise, mixup, label smoothing
    forward  z      <- model(x)                           2 activations  dropout, normalization, noise in hidden layers
    loss     L      <- loss(z, y) + penalties             3 loss         L1, elastic net, sparsity, distillation
    backward g      <- dL/dw                              4 gradient     clipping, gradient noise, SAM
    update   w      <- optimizer(w, g)                    5 weights      weight decay, max-norm, averaging
    epoch    stop?  <- curves                             6 time         early stopping, schedules, freezing plan

A method is one frozen, validated class in a file of its own: its fields are its parameters, its base class says what
the engine asks of it. The engine (``wellfit.train``) knows these base classes and no method by its name. Members of a
population have the same structure and differ in their numbers: a field ``rate`` reaches the engine as a tensor (P,),
and a member without the method has the number at which it does nothing (``off``). What changes a batch is an exception:
the members of a seed that augment alike share one augmented batch, so there a method reads its own fields. A new method
is a file and a line in ``catalogue.py``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from wellfit.regularize.batch.warp import warp
from wellfit.regularize.method import Method, Moment, Numbers, Patterns, Stage


class Augmentation(Method):
    """Stage 1: changes samples, each by its own draws, anew in each epoch.

    Images come as float32 (n, C, H, W) in [0, 1], before they are scaled; vectors (n, D) and sequences (n, T, C) after,
    in standard deviations of the train split.
    """

    stage: ClassVar[Stage] = "batch"
    kinds: ClassVar[frozenset[str]] = frozenset({"image"})
    """The kinds of data that it can change: ``image``, ``vector``, ``sequence``."""

    @abstractmethod
    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return the random numbers for ``n`` samples of ``shape``: first axis ``n``; the same whatever the
        parameters.
        """

    @abstractmethod
    def apply(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the changed samples, same shape; ``x`` is not changed in place."""


class Warp(Augmentation):
    """Stage 1, geometry of images by a matrix: all warps of an arm are composed into one resampling."""

    @abstractmethod
    def matrix(self, u: Tensor, shape: Sequence[int]) -> Tensor:
        """Return for each sample the matrix (n, 3, 3) from output to input coordinates; ``shape`` is (C, H, W).

        Coordinates are homogeneous, in pixels, with their origin at the image's center, x to the right, y down.
        """

    def apply(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the resampled images; the engine composes matrices instead, where several warps meet."""
        return warp(x, self.matrix(u, x.shape[1:]))


class Displacement(Augmentation):
    """Stage 1, geometry of images by a field: part of the same resampling as the warps before it."""

    @abstractmethod
    def field(self, u: Tensor, shape: Sequence[int]) -> Tensor:
        """Return for each sample and output pixel how far off it is sampled: (n, 2, H, W), x then y, in pixels."""

    def apply(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the resampled images."""
        return warp(x, torch.eye(3).expand(len(x), 3, 3), self.field(u, x.shape[1:]))


class Mix(Method):
    """Stage 1: mixes samples of a batch, and their targets, with each other; after augmentation and scaling."""

    stage: ClassVar[Stage] = "batch"
    kinds: ClassVar[frozenset[str]] = frozenset({"image", "vector", "sequence"})

    @abstractmethod
    def draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return the random numbers for a batch of ``n`` samples; the same whatever the parameters."""

    @abstractmethod
    def apply(self, x: Tensor, y: Tensor, u: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Return the mixed batch: samples (n, ...) and targets (n, K), one-hot or numbers; nothing in place."""


class TargetRule(Method):
    """Stage 1: changes the targets of a classification, by each member's own numbers."""

    stage: ClassVar[Stage] = "batch"

    @staticmethod
    @abstractmethod
    def apply(y: Tensor, numbers: Numbers) -> Tensor:
        """Return the changed targets; ``y`` (P, B, C) sums to 1 over C, the numbers are (P, 1, 1)."""


class Activation(Method):
    """Stage 2: changes the hidden activations while training.

    It acts after every hidden activation module, or after the modules whose names match ``at``.
    """

    stage: ClassVar[Stage] = "activations"
    scales_evaluation: ClassVar[bool] = False
    """Whether ``evaluate`` does anything; then the network handed over carries it too."""
    at: Patterns = ()

    @staticmethod
    @abstractmethod
    def draw(shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return the random numbers for one batch at one place, ``shape`` = (B, ...); shared by all arms of a seed."""

    @staticmethod
    @abstractmethod
    def apply(h: Tensor, u: Tensor, numbers: Numbers) -> Tensor:
        """Return the changed activations; ``h`` and ``u`` are (..., B, ...), each number broadcasts against them."""

    @staticmethod
    def factor(u: Tensor, numbers: Numbers) -> Tensor | None:
        """Return what ``apply`` multiplies by (0 or more), if that is all: for one seed's draws and single numbers."""
        return None

    @staticmethod
    def evaluate(h: Tensor, numbers: Numbers) -> Tensor:
        """Return the activations in evaluation mode: untouched, but where the textbook's form scales them."""
        return h

    @staticmethod
    def suits(shape: Sequence[int]) -> bool:
        """Return whether it acts on activations of ``shape`` (B, ...)."""
        return True


class WeightMask(Method):
    """Stage 2: multiplies the weights of a forward pass by random factors; the gradient passes through them."""

    stage: ClassVar[Stage] = "activations"
    on: Patterns = ()

    @staticmethod
    @abstractmethod
    def draw(shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return the random numbers for one leaf of ``shape`` (without P) in one step; shared by the arms of a seed."""

    @staticmethod
    @abstractmethod
    def factor(u: Tensor, numbers: Numbers) -> Tensor:
        """Return the factors (P, ...) from the draws (P, ...) and the numbers (P, 1, ...)."""


class Penalty(Method):
    """Stage 3: a term added to the loss that depends on the weights alone, with its gradient in closed form.

    It acts on the parameters whose names match ``on``; without ``on``, on weights and not on biases and norm
    parameters: on the leaves with two or more axes in the plain network.
    """

    stage: ClassVar[Stage] = "loss"
    on: Patterns = ()

    @staticmethod
    @abstractmethod
    def value(w: Tensor, numbers: Numbers) -> Tensor:
        """Return the penalty of each member (P,) for one leaf ``w`` (P, ...); numbers are (P, 1, ...)."""

    @staticmethod
    @abstractmethod
    def add_gradient(g: Tensor, w: Tensor, numbers: Numbers) -> None:
        """Add the gradient of ``value`` to ``g`` (P, ...) in place."""

    @staticmethod
    def slope(numbers: Numbers) -> Tensor | None:
        """Return c (P, ...) if the gradient is ``c w``, which can be taken together with the update."""
        return None


class OutputPenalty(Method):
    """Stage 3: a term added to the loss that depends on the network's answers; autograd finds its gradient."""

    stage: ClassVar[Stage] = "loss"

    @staticmethod
    @abstractmethod
    def value(z: Tensor, numbers: Numbers) -> Tensor:
        """Return the term of each sample (..., B) for answers ``z`` (..., B, K); numbers are (..., 1)."""


class ActivationPenalty(Method):
    """Stage 3: a term added to the loss that depends on the hidden activations; autograd finds its gradient.

    It reads the places of ``Activation``, before these change anything.
    """

    stage: ClassVar[Stage] = "loss"
    at: Patterns = ()

    @staticmethod
    @abstractmethod
    def value(h: Tensor, numbers: Numbers) -> Tensor:
        """Return the term (...) of one place for activations ``h`` (..., B, units...); the numbers are (...).

        Written for any leading axes, of which a call has one (P,) or none: ``h.ndim`` minus those of the numbers are B
        and the units.
        """


class GradientRule(Method):
    """Stage 4: changes the whole gradient of each member before the optimizer sees it."""

    stage: ClassVar[Stage] = "gradient"

    @staticmethod
    @abstractmethod
    def transform(gradients: Sequence[Tensor], numbers: Numbers) -> None:
        """Change the gradients of all leaves (P, ...) in place; numbers are (P,)."""


class NoisyGradient(Method):
    """Stage 4: adds normal noise to the gradient; the draws are a seed's, all its arms share them."""

    stage: ClassVar[Stage] = "gradient"

    @staticmethod
    @abstractmethod
    def deviation(numbers: Numbers, moment: Moment) -> Tensor:
        """Return the noise's standard deviation (P,) at a moment; numbers are (P,)."""


class Ascent(Method):
    """Stage 4: the gradient is taken again at weights that were moved, for the same batch and draws (SAM)."""

    stage: ClassVar[Stage] = "gradient"

    @staticmethod
    @abstractmethod
    def move(gradients: Sequence[Tensor], numbers: Numbers) -> list[Tensor]:
        """Return how far each leaf (P, ...) is moved for the second gradient; numbers are (P,)."""


@dataclass(frozen=True)
class Around:
    """What a weight rule may read beside the weights."""

    lr: Tensor
    """(P, 1, ...)."""
    moment: Moment
    state: Mapping[str, Tensor]
    """The rule's own tensors (P, ...) for this leaf, by slot; changed in place."""


class WeightRule(Method):
    """Stage 5: changes the weights next to the update; acts on the same leaves as a Penalty."""

    stage: ClassVar[Stage] = "weights"
    when: ClassVar[Literal["before", "after"]]
    """``before`` the optimizer's update (decay) or ``after`` it (constraints)."""
    slots: ClassVar[Mapping[str, float]] = {}
    """The state that the rule keeps for a leaf: its name, and the value that fills it at the start."""
    on: Patterns = ()

    @staticmethod
    @abstractmethod
    def apply(w: Tensor, numbers: Numbers, around: Around) -> None:
        """Change one leaf ``w`` (P, units, ...) in place: axis 1 counts the units that the weights lead to, the axes
        after it are the incoming vector of a unit, whatever the layer. Numbers are (P, 1, ...).
        """

    @staticmethod
    def factor(numbers: Numbers, lr: Tensor) -> Tensor | None:
        """Return f (P, ...) if a rule before the update is ``w <- f w``, which can be taken together with it."""
        return None


class Averaging(Method):
    """Stage 5: evaluates and hands over an average of the weights instead of the last ones; training sees none of it.

    ``average <- average + weight (w - average)`` after each step, for the floating-point buffers too.
    """

    stage: ClassVar[Stage] = "weights"

    @staticmethod
    @abstractmethod
    def weight(numbers: Numbers, moment: Moment) -> Tensor:
        """Return how much of the present weights goes into the average (P,): 1 makes the average equal to them."""


class Stopping(Method):
    """Stage 6: decides from a member's curve whether it goes on."""

    stage: ClassVar[Stage] = "time"

    @abstractmethod
    def should_stop(self, scores: Sequence[float]) -> bool:
        """Return whether to stop after the last of ``scores`` (one an evaluation; higher is better)."""


class Freezing(Method):
    """Stage 6: keeps some parameters as they are for a while: no gradient, no decay, no optimizer state."""

    stage: ClassVar[Stage] = "time"

    @property
    @abstractmethod
    def patterns(self) -> tuple[str, ...]:
        """The patterns of names that the plan has."""

    @abstractmethod
    def frozen_epochs(self, name: str) -> float:
        """Return for how many epochs from the start the parameter ``name`` is frozen: 0 never, infinity always."""


__all__ = [
    "Activation",
    "ActivationPenalty",
    "Around",
    "Ascent",
    "Augmentation",
    "Averaging",
    "Displacement",
    "Freezing",
    "GradientRule",
    "Method",
    "Mix",
    "Moment",
    "NoisyGradient",
    "Numbers",
    "OutputPenalty",
    "Patterns",
    "Penalty",
    "Stage",
    "Stopping",
    "TargetRule",
    "Warp",
    "WeightMask",
    "WeightRule",
]
