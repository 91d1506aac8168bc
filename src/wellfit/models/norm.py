"""Normalization layers by their spec (``wellfit.recipe.norm``, where their cards are)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import nn

from wellfit.errors import ModelError
from wellfit.recipe.norm import BatchNormSpec, GroupNormSpec, InstanceNormSpec, LayerNormSpec, NormSpec

BATCH: dict[int, type[nn.Module]] = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}
"""By the number of axes of the activations."""
INSTANCE: dict[int, type[nn.Module]] = {3: nn.InstanceNorm1d, 4: nn.InstanceNorm2d, 5: nn.InstanceNorm3d}


def norm(spec: NormSpec, shape: Sequence[int]) -> nn.Module | None:
    """Return the normalization of activations (B, *shape), or None for ``none``; ``shape`` is (F,) or (C, ...).

    Momentum and eps are PyTorch's: 0.1 and 1e-5. All have a weight (starting at 1) and a bias (at 0) for each unit or
    channel.

    Raises
    ------
    ModelError
        It has nothing to take a variance over, or its groups do not divide the channels.

    """
    where, channels, axes = "model.norm", shape[0], len(shape) + 1
    if isinstance(spec, BatchNormSpec):
        return BATCH[axes](channels)
    if isinstance(spec, LayerNormSpec):
        if math.prod(shape) == 1:
            raise ModelError(where, "'layer' for a layer of one unit, which has no variance", "'batch', or more units")
        return nn.LayerNorm(channels) if axes == 2 else nn.GroupNorm(1, channels)
    if isinstance(spec, InstanceNormSpec):
        if math.prod(shape[1:]) == 1:
            what = "'instance' for vectors: a unit has one number per sample, which has no variance"
            raise ModelError(where, what, "'batch', 'layer' or 'group'")
        return INSTANCE[axes](channels, affine=True)
    if isinstance(spec, GroupNormSpec):
        check_groups(spec.groups, [channels], vectors=[channels] if axes == 2 else [])
        return nn.GroupNorm(spec.groups, channels)
    return None


def check_groups(groups: int, widths: Sequence[int], *, vectors: Sequence[int]) -> None:
    """Refuse groups that do not divide all ``widths``, or leave one number each in the layers of ``vectors``.

    A channel of an image has many places, so there a group of one has a variance.

    Raises
    ------
    ModelError
        Naming the nearest number of groups that would do.

    """
    common = math.gcd(*widths)
    possible = [n for n in range(1, common + 1) if common % n == 0 and all(width > n for width in vectors)]
    if groups in possible:
        return
    if not possible:
        raise ModelError(
            "model.norm", "group norm of a layer with one unit, which has no variance", "'batch', or more units"
        )
    nearest = min(possible, key=lambda n: (abs(n - groups), n))
    whole = common % groups == 0
    what = f"received {groups}, which leaves one unit per group" if whole else f"received {groups}"
    names = ", ".join(map(str, dict.fromkeys(widths)))
    raise ModelError("model.norm.groups", what, f"a divisor of the widths ({names}), such as {nearest}")
