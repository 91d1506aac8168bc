"""CutMix: paste a rectangle of one image into another, and share the targets by area."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.batch.mixup import blend_pairs, symmetric_beta
from wellfit.regularize.stages import Mix


def pasted_box(kept: float, center: Sequence[float], size: Sequence[int]) -> tuple[slice, ...]:
    """Return the rows and columns of a box that covers ``1 - kept`` of an image of ``size`` (H, W), cut at the border.

    Its sides are to each other as the image's; ``center`` is a fraction of them in [0, 1).
    """
    slices = []
    for at, length in zip(center, size, strict=True):
        side = int(length * math.sqrt(1 - kept))
        first = int(at * length) - side // 2
        slices.append(slice(max(first, 0), min(first + side, length)))
    return tuple(slices)


class CutMix(Mix):
    """Pastes a box of another image of the batch into each image; the target is shared by the two areas.

    Formula: x' = x[j] within the box, x outside; y' = l y + (1 - l) y[j], l = the fraction of pixels that x keeps. The
    box covers 1 - b of the image, b ~ Beta(alpha, alpha), at a uniform center, and is cut at the border; one box for a
    batch, j a random permutation of it.
    Range: ``alpha`` >= 0; 0 changes nothing, 1 draws b uniformly (the paper's choice).
    Does nothing for: vectors and sequences (an error), batches of one sample.
    Does harm when: the class hangs on a small part that the box may cover or bring along, so that the shares of area
    are wrong; or the network underfits.
    Source: Yun, Han, Oh, Chun, Choe & Yoo 2019, "CutMix", section 3.1, equations 1 and 2.
    """

    off: ClassVar[Mapping[str, float]] = {"alpha": 0.0}
    kinds: ClassVar[frozenset[str]] = frozenset({"image"})
    alpha: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0

    def draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return uniform numbers (3,), for the area and the center, and a permutation (n,)."""
        return torch.rand(3, generator=generator), torch.randperm(n, generator=generator)

    def apply(self, x: Tensor, y: Tensor, u: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Return the mixed batch of images (n, C, H, W)."""
        if self.is_off:
            return x, y
        area, *center = u[0].tolist()
        rows, columns = pasted_box(symmetric_beta(area, self.alpha), center, x.shape[2:])
        partner = u[1].to(x.device)
        mixed = x.clone()
        mixed[:, :, rows, columns] = x[partner][:, :, rows, columns]
        pasted = (rows.stop - rows.start) * (columns.stop - columns.start) / (x.shape[2] * x.shape[3])
        return mixed, blend_pairs(y, partner, 1 - pasted)
