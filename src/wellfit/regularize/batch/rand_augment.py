"""RandAugment: several random augmentations in a row, all with one magnitude."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.batch.choice import apply_chosen, draw_all
from wellfit.regularize.batch.table import IMAGES
from wellfit.regularize.stages import Augmentation

STRONGEST: Mapping[str, tuple[str, float]] = {
    # augmentation  field       its value at magnitude 1 (in the units of its card)
    "rotation": ("degrees", 30.0),
    "translation": ("fraction", 0.45),
    "shear": ("degrees", 16.7),  # tan = 0.3
    "brightness": ("strength", 0.9),
    "contrast": ("strength", 0.9),
    "saturation": ("strength", 0.9),
    "sharpness": ("strength", 0.9),
}
"""What a sample draws from; one more choice is to stay as it is."""

MOST = 8
"""The largest count: so many are drawn, whatever the count, so that arms with different counts share their draws."""


def operations(magnitude: float) -> tuple[Augmentation, ...]:
    """Return the augmentations of ``STRONGEST`` at a magnitude in [0, 1]."""
    return tuple(IMAGES[name].model_validate({field: magnitude * most}) for name, (field, most) in STRONGEST.items())


class RandAugment(Augmentation):
    """Changes each image by ``count`` augmentations in a row, each drawn from a fixed list; one number sets how strong.

    Formula: x' = a_count(...a_1(x)), each a_i uniform over: as it is, rotation (30 degrees), translation (0.45 of the
    side), shear (16.7 degrees), brightness, contrast, saturation, sharpness (0.9 each); in brackets the strength at
    magnitude 1, to which it is proportional. Each draws what it does up to its strength, in either direction.
    Range: ``magnitude`` in [0, 1]; 0 changes nothing. ``count`` in 0 to 8; 0 changes nothing. Usual: 1 to 3.
    Does nothing for: vectors (an error). Saturation does nothing for images of one channel, and counts as a draw.
    Does harm when: its list holds a change that alters the answer here, as turned digits do, or colors where color
    decides; a large magnitude underfits small networks.
    Source: Cubuk, Zoph, Shlens & Le 2020, "RandAugment: Practical automated data augmentation with a reduced search
    space", section 3 (there 14 operations; magnitude of 30, each at its full strength with a random sign).
    """

    off: ClassVar[Mapping[str, float]] = {"magnitude": 0.0}
    magnitude: Annotated[float, Field(ge=0, le=1)] = 0.3
    count: Annotated[int, Field(ge=0, le=MOST)] = 2

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n, MOST + MOST k) numbers: which, one after another, and then the draws of the list for each."""
        which = torch.rand(n, MOST, generator=generator)
        each = draw_all(operations(1.0), n * MOST, shape, generator)
        return torch.cat([which, each.view(n, -1)], dim=1)

    def apply(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the images after the augmentations that they drew."""
        if self.is_off:
            return x
        methods = operations(self.magnitude)
        which = (u[:, :MOST] * (len(methods) + 1)).floor()  # len(methods) itself: as it is
        each = u[:, MOST:].view(len(x), MOST, -1)
        for turn in range(self.count):
            x = apply_chosen(x, which[:, turn], methods, each[:, turn])
        return x
