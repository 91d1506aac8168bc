"""The matrix products of a stack of linear layers, in single precision or with factors of half of its bits.

x is (G, B, I), each group's input, with ``slices`` that say which members it belongs to, or without them (P, B, I); w
is (P, O, I), b (P, O), the gradient g of what the layer answers (P, B, O). What is returned lives in the room until the
layer's next turn.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from wellfit.train.room import Room

Slices = tuple[slice, ...]

NARROW = 32
"""Up to this many outputs a layer's weight gradient is made as (x^T g)^T: there the product of one member and that of
many take the same kernel, so that a member's numbers do not depend on how many others there are."""


LARGE = 2**17
"""Weights of a layer from which rounding its factors saves a CPU more than it costs."""


class Products:
    """In single precision."""

    def __init__(self) -> None:
        self.room = Room()

    def forward(self, name: str, x: Tensor, w: Tensor, b: Tensor | None, slices: Slices) -> Tensor:
        """Return ``x[group of p] w[p]^T + b[p]``: (P, B, O)."""
        z = self.room.take(f"{name} z", w, len(w), x.shape[1], w.shape[1])
        return linear(x, w, b, slices, out=z)

    def to_input(self, name: str, g: Tensor, w: Tensor) -> Tensor:
        """Return ``g[p] w[p]``: (P, B, I)."""
        return torch.bmm(g, w, out=self.room.take(f"{name} gx", w, *g.shape[:2], w.shape[2]))

    def to_weight(self, name: str, x: Tensor, g: Tensor, w: Tensor, slices: Slices) -> Tensor:
        """Return ``g[p]^T x[group of p]``: (P, O, I)."""
        out = self.room.take(f"{name} gw", w, *w.shape)
        for inputs, part in groups(x, slices):
            if w.shape[1] <= NARROW:
                out[part] = torch.bmm(inputs.transpose(1, 2), g[part]).transpose(1, 2)
            else:
                torch.bmm(g[part].transpose(1, 2), inputs, out=out[part])
        return out

    def update(
        self, x: Tensor, g: Tensor, w: Tensor, slices: Slices, keep: Sequence[float], rate: Sequence[float]
    ) -> None:
        """Change ``w[p]`` in place to ``keep[p] w[p] - rate[p] g[p]^T x[group of p]``."""
        gt = g.transpose(1, 2).unbind(0)
        for own, left, right, kept, step in zip(w.unbind(0), gt, of_members(x, slices), keep, rate, strict=True):
            own.addmm_(left, right, beta=kept, alpha=-step)


class HalfProducts(Products):
    """With the factors of large layers in bfloat16 (8 bits of mantissa); sums, weights and updates stay single.

    On a CPU weight gradients stay single too: a sum over a batch is short, and what rounding its factors saves goes
    into reading a rounded gradient back.
    """

    def __init__(self) -> None:
        super().__init__()
        self._weights: dict[str, Tensor] = {}

    def forward(self, name: str, x: Tensor, w: Tensor, b: Tensor | None, slices: Slices) -> Tensor:
        """See Products."""
        if not _pays(w):
            return super().forward(name, x, w, b, slices)
        half = self._weights[name] = self._halved(f"{name} w half", w)
        own = self._halved(f"{name} x half", x)
        z = self.room.take(f"{name} z", w, len(w), x.shape[1], w.shape[1])
        for inputs, part in groups(own, slices):
            z[part] = torch.bmm(inputs, half[part].transpose(1, 2))
        return z if b is None else z.add_(b.unsqueeze(1))

    def to_input(self, name: str, g: Tensor, w: Tensor) -> Tensor:
        """See Products."""
        if not _pays(w):
            return super().to_input(name, g, w)
        out = self.room.take(f"{name} gx", w, *g.shape[:2], w.shape[2])
        return out.copy_(torch.bmm(self._halved(f"{name} g half", g), self._weights[name]))

    def to_weight(self, name: str, x: Tensor, g: Tensor, w: Tensor, slices: Slices) -> Tensor:
        """See Products."""
        if not w.is_cuda:
            return super().to_weight(name, x, g, w, slices)
        out = self.room.take(f"{name} gw", w, *w.shape)
        half, left = x.bfloat16(), g.bfloat16().transpose(1, 2)
        for inputs, part in groups(half, slices):
            out[part] = torch.bmm(left[part], inputs)
        return out

    def _halved(self, name: str, value: Tensor) -> Tensor:
        like = value.new_empty(0, dtype=torch.bfloat16)
        return self.room.take(name, like, *value.shape).copy_(value)


def _pays(w: Tensor) -> bool:
    return w.is_cuda or w[0].numel() >= LARGE


def linear(x: Tensor, w: Tensor, b: Tensor | None, slices: Slices, *, out: Tensor) -> Tensor:
    """Write ``x[group of p] w[p]^T + b[p]`` to ``out`` (P, B, O) and return it."""
    for inputs, part in groups(x, slices):
        wt = w[part].transpose(1, 2)
        if b is None:
            torch.bmm(inputs, wt, out=out[part])
        else:
            torch.baddbmm(b[part].unsqueeze(1), inputs, wt, out=out[part])
    return out


def groups(x: Tensor, slices: Slices) -> list[tuple[Tensor, slice]]:
    """Pair each group's members with its inputs; hidden layers have an input of their own for every member."""
    if not slices:
        return [(x, slice(0, len(x)))]
    return [(x[i].expand(part.stop - part.start, *x.shape[1:]), part) for i, part in enumerate(slices)]


def of_members(x: Tensor, slices: Slices) -> list[Tensor]:
    """Return each member's inputs (B, I)."""
    if not slices:
        return list(x.unbind(0))
    return [own for own, part in zip(x.unbind(0), slices, strict=True) for _ in range(part.start, part.stop)]
