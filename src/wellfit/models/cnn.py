"""Convolutional network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from wellfit.errors import ModelError
from wellfit.models.activation import ACTIVATIONS
from wellfit.models.mlp import mlp


def cnn(
    shape: Sequence[int], channels: Sequence[int], hidden: Sequence[int], outputs: int, *, activation: str = "relu"
) -> nn.Sequential:
    """Return blocks of 3x3 convolution (padding 1), activation and 2x2 max-pool, one per entry of ``channels``, and an
    MLP head.

    Parameters
    ----------
    shape
        (C, H, W) of a sample; each block halves H and W, rounding down.
    channels, hidden, outputs
        Channels of the blocks; widths of the head's hidden layers; numbers answered per sample.
    activation
        A name of ``wellfit.models.activation``.

    Raises
    ------
    ModelError
        Where a side would be pooled away.

    """
    depth, height, width = shape
    side = min(height, width) >> len(channels)
    if side < 1:
        raise ModelError(
            "model.channels",
            f"{len(channels)} blocks, each halving the image, leave nothing of {height}x{width}",
            f"at most {min(height, width).bit_length() - 1} blocks",
        )
    layers: list[nn.Module] = []
    for into, out in pairwise((depth, *channels)):
        layers += [nn.Conv2d(into, out, 3, padding=1), ACTIVATIONS[activation](), nn.MaxPool2d(2)]
    features = channels[-1] * (height >> len(channels)) * (width >> len(channels))
    return nn.Sequential(*layers, *mlp(features, hidden, outputs, activation=activation))
