"""Multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from wellfit.models.activation import ACTIVATIONS


def mlp(inputs: int, hidden: Sequence[int], outputs: int, *, activation: str = "relu") -> nn.Sequential:
    """Return flatten, then linear layers ``inputs -> hidden... -> outputs`` with an activation after each but the last.

    Input (B, ...) with ``inputs`` numbers a sample, output (B, outputs): logits or predictions. PyTorch's default
    initialization.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    for fan_in, fan_out in pairwise((inputs, *hidden)):
        layers += [nn.Linear(fan_in, fan_out), ACTIVATIONS[activation]()]
    layers.append(nn.Linear(hidden[-1] if hidden else inputs, outputs))
    return nn.Sequential(*layers)
