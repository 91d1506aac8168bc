"""Convolutional network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from wellfit.errors import ModelError
from wellfit.models.activation import ACTIVATIONS
from wellfit.models.mlp import NO_NORM, mlp
from wellfit.models.norm import check_groups
from wellfit.models.norm import norm as make_norm
from wellfit.recipe.norm import GroupNormSpec, InstanceNormSpec, NormSpec


class ChannelsFirst(nn.Module):
    """Sequences (B, T, C) as convolutions take them: (B, C, T)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the tensor with time last."""
        return x.transpose(1, 2)


def cnn(
    shape: Sequence[int],
    channels: Sequence[int],
    hidden: Sequence[int],
    outputs: int,
    *,
    activation: str = "relu",
    norm: NormSpec = NO_NORM,
) -> nn.Sequential:
    """Return blocks of convolution with a kernel of 3 (padding 1), normalization, activation and max-pool of 2, one per
    entry of ``channels``, and an MLP head.

    Parameters
    ----------
    shape
        (C, H, W) of an image or (T, C) of a sequence; each block halves H and W, or T, rounding down.
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
    in_time = len(shape) == 2
    depth, *sides = reversed(shape) if in_time else shape
    if min(sides) >> len(channels) < 1:
        size = f"{sides[0]} time steps" if in_time else "x".join(map(str, sides))
        most = min(sides).bit_length() - 1
        raise ModelError(
            "model.channels",
            f"{len(channels)} blocks, each halving the {'sequence' if in_time else 'image'}, leave nothing of {size}",
            f"at most {most} blocks" if most else "another kind of network, such as 'mlp'",
        )
    if isinstance(norm, GroupNormSpec):
        check_groups(norm.groups, [*channels, *hidden], vectors=hidden)
    convolution, pool = (nn.Conv1d, nn.MaxPool1d) if in_time else (nn.Conv2d, nn.MaxPool2d)
    layers: list[nn.Module] = [ChannelsFirst()] if in_time else []
    for block, (into, out) in enumerate(pairwise((depth, *channels))):
        between = make_norm(norm, (out, *(side >> block for side in sides)))
        layers += [convolution(into, out, 3, padding=1), *([] if between is None else [between])]
        layers += [ACTIVATIONS[activation](), pool(2)]
    features = channels[-1] * math.prod(side >> len(channels) for side in sides)
    of_head = NO_NORM if isinstance(norm, InstanceNormSpec) else norm
    return nn.Sequential(*layers, *mlp(features, hidden, outputs, activation=activation, norm=of_head))
