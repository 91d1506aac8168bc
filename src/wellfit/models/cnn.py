"""Convolutional network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from wellfit.errors import ModelError
from wellfit.models.activation import ACTIVATIONS
from wellfit.models.mlp import NO_NORM, mlp
from wellfit.models.norm import check_groups
from wellfit.models.norm import norm as make_norm
from wellfit.recipe.norm import GroupNormSpec, InstanceNormSpec, NormSpec


def cnn(
    shape: Sequence[int],
    channels: Sequence[int],
    hidden: Sequence[int],
    outputs: int,
    *,
    activation: str = "relu",
    norm: NormSpec = NO_NORM,
) -> nn.Sequential:
    """Return blocks of 3x3 convolution (padding 1), normalization, activation and 2x2 max-pool, one per entry of
    ``channels``, and an MLP head.

    Parameters
    ----------
    shape
        (C, H, W) of a sample; each block halves H and W, rounding down.
    channels, hidden, outputs
        Channels of the blocks; widths of the head's hidden layers; numbers answered per sample.
    activation
        A name of ``wellfit.models.activation``.
    norm
        Of the convolutions and the head's hidden layers; an instance norm of the convolutions alone.

    Raises
    ------
    ModelError
        Where a side would be pooled away, or the normalization does not suit the widths.

    """
    depth, height, width = shape
    side = min(height, width) >> len(channels)
    if side < 1:
        raise ModelError(
            "model.channels",
            f"{len(channels)} blocks, each halving the image, leave nothing of {height}x{width}",
            f"at most {min(height, width).bit_length() - 1} blocks",
        )
    if isinstance(norm, GroupNormSpec):
        check_groups(norm.groups, [*channels, *hidden], vectors=hidden)
    layers: list[nn.Module] = []
    for block, (into, out) in enumerate(pairwise((depth, *channels))):
        between = make_norm(norm, (out, height >> block, width >> block))
        layers += [nn.Conv2d(into, out, 3, padding=1), *([] if between is None else [between])]
        layers += [ACTIVATIONS[activation](), nn.MaxPool2d(2)]
    features = channels[-1] * (height >> len(channels)) * (width >> len(channels))
    of_head = NO_NORM if isinstance(norm, InstanceNormSpec) else norm
    return nn.Sequential(*layers, *mlp(features, hidden, outputs, activation=activation, norm=of_head))
