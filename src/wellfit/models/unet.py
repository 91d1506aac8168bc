"""U-Net: an answer for every pixel."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from wellfit.errors import ModelError
from wellfit.models.activation import ACTIVATIONS
from wellfit.models.mlp import NO_NORM
from wellfit.models.norm import check_groups
from wellfit.models.norm import norm as make_norm
from wellfit.recipe.norm import GroupNormSpec, NormSpec


class Unet(nn.Module):
    """Blocks of two 3x3 convolutions (padding 1), each with normalization and activation: down, and up again.

    Down: a 2x2 max-pool between the blocks; an odd side is rounded up, its last window being one pixel wide. Up: each
    pixel doubled in both directions (nearest), what is too much at the right and the bottom cut off, a 3x3 convolution
    to the channels of the level above, whose block is put beside it (skip), and a block. Last a 1x1 convolution.
    """

    def __init__(
        self, shape: Sequence[int], channels: Sequence[int], outputs: int, *, activation: str, norm: NormSpec
    ) -> None:
        super().__init__()
        depth, height, width = shape
        sides = [(-(-height >> level), -(-width >> level)) for level in range(len(channels))]

        def block(into: int, level: int) -> nn.Sequential:
            layers: list[nn.Module] = []
            for fan_in in (into, channels[level]):
                between = make_norm(norm, (channels[level], *sides[level]))
                layers += [nn.Conv2d(fan_in, channels[level], 3, padding=1)]
                layers += [*([] if between is None else [between]), ACTIVATIONS[activation]()]
            return nn.Sequential(*layers)

        self.down = nn.ModuleList(block(into, level) for level, into in enumerate((depth, *channels[:-1])))
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.enlarge = nn.Upsample(scale_factor=2, mode="nearest")
        self.narrow = nn.ModuleList(nn.Conv2d(below, above, 3, padding=1) for above, below in pairwise(channels))
        self.up = nn.ModuleList(block(2 * above, level) for level, above in enumerate(channels[:-1]))
        self.head = nn.Conv2d(channels[0], outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs, H, W) for (B, C, H, W)."""
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else self.pool(x))
            skips.append(x)
        for level in reversed(range(len(self.up))):
            height, width = skips[level].shape[-2:]
            above = self.narrow[level](self.enlarge(x)[..., :height, :width])
            x = self.up[level](torch.cat([skips[level], above], 1))
        answer: Tensor = self.head(x)
        return answer


def unet(
    shape: Sequence[int],
    channels: Sequence[int],
    outputs: int,
    *,
    activation: str = "relu",
    norm: NormSpec = NO_NORM,
) -> Unet:
    """Return a U-Net for images of ``shape`` (C, H, W), with a level for each entry of ``channels``.

    Input (B, C, H, W), output (B, outputs, H, W) of the same size, whatever it is. PyTorch's default initialization.

    Raises
    ------
    ModelError
        A side has nothing left to halve on the way down, or the normalization does not suit the channels.

    """
    _, height, width = shape
    least = min(height, width)
    if least < 1 << (len(channels) - 1):
        what = f"{len(channels)} levels, each half as large as the one before, leave nothing of {height}x{width}"
        raise ModelError("model.channels", what, f"at most {least.bit_length()} levels")
    if isinstance(norm, GroupNormSpec):
        check_groups(norm.groups, channels, vectors=())
    return Unet(shape, channels, outputs, activation=activation, norm=norm)
