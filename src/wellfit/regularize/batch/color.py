"""What the color augmentations share: a picture's gray values, random factors, and blending as torchvision does it."""

from __future__ import annotations

from torch import Tensor

GRAY_WEIGHTS = (0.2989, 0.587, 0.114)
"""Of red, green and blue in a gray value (ITU-R BT.601)."""


def per_sample(values: Tensor, x: Tensor) -> Tensor:
    """Return ``values`` (n,) as (n, 1, 1, 1), with the dtype and device of the images ``x``."""
    return values.to(x).view(-1, 1, 1, 1)


def factors(u: Tensor, strength: float) -> Tensor:
    """Return factors uniform on [max(0, 1 - strength), 1 + strength) from ``u`` uniform on [0, 1)."""
    low = max(0.0, 1 - strength)
    return low + u * (1 + strength - low)


def gray(x: Tensor) -> Tensor:
    """Return the gray values (n, 1, H, W): weighted for red, green and blue; else the mean of the channels."""
    if x.shape[1] != 3:
        return x.mean(1, keepdim=True)
    red, green, blue = GRAY_WEIGHTS
    return red * x[:, :1] + green * x[:, 1:2] + blue * x[:, 2:]


def blend(x: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    """Return ``factor x + (1 - factor) other`` within [0, 1]; ``factor`` is (n,), beyond 1 it leads away."""
    share = per_sample(factor, x)
    return (share * x + (1 - share) * other).clamp_(0, 1)
