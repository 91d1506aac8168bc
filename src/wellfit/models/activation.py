"""Activation functions by name."""

from __future__ import annotations

from torch import nn

from wellfit.models.recurrent import Recurrent

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "elu": nn.ELU,
    "silu": nn.SiLU,
}

ACTIVATION_KINDS: tuple[type[nn.Module], ...] = (
    *ACTIVATIONS.values(),
    nn.PReLU,
    nn.ReLU6,
    nn.SELU,
    nn.Hardswish,
    nn.Hardtanh,
    nn.Softplus,
    nn.Mish,
    nn.CELU,
    Recurrent,
)
"""The modules by which the place of an activation is known in a network; a recurrent layer has its own inside."""
