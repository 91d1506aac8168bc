"""Scale: enlarge or shrink each image by a random factor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Warp


def scale_matrix(factor: Tensor) -> Tensor:
    """Return the sampling matrices (n, 3, 3) that enlarge images ``factor`` (n,) times about their center."""
    step = 1 / factor
    return torch.diag_embed(torch.stack([step, step, torch.ones_like(step)], dim=1))


class Scale(Warp):
    """Enlarges or shrinks each image about its center by a factor drawn anew in each epoch; bilinear, outside is black.

    Formula: s = (1 + by)^a, a ~ U(-1, 1), so that s is in [1 / (1 + by), 1 + by] and an image is shrunk as often as
    enlarged; x'(p) = x(p / s), both axes alike.
    Range: ``by`` in [0, 9], 0.1 is up to a tenth larger; 0 changes nothing.
    Does nothing for: vectors (an error).
    Does harm when: size carries the answer, or things at the border are pushed out of the picture.
    Source: LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document recognition",
    section III.B; the distribution of the factor is our choice.
    """

    off: ClassVar[Mapping[str, float]] = {"by": 0.0}
    by: Annotated[float, Field(ge=0, le=9)] = 0.1

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n,) uniform numbers."""
        return torch.rand(n, generator=generator)

    def matrix(self, u: Tensor, shape: Sequence[int]) -> Tensor:
        """Return the matrices of the factors ``(1 + by)^(2u - 1)``."""
        return scale_matrix((1 + self.by) ** (2 * u - 1))
