"""Networks with odd state, for the engine's regressions."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Odd(nn.Module):
    """Counts its training steps, and keeps buffers of several dtypes and no elements."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.act, self.b = nn.Linear(36, 10), nn.ReLU(), nn.Linear(10, 3)
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.register_buffer("mask", torch.arange(10) != 4)
        self.register_buffer("mean", torch.zeros(3, dtype=torch.float64), persistent=False)
        self.register_buffer("empty", torch.zeros(0))

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, 3)."""
        if self.training:
            self.get_buffer("count").add_(1)
        h = self.act(self.a(x.flatten(1))) * self.get_buffer("mask")
        z: Tensor = self.b(h) * (1 + 0.01 * (self.get_buffer("count") % 3).float())
        if self.training:
            self.get_buffer("mean").lerp_(z.detach().mean(0).double(), torch.tensor(0.1, dtype=torch.float64))
        return z


class OwnDropout(nn.Module):
    """Draws a mask by itself, and scales by a running norm that each training step changes."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.utils.parametrizations.spectral_norm(nn.Linear(36, 10))
        self.act, self.drop, self.b = nn.ReLU(), nn.Dropout(0.5), nn.Linear(10, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, 3)."""
        z: Tensor = self.b(self.drop(self.act(self.a(x.flatten(1)))))
        return z


class Growing(nn.Module):
    """Remembers the mean of every training batch in a buffer that grows."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(36, 3)
        self.register_buffer("seen", torch.zeros(0))

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, 3)."""
        if self.training:
            self.seen = torch.cat([self.get_buffer("seen"), x.detach().mean().view(1)])
        z: Tensor = self.a(x.flatten(1))
        return z


class Tied(nn.Module):
    """Two layers with one weight, and a transposed convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.act = nn.ConvTranspose2d(1, 2, 2, stride=2), nn.Tanh()
        self.a, self.b, self.c = nn.Linear(36, 36), nn.Linear(36, 36), nn.Linear(36, 3)
        self.b.weight = self.a.weight
        self.pool = nn.AvgPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, 3)."""
        h = self.pool(self.act(self.up(x))).sum(1).flatten(1)
        z: Tensor = self.c(self.act(self.b(self.act(self.a(h)))))
        return z
