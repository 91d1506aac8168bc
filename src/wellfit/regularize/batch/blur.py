"""Blur: smooth random images with a Gaussian of random width."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import pad

from wellfit.regularize.stages import Augmentation

REACH = 3.0
"""Where the Gaussian is cut off, in sigmas of the widest."""


def gaussian_kernels(sigma: Tensor, radius: int) -> Tensor:
    """Return kernels (n, 2 radius + 1) of the widths ``sigma`` (n,) in pixels, each of sum 1."""
    place = torch.arange(-radius, radius + 1, device=sigma.device, dtype=sigma.dtype)
    weights = (-0.5 * (place / sigma[:, None]).square()).exp()
    return weights / weights.sum(1, keepdim=True)


def gaussian_blur(x: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """Return the images (n, C, H, W), each smoothed with its own ``sigma`` (n,) > 0; mirrored at the border.

    The kernel is cut off at ``radius`` pixels, and at the side of an image less one, beyond which there is no mirror.
    """
    for axis in (2, 3):
        reach = min(radius, x.shape[axis] - 1)
        kernel = gaussian_kernels(sigma.to(x.device), reach).to(x)
        padded = pad(x, (0, 0, reach, reach) if axis == 2 else (reach, reach, 0, 0), mode="reflect")
        total = torch.zeros_like(x)
        # a sum of shifted images: a convolution with a kernel for each sample is slower, and its bits depend on n
        for k in range(2 * reach + 1):
            total.addcmul_(padded.narrow(axis, k, x.shape[axis]), kernel[:, k].view(-1, 1, 1, 1))
        x = total
    return x


class Blur(Augmentation):
    """Smooths each image with a probability by a Gaussian of a width drawn anew in each epoch.

    Formula: with probability p, x' = x * N(0, s^2) in both directions, s ~ U(0, sigma]; the kernel reaches
    ceil(3 sigma) pixels, the image is mirrored at its border.
    Range: ``sigma`` >= 0 in pixels; 0 changes nothing. ``probability`` in [0, 1]; 0 changes nothing.
    Does nothing for: flat areas; vectors (an error).
    Does harm when: details are one pixel wide, as in small images; or sharpness itself carries the answer.
    Source: Chen, Kornblith, Norouzi & Hinton 2020, "A simple framework for contrastive learning of visual
    representations", appendix A (there p = 0.5, s from 0.1 to 2 for images of 224 pixels).
    """

    off: ClassVar[Mapping[str, float]] = {"sigma": 0.0}
    sigma: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    probability: Annotated[float, Field(ge=0, le=1)] = 0.5

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return (n, 2) uniform numbers: whether, and how wide."""
        return torch.rand(n, 2, generator=generator)

    def apply(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the images, blurred where the first of ``u`` is below ``probability``."""
        if self.is_off or self.probability == 0:
            return x
        sigma = (1 - u[:, 1]) * self.sigma
        blurred = gaussian_blur(x, sigma, math.ceil(REACH * self.sigma))
        return torch.where((u[:, 0] < self.probability).to(x.device)[:, None, None, None], blurred, x)
