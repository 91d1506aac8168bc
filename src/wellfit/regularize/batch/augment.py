"""All augmentations of an arm, one after another, on a chunk of samples."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from wellfit.regularize.batch.warp import compose, warp
from wellfit.regularize.stages import Augmentation, Displacement, Warp


def augment(x: Tensor, steps: Sequence[tuple[Augmentation, Tensor]]) -> Tensor:
    """Return the samples (n, ...) after ``steps``: each an augmentation with its draws.

    Warps that follow each other, and a displacement after them, are one resampling: composing loses nothing, while
    each resampling blurs.
    """
    matrices: list[Tensor] = []
    for method, u in steps:
        if isinstance(method, Warp):
            matrices.append(method.matrix(u, x.shape[1:]))
        elif isinstance(method, Displacement):
            matrix = compose(matrices) if matrices else torch.eye(3).expand(len(x), 3, 3)
            x, matrices = warp(x, matrix, method.field(u, x.shape[1:])), []
        else:
            x, matrices = _resampled(x, matrices), []
            x = method.apply(x, u)
    return _resampled(x, matrices)


def _resampled(x: Tensor, matrices: Sequence[Tensor]) -> Tensor:
    return warp(x, compose(matrices)) if matrices else x
