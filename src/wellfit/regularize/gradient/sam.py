"""SAM, sharpness-aware minimization: take the gradient where the loss near the weights is worst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from wellfit.regularize.gradient.clip_norm import gradient_norm
from wellfit.regularize.stages import Ascent, Numbers


def ascent(gradients: Sequence[Tensor], radius: Tensor) -> list[Tensor]:
    """Return ``radius g / ||g||`` for each leaf (P, ...), the norm over all leaves of a member; 0 where that is 0."""
    norm = gradient_norm([g if g.ndim > 1 else g.unsqueeze(1) for g in gradients])
    scale = torch.where(norm > 0, radius / norm, 0.0)
    shaped = [scale.to(g.dtype).view(-1, *[1] * (g.ndim - 1)) for g in gradients]
    # where the scale is 0 the move is 0 even if a gradient is infinite
    return [torch.where(s > 0, g * s, 0.0) for g, s in zip(gradients, shaped, strict=True)]


class Sam(Ascent):
    """Climbs to the worst place within a radius of the weights, takes the gradient there and steps from the old place.

    Formula: g' = dL/dw at w + e, e = radius g / ||g||_2, g = dL/dw at w on the same batch; the norm is taken over all
    parameters of the member together. The ``1e-12`` that some programs add to the norm is left out; ||g|| = 0 gives
    e = 0.
    Range: ``radius`` (rho) >= 0, a length in the space of the weights; 0 changes nothing. The paper's default is 0.05.
    It costs a second forward and backward pass in each step.
    Does little for: a network that underfits; large batches, where the paper climbs on each small part by itself.
    Does harm when: time is short: each step costs two gradients, and a plain training twice as long may do better; or
    the radius is large and the network underfits.
    Source: Foret, Kleiner, Mobahi & Neyshabur 2021, "Sharpness-aware minimization for efficiently improving
    generalization", equation 2 with p = 2 and algorithm 1.
    """

    off: ClassVar[Mapping[str, float]] = {"radius": 0.0}
    radius: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.05

    @staticmethod
    def move(gradients: Sequence[Tensor], numbers: Numbers) -> list[Tensor]:
        """Return the way up for each leaf."""
        return ascent(gradients, numbers["radius"])
