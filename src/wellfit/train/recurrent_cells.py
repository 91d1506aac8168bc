"""One time step of recurrent cells, there and back, for all members at once and into memory that is given.

Weights stand in one matrix m (N, C + H + 1, K H) for each member and way: with the row [x, h, 1] of a sample,

    a = [x_t, h_{t-1}, 1] m

are the K pre-activations of each unit, biases included, and one product with its transpose carries gradients back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from wellfit.train.stacked_activation import sigmoid_, tanh_

Take = Callable[..., Tensor]
"""``take(name, *shape)``: memory, not cleared."""

sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input  # g s (1 - s)
tanh_backward = torch.ops.aten.tanh_backward.grad_input  # g (1 - t^2)


class Cell(ABC):
    """A time loop's memory for N members, B samples, H units; ``kept`` time steps of it, 1 where none goes back."""

    blocks: int
    """K."""

    def __init__(self, take: Take, kept: int, shape: tuple[int, int, int]) -> None:
        self.a = take("a", kept, *shape[:2], self.blocks * shape[2])
        self.shape, self.kept, self.take = shape, kept, take
        self.spare = take("spare", *shape)

    def parts(self, a: Tensor) -> tuple[Tensor, ...]:
        """Return the blocks (N, B, H) of ``a`` (N, B, K H)."""
        return a.unflatten(2, (self.blocks, -1)).unbind(2)

    @staticmethod
    @abstractmethod
    def matrix(w: Tensor, u: Tensor, bias: Tensor, bias_hidden: Tensor) -> Tensor:
        """Return m of PyTorch's parameters: (N, k H, C), (N, k H, H), (N, k H) twice."""

    @abstractmethod
    def step(self, now: int, after: int, before: Tensor, h: Tensor) -> None:
        """Make of ``a[now]`` and of h_{t-1} the state ``h``, which may be the same memory (all (N, B, H))."""

    @abstractmethod
    def step_back(self, t: int, before: Tensor, dh: Tensor, da: Tensor) -> Tensor | None:
        """Make of dL/dh_t the gradient ``da`` (N, B, K H); return what reaches h_{t-1} other than through ``a``."""


class Lstm(Cell):
    """``i, f, o = sigmoid(a_i, a_f, a_o)``, ``g = tanh(a_g)``, ``c_t = f c_{t-1} + i g``, ``h_t = o tanh(c_t)``."""

    blocks = 4

    def __init__(self, take: Take, kept: int, shape: tuple[int, int, int]) -> None:
        super().__init__(take, kept, shape)
        self.c = take("c", kept + 1, *shape)
        self.c[0].zero_()
        self.squashed = take("tanh c", kept, *shape)

    @staticmethod
    def matrix(w: Tensor, u: Tensor, bias: Tensor, bias_hidden: Tensor) -> Tensor:
        """Return m with the blocks i, f, o, g: PyTorch's are i, f, g, o."""
        whole = torch.cat([w, u, (bias + bias_hidden).unsqueeze(2)], 2)  # (N, 4 H, C + H + 1)
        i, f, g, o = whole.unflatten(1, (4, -1)).unbind(1)
        return torch.cat([i, f, o, g], 1).transpose(1, 2).contiguous()

    def step(self, now: int, after: int, before: Tensor, h: Tensor) -> None:
        """See Cell."""
        a, tanh_c = self.a[now], self.squashed[now]
        i, f, o, g = self.parts(a)
        width = self.shape[2]
        sigmoid_(a[..., : 3 * width])
        tanh_(g)
        c = torch.mul(f, self.c[now], out=self.c[after])
        c.addcmul_(i, g)
        tanh_(tanh_c.copy_(c))
        torch.mul(o, tanh_c, out=h)

    def step_back(self, t: int, before: Tensor, dh: Tensor, da: Tensor) -> Tensor | None:
        """See Cell. ``dc_t = dh o (1 - tanh(c)^2) + dc_{t+1} f_{t+1}``."""
        i, f, o, g = self.parts(self.a[t])
        di, df, do, dg = self.parts(da)
        width, spare, tanh_c = self.shape[2], self.spare, self.squashed[t]
        dc = self.take("dc", *self.shape)
        if t == self.kept - 1:
            dc.zero_()
        torch.mul(dh, o, out=spare)
        dc.add_(tanh_backward(spare, tanh_c, grad_input=spare))
        torch.mul(dc, g, out=di)
        torch.mul(dc, self.c[t], out=df)
        torch.mul(dh, tanh_c, out=do)
        torch.mul(dc, i, out=dg)
        gates = slice(3 * width)
        sigmoid_backward(da[..., gates], self.a[t][..., gates], grad_input=da[..., gates])
        tanh_backward(dg, g, grad_input=dg)
        dc.mul_(f)
        return None


class Gru(Cell):
    """``r, z = sigmoid(a_r, a_z)``, ``n = tanh(a_n + r a_m)``, ``h_t = n + z (h_{t-1} - n)``.

    a_n reads x alone and a_m h alone: their blocks of the matrix are half zeros.
    """

    blocks = 4

    def __init__(self, take: Take, kept: int, shape: tuple[int, int, int]) -> None:
        super().__init__(take, kept, shape)
        self.n = take("n", kept, *shape)

    @staticmethod
    def matrix(w: Tensor, u: Tensor, bias: Tensor, bias_hidden: Tensor) -> Tensor:
        """Return m with the blocks r, z, n, m: PyTorch's are r, z, n, the last of each matrix."""
        width = u.shape[2]
        gates, new = slice(2 * width), slice(2 * width, None)
        both = torch.cat([w[:, gates], u[:, gates], (bias + bias_hidden)[:, gates, None]], 2)
        n = torch.cat([w[:, new], torch.zeros_like(u[:, new]), bias[:, new, None]], 2)
        m = torch.cat([torch.zeros_like(w[:, new]), u[:, new], bias_hidden[:, new, None]], 2)
        return torch.cat([both, n, m], 1).transpose(1, 2).contiguous()

    def step(self, now: int, after: int, before: Tensor, h: Tensor) -> None:
        """See Cell."""
        a, n = self.a[now], self.n[now]
        r, z, from_x, from_h = self.parts(a)
        sigmoid_(a[..., : 2 * self.shape[2]])
        tanh_(torch.mul(r, from_h, out=n).add_(from_x))
        difference = torch.sub(before, n, out=self.spare)
        torch.mul(z, difference, out=h).add_(n)

    def step_back(self, t: int, before: Tensor, dh: Tensor, da: Tensor) -> Tensor | None:
        """See Cell."""
        r, z, _, from_h = self.parts(self.a[t])
        dr, dz, dn, dm = self.parts(da)
        n, spare = self.n[t], self.spare
        torch.mul(torch.sub(before, n, out=spare), dh, out=dz)
        direct = torch.mul(dh, z, out=self.take("direct", *self.shape))
        tanh_backward(torch.sub(dh, direct, out=spare), n, grad_input=dn)
        torch.mul(dn, r, out=dm)
        torch.mul(dn, from_h, out=dr)
        gates = slice(2 * self.shape[2])
        sigmoid_backward(da[..., gates], self.a[t][..., gates], grad_input=da[..., gates])
        return direct


class Elman(Cell):
    """``h_t = tanh(a)``."""

    blocks = 1

    @staticmethod
    def matrix(w: Tensor, u: Tensor, bias: Tensor, bias_hidden: Tensor) -> Tensor:
        """See Cell."""
        return torch.cat([w, u, (bias + bias_hidden).unsqueeze(2)], 2).transpose(1, 2).contiguous()

    def step(self, now: int, after: int, before: Tensor, h: Tensor) -> None:
        """See Cell."""
        h.copy_(tanh_(self.a[now]))

    def step_back(self, t: int, before: Tensor, dh: Tensor, da: Tensor) -> Tensor | None:
        """See Cell."""
        tanh_backward(dh, self.a[t], grad_input=da)
        return None
