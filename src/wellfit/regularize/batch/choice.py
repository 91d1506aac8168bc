"""One of several augmentations for each sample, at the cost of one: each is applied to the samples that drew it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from wellfit.regularize.stages import Augmentation, Displacement, Warp


def draw_all(methods: Sequence[Augmentation], n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Return the draws of all methods for ``n`` samples of ``shape``, side by side in rows of one length: (n, k)."""
    return torch.cat([method.draw(n, shape, generator).reshape(n, -1) for method in methods], dim=1)


def apply_chosen(x: Tensor, which: Tensor, methods: Sequence[Augmentation], u: Tensor) -> Tensor:
    """Return the samples (n, ...), each changed by the method that ``which`` (n,) counts from 0, or as it is.

    ``u`` (n, k) holds the draws of all methods (``draw_all``); any other number in ``which`` leaves a sample as it is.
    """
    changed, start = x.clone(), 0
    for index, method in enumerate(methods):
        form = method.draw(1, x.shape[1:], torch.Generator()).shape[1:]
        columns = slice(start, start + math.prod(form))
        start = columns.stop
        rows = (which == index).nonzero()[:, 0]
        if len(rows) and not method.is_off:
            draws = u[rows, columns].reshape(-1, *form)
            here = rows.to(x.device)
            # matrices and fields are small and made on the CPU
            changed[here] = method.apply(x[here], draws.cpu() if isinstance(method, Warp | Displacement) else draws)
    return changed
