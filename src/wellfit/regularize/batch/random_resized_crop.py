"""Random resized crop: cut a random part out of each image and enlarge it to the image's size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Warp


def crop_matrix(size: Tensor, center: Tensor) -> Tensor:
    """Return the sampling matrices (n, 3, 3) that enlarge a part of each image to the whole.

    ``size`` (n, 2): its width and height as fractions of the sides; ``center`` (n, 2): x, y in pixels from the image's.
    """
    (w, h), (x, y) = size.unbind(1), center.unbind(1)
    zero, one = torch.zeros_like(w), torch.ones_like(w)
    return torch.stack([w, zero, x, zero, h, y, zero, zero, one], dim=1).view(-1, 3, 3)


class RandomResizedCrop(Warp):
    """Cuts a part of random area, shape and place out of each image and enlarges it to the image's size; bilinear.

    Formula: area A ~ U(min_area, 1) of the image; r = exp(U(-m, m)), m = min(log ratio, -log A), so that the part fits;
    width sqrt(A r) and height sqrt(A / r) of the sides; the place is uniform where no sample falls outside the image.
    Range: ``min_area`` in (0, 1]; 1 changes nothing, whatever the ratio. ``ratio`` in [1, 10]: how much wider or taller
    than the image the part's shape may be; 1 keeps the image's shape.
    Does nothing for: vectors (an error).
    Does harm when: the meaning lies in small things at the border, or in size and proportion; a small ``min_area`` cuts
    out parts without the object.
    Source: Szegedy et al. 2015, "Going deeper with convolutions", section 6 (areas of 8 to 100 %, shapes of 3/4 to 4/3;
    there a part that does not fit is drawn again, and the shape does not count from the image's).
    """

    off: ClassVar[Mapping[str, float]] = {"min_area": 1.0}
    min_area: Annotated[float, Field(gt=0, le=1)] = 0.5
    ratio: Annotated[float, Field(ge=1, le=10)] = 4 / 3

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n, 4) uniform numbers: area, shape, x and y of the place."""
        return torch.rand(n, 4, generator=generator)

    def matrix(self, u: Tensor, shape: Sequence[int]) -> Tensor:
        """Return the matrices of the parts."""
        _, height, width = shape
        area = 1 - (1 - self.min_area) * u[:, 0]
        most = area.log().neg().clamp(max=math.log(self.ratio))
        r = ((2 * u[:, 1] - 1) * most).exp()
        # a part just as wide as the image may round to more
        size = torch.stack([area * r, area / r], dim=1).sqrt().clamp(max=1)
        # between the outer pixels' centers: beyond them black would shine in
        room = (1 - size) * u.new_tensor([(width - 1) / 2, (height - 1) / 2])
        return crop_matrix(size, (2 * u[:, 2:] - 1) * room)
