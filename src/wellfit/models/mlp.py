"""Multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from wellfit.models.activation import ACTIVATIONS
from wellfit.models.norm import check_groups
from wellfit.models.norm import norm as make_norm
from wellfit.recipe.norm import GroupNormSpec, NoNormSpec, NormSpec

NO_NORM = NoNormSpec()


def mlp(
    inputs: int, hidden: Sequence[int], outputs: int, *, activation: str = "relu", norm: NormSpec = NO_NORM
) -> nn.Sequential:
    """Return flatten, then linear layers ``inputs -> hidden... -> outputs``, after each but the last the normalization
    and an activation.

    Input (B, ...) with ``inputs`` numbers a sample, output (B, outputs): logits or predictions. PyTorch's default
    initialization.

    Raises
    ------
    ModelError
        The normalization does not suit the widths.

    """
    if isinstance(norm, GroupNormSpec) and hidden:
        check_groups(norm.groups, hidden, vectors=hidden)
    layers: list[nn.Module] = [nn.Flatten()]
    for fan_in, fan_out in pairwise((inputs, *hidden)):
        between = make_norm(norm, (fan_out,))
        layers += [nn.Linear(fan_in, fan_out), *([] if between is None else [between]), ACTIVATIONS[activation]()]
    layers.append(nn.Linear(hidden[-1] if hidden else inputs, outputs))
    return nn.Sequential(*layers)
