"""All augmentations of an arm, one after another, on a chunk of samples; of a segmentation on its masks as well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wellfit.regularize.batch.warp import compose, warp, warp_masks
from wellfit.regularize.stages import Augmentation, Displacement, Warp

Steps = Sequence[tuple[Augmentation, Tensor]]
"""Augmentations, each with its draws."""


@dataclass(frozen=True)
class _Resampling:
    """Warps that follow each other, and a displacement after them, as one."""

    matrix: Tensor
    field: Tensor | None = None


def augment(x: Tensor, steps: Steps) -> Tensor:
    """Return the samples (n, ...) after ``steps``.

    Warps that follow each other, and a displacement after them, are one resampling: composing loses nothing, while
    each resampling blurs.
    """
    for one in _passes(steps, len(x), x.shape[1:]):
        x = warp(x, one.matrix, one.field) if isinstance(one, _Resampling) else one[0].apply(x, one[1])
    return x


def augment_masks(masks: Tensor, steps: Steps, shape: Sequence[int], *, outside: int) -> Tensor:
    """Return the masks uint8 (n, H, W) of images of ``shape`` (C, H, W) after the geometry of ``steps``.

    Each pixel takes the class of the nearest one; what comes from outside of the picture is ``outside``.
    """
    for one in _passes(steps, len(masks), shape):
        if isinstance(one, _Resampling):
            masks = warp_masks(masks, one.matrix, one.field, outside=outside)
    return masks


def _passes(steps: Steps, n: int, shape: Sequence[int]) -> Iterator[_Resampling | tuple[Augmentation, Tensor]]:
    """Yield what is to be done to ``n`` samples of ``shape``, in order; geometry composed as far as it goes."""
    matrices: list[Tensor] = []
    for method, u in steps:
        if isinstance(method, Warp):
            matrices.append(method.matrix(u, shape))
            continue
        if isinstance(method, Displacement):
            matrix = compose(matrices) if matrices else torch.eye(3).expand(n, 3, 3)
            yield _Resampling(matrix, method.field(u, shape))
        else:
            if matrices:
                yield _Resampling(compose(matrices))
            yield method, u
        matrices = []
    if matrices:
        yield _Resampling(compose(matrices))
