"""Freezing plan: keep some parameters as they are for the first epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator

from wellfit.regularize.stages import Freezing

Plan = tuple[tuple[str, float], ...]


def read_plan(value: Any) -> Any:
    """Return a mapping, or a list of pairs, from patterns to epochs as a tuple of pairs: the order counts, and a
    mapping may lose it on its way through a file.
    """
    expected = "a mapping from name patterns to epochs"
    pairs = list(value.items()) if isinstance(value, Mapping) else value
    if isinstance(pairs, str) or not isinstance(pairs, Sequence):
        raise ValueError(expected)
    for pair in pairs:
        if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
            raise ValueError(expected)
        pattern, epochs = pair
        if not isinstance(pattern, str) or not pattern:
            raise ValueError(f"{expected}; a pattern is a text that is not empty, not {pattern!r}")
        if isinstance(epochs, bool) or not isinstance(epochs, int | float) or math.isnan(epochs) or epochs < 0:
            raise ValueError(f"{expected}; epochs are numbers of at least 0, not {epochs!r}")
    return tuple((pattern, float(epochs)) for pattern, epochs in pairs)


def epochs_frozen(name: str, plan: Plan) -> float:
    """Return the epochs of the first pattern that matches ``name``; 0 if none does."""
    return next((epochs for pattern, epochs in plan if fnmatchcase(name, pattern)), 0.0)


class FreezingPlan(Freezing):
    """Keeps the parameters that a plan names as they are for the first epochs; then they train like the others.

    Formula: w_t = w_0 while epoch <= plan(name), for parameters, their decay and the optimizer's state alike.
    Range: ``plan``: patterns with ``*``, ``?`` and ``[...]``, as in a shell, of parameters' names in the network, each
    with the epochs (>= 0) from the start for which they are frozen; infinity (``.inf``): always. The first pattern that
    matches a name decides, so ``{"head.*": 0, "*": 5}`` trains only the head for five epochs; what no pattern matches
    is never frozen; an empty plan changes nothing. A list of pairs is the same as a mapping. The default freezes the
    first layer of wellfit's own networks (``0`` of a CNN, ``1`` of an MLP) for an epoch: name your own.
    Does little for: a network that starts from random weights, where there is nothing to preserve.
    Does harm when: what is frozen does not suit these data: features of another domain, or random weights (Yosinski et
    al. 2014).
    Source: Yosinski, Clune, Bengio & Lipson 2014, "How transferable are features in deep neural networks?" (frozen
    against fine-tuned layers); Howard & Ruder 2018, "Universal language model fine-tuning for text classification",
    section 3.3 (gradual unfreezing).
    Usage: ``regularizers: {freezing: {plan: {"[01].*": 1}}}``
    """

    off: ClassVar[Mapping[str, Any]] = {"plan": ()}
    plan: Annotated[Plan, BeforeValidator(read_plan)] = (("[01].*", 1.0),)

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns of names that the plan has."""
        return tuple(pattern for pattern, _ in self.plan)

    def frozen_epochs(self, name: str) -> float:
        """Return the epochs that the plan has for ``name``."""
        return epochs_frozen(name, self.plan)
