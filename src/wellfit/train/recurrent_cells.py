"""One time step of recurrent cells, there and back, for all members at once and into memory that is given.

Weights stand in one matrix m (N, C + H + 1, K H) for each member and way: with the row [x, h, 1] of a sample,

    a = [x_t, h_{t-1}, 1] m

are the K pre-activations of each unit, biases included, and one product with its transpose carries gradients back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from wellfit.train.stacked_activation import in_place

Take = Callable[..., Tensor]
"""``take(name, *shape)``: memory, not cleared."""
Times = tuple[Tensor, ...]
"""A tensor for each time step."""

sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input  # g s (1 - s)
tanh_backward = torch.ops.aten.tanh_backward.grad_input  # g (1 - t^2)


def blocks(a: Tensor, count: int) -> tuple[Tensor, ...]:
    """Return the blocks (..., H) of ``a`` (..., K H)."""
    return a.view(*a.shape[:-1], count, -1).unbind(-2)


def _sum(bias: Tensor, bias_hidden: Tensor) -> Tensor:
    """Return the sum (N, k H, 1); times 1, so that each bias has a gradient of its own, which is changed in place."""
    return (bias + bias_hidden * 1).unsqueeze(2)


class Cell(ABC):
    """What N members with B samples and H units remember of ``kept`` time steps; of one, where none goes back."""

    K: ClassVar[int]
    gates: ClassVar[int]
    """How many of the K blocks, the first, go through a sigmoid."""
    beside: ClassVar[int]
    """How many tensors (N, B, H) it remembers of a time step beside its blocks and h."""

    def __init__(self, take: Take, kept: int, shape: tuple[int, int, int]) -> None:
        self.shape, self.kept = shape, kept
        whole = take("a", kept, *shape[:2], self.K * shape[2])
        self.a: Times = whole.unbind(0)
        self.squashed: Times = whole[..., : self.gates * shape[2]].unbind(0)
        self.parts: tuple[Times, ...] = tuple(block.unbind(0) for block in blocks(whole, self.K))
        self.da = take("da", *whole.shape[1:])
        self.d_parts, self.d_squashed = blocks(self.da, self.K), self.da[..., : self.gates * shape[2]]
        self.spare = take("spare", *shape)
        self.sigmoid_, self.tanh = in_place(whole, shape[1] * shape[2])

    @staticmethod
    @abstractmethod
    def matrix(w: Tensor, u: Tensor, bias: Tensor, bias_hidden: Tensor) -> Tensor:
        """Return m of PyTorch's parameters: (N, k H, C), (N, k H, H), (N, k H) twice."""

    @abstractmethod
    def step(self, now: int, after: int, before: Tensor, h: Tensor) -> None:
        """Make of ``a[now]`` and of h_{t-1} the state ``h``, which may be the same memory (all (N, B, H))."""

    @abstractmethod
    def step_back(self, t: int, before: Tensor, dh: Tensor) -> Tensor | None:
        """Make of dL/dh_t what ``da`` is then, dL/da_t; return what reaches h_{t-1} other than through ``a``."""


class Lstm(Cell):
    """``i, f, o = sigmoid(a_i, a_f, a_o)``, ``g = tanh(a_g)``, ``c_t = f c_{t-1} + i g``, ``h_t = o tanh(c_t)``."""

    K, gates, beside = 4, 3, 2

    def __init__(self, take: Take, kept: int, shape: tuple[int, int, int]) -> None:
        super().__init__(take, kept, shape)
        self.c: Times = take("c", kept + 1, *shape).unbind(0)
        self.c[0].zero_()
        self.tanh_c: Times = take("tanh c", kept, *shape).unbind(0)
        self.dc = take("dc", *shape)

    @staticmethod
    def matrix(w: Tensor, u: Tensor, bias: Tensor, bias_hidden: Tensor) -> Tensor:
        """Return m with the blocks i, f, o, g: PyTorch's are i, f, g, o."""
        whole = torch.cat([w, u, _sum(bias, bias_hidden)], 2)  # (N, 4 H, C + H + 1)
        i, f, g, o = whole.chunk(4, 1)
        return torch.cat([i, f, o, g], 1).transpose(1, 2).contiguous()

    def step(self, now: int, after: int, before: Tensor, h: Tensor) -> None:
        """See Cell."""
        i, f, o, g = (part[now] for part in self.parts)
        self.sigmoid_(self.squashed[now])
        self.tanh(g, g)
        c = torch.mul(f, self.c[now], out=self.c[after]).addcmul_(i, g)
        torch.mul(o, self.tanh(c, self.tanh_c[now]), out=h)

    def step_back(self, t: int, before: Tensor, dh: Tensor) -> Tensor | None:
        """See Cell. ``dc_t = dh o (1 - tanh(c)^2) + dc_{t+1} f_{t+1}``."""
        i, f, o, g = (part[t] for part in self.parts)
        di, df, do, dg = self.d_parts
        dc, tanh_c, spare = self.dc, self.tanh_c[t], self.spare
        if t == self.kept - 1:
            dc.zero_()
        dc.add_(tanh_backward(torch.mul(dh, o, out=spare), tanh_c, grad_input=spare))
        torch.mul(dc, g, out=di)
        torch.mul(dc, self.c[t], out=df)
        torch.mul(dh, tanh_c, out=do)
        torch.mul(dc, i, out=dg)
        sigmoid_backward(self.d_squashed, self.squashed[t], grad_input=self.d_squashed)
        tanh_backward(dg, g, grad_input=dg)
        dc.mul_(f)
        return None


class Gru(Cell):
    """``r, z = sigmoid(a_r, a_z)``, ``n = tanh(a_n + r a_m)``, ``h_t = n + z (h_{t-1} - n)``.

    a_n reads x alone and a_m h alone: their columns of the matrix are zero for the other.
    """

    K, gates, beside = 4, 2, 1

    def __init__(self, take: Take, kept: int, shape: tuple[int, int, int]) -> None:
        super().__init__(take, kept, shape)
        self.n: Times = take("n", kept, *shape).unbind(0)
        self.direct = take("direct", *shape)

    @staticmethod
    def matrix(w: Tensor, u: Tensor, bias: Tensor, bias_hidden: Tensor) -> Tensor:
        """Return m with the blocks r, z, n, m: PyTorch's are r, z, n, the last of each matrix."""
        width = u.shape[2]
        gates, new = slice(2 * width), slice(2 * width, None)
        both = torch.cat([w[:, gates], u[:, gates], _sum(bias[:, gates], bias_hidden[:, gates])], 2)
        n = torch.cat([w[:, new], torch.zeros_like(u[:, new]), bias[:, new, None]], 2)
        m = torch.cat([torch.zeros_like(w[:, new]), u[:, new], bias_hidden[:, new, None]], 2)
        return torch.cat([both, n, m], 1).transpose(1, 2).contiguous()

    def step(self, now: int, after: int, before: Tensor, h: Tensor) -> None:
        """See Cell."""
        r, z, from_x, from_h = (part[now] for part in self.parts)
        self.sigmoid_(self.squashed[now])
        a_n = torch.addcmul(from_x, r, from_h, out=self.n[now])
        n = self.tanh(a_n, a_n)
        torch.addcmul(n, z, torch.sub(before, n, out=self.spare), out=h)

    def step_back(self, t: int, before: Tensor, dh: Tensor) -> Tensor | None:
        """See Cell."""
        r, z, _, from_h = (part[t] for part in self.parts)
        dr, dz, dn, dm = self.d_parts
        n, spare = self.n[t], self.spare
        torch.mul(torch.sub(before, n, out=spare), dh, out=dz)
        direct = torch.mul(dh, z, out=self.direct)
        tanh_backward(torch.sub(dh, direct, out=spare), n, grad_input=dn)
        torch.mul(dn, r, out=dm)
        torch.mul(dn, from_h, out=dr)
        sigmoid_backward(self.d_squashed, self.squashed[t], grad_input=self.d_squashed)
        return direct


class Elman(Cell):
    """``h_t = tanh(a)``."""

    K, gates, beside = 1, 0, 0

    @staticmethod
    def matrix(w: Tensor, u: Tensor, bias: Tensor, bias_hidden: Tensor) -> Tensor:
        """See Cell."""
        return torch.cat([w, u, _sum(bias, bias_hidden)], 2).transpose(1, 2).contiguous()

    def step(self, now: int, after: int, before: Tensor, h: Tensor) -> None:
        """See Cell."""
        h.copy_(self.tanh(self.a[now], self.a[now]))

    def step_back(self, t: int, before: Tensor, dh: Tensor) -> Tensor | None:
        """See Cell."""
        tanh_backward(dh, self.a[t], grad_input=self.da)
        return None
