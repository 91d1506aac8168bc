"""Back-propagation by hand: on the way there each layer leaves behind how the gradient passes it on the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from wellfit.train.network import Affine, Leaves
from wellfit.train.room import Room

Work = Callable[[Tensor, Mapping[str, Tensor]], Tensor]

NARROW = 32
"""Up to this many outputs a layer's weight gradient is made as (x^T g)^T: there the product of one member and that of
many take the same kernel, so that a member's numbers do not depend on how many others there are."""


class Tape:
    """A forward pass of a stack of members, and the way back.

    What the layers need of memory comes from ``room``, so a tape holds until the room's next one. With ``update`` a
    linear layer's leaves are updated in one with their gradient. All of it runs without autograd, but for what
    ``by_autograd`` is given.
    """

    def __init__(self, leaves: Mapping[str, Tensor], room: Room, update: Affine | None = None) -> None:
        self.leaves, self.room, self.update = leaves, room, update
        self._backs: list[Callable[[Tensor], Tensor | None]] = []
        self._found: Leaves = {}
        self._learns = False
        self._fresh: Tensor | None = None

    def back(self, g: Tensor) -> Leaves:
        """Return the gradients (P, ...) of the leaves, from that of the answers; of those not updated at once."""
        passed: Tensor | None = g
        for back in reversed(self._backs):
            if passed is not None:
                passed = back(passed)
        return self._found

    def linear(self, name: str, x: Tensor, slices: tuple[slice, ...]) -> Tensor:
        """Return ``x[group of p] w[p]^T + b[p]``: x (G, B, I), w (P, O, I), b (P, O) or none -> (P, B, O).

        Without ``slices`` each member has an input of its own, (P, B, I).
        """
        w, b = self.leaves[f"{name}.weight"], self.leaves.get(f"{name}.bias")
        z = self.room.take(f"{name} z", w, len(w), x.shape[1], w.shape[1])
        linear(x, w, b, slices, out=z)
        wants, self._learns, self._fresh = self._learns, True, z

        def back(g: Tensor) -> Tensor | None:
            g = g.contiguous()
            gx = torch.bmm(g, w, out=self.room.take(f"{name} gx", w, *g.shape[:2], w.shape[2])) if wants else None
            if self.update is not None:
                self._update(name, x, g, slices, self.update)
                return gx
            gw = self._found[f"{name}.weight"] = self.room.take(f"{name} gw", w, *w.shape)
            weight_gradient(x, g, slices, out=gw)
            if b is not None:
                self._found[f"{name}.bias"] = g.sum(1)
            return gx

        self._backs.append(back)
        return z

    def _update(self, name: str, x: Tensor, g: Tensor, slices: tuple[slice, ...], update: Affine) -> None:
        """Take the step ``w <- keep w - rate g^T x`` of each member, and that of its bias."""
        each = self.leaves[f"{name}.weight"].unbind(0)
        inputs = _for_each(x, slices)
        rows = zip(each, g.transpose(1, 2).unbind(0), inputs, update.keep[f"{name}.weight"], update.rate, strict=True)
        for w, gt, own, keep, rate in rows:
            w.addmm_(gt, own, beta=keep, alpha=-rate)
        b = self.leaves.get(f"{name}.bias")
        if b is not None:
            keeps = update.keep[f"{name}.bias"]
            if any(keep != 1.0 for keep in keeps):
                b.mul_(b.new_tensor(keeps).unsqueeze(1))
            b.addcmul_(g.sum(1), update.rates.unsqueeze(1), value=-1)

    def relu(self, h: Tensor) -> Tensor:
        """Return the positive part."""
        # what a linear layer has just made nobody else reads
        a = self._fresh = h.relu_() if h is self._fresh else h.relu()
        if self._learns:
            self._backs.append(lambda g: torch.ops.aten.threshold_backward(g, a, 0))
        return a

    def scale(self, h: Tensor, factors: Sequence[Tensor | None]) -> Tensor:
        """Return each member's activations times its factor (B, ...), which is nowhere below 0."""
        # of a ReLU's answer it leaves enough to go back by: what is 0 afterwards passes no gradient either way
        h = h if h is self._fresh else h.clone()
        acting = [(p, factor) for p, factor in enumerate(factors) if factor is not None]
        rows = h.unbind(0)
        for p, factor in acting:
            rows[p].mul_(factor)

        def back(g: Tensor) -> Tensor:
            g = g if g.is_contiguous() else g.contiguous()
            own = g.unbind(0)
            for p, factor in acting:
                own[p].mul_(factor)
            return g

        if self._learns:
            self._backs.append(back)
        return h

    def by_autograd(
        self, work: Work, h: Tensor, names: Sequence[str] = (), terms: list[Tensor] | None = None
    ) -> Tensor:
        """Return ``work(h, leaves)``, whose gradient autograd finds.

        ``names`` are the leaves that it reads; what it appends to ``terms`` (P,) is added to the loss.
        """
        if not (self._learns or names):
            return work(h, self.leaves)
        h = h.detach().requires_grad_(self._learns)
        own = {name: self.leaves[name].detach().requires_grad_() for name in names}
        terms = [] if terms is None else terms
        known = len(terms)
        with torch.enable_grad():
            answer = work(h, own)
        wants, self._learns = self._learns, True
        outputs = [out for out in (answer, *terms[known:]) if out.requires_grad]

        def back(g: Tensor) -> Tensor | None:
            inputs = [*([h] if wants else []), *own.values()]
            given = [g if out is answer else torch.ones_like(out) for out in outputs]
            found = list(torch.autograd.grad(outputs, inputs, given, allow_unused=True))
            gh = found.pop(0) if wants else None
            for name, gradient in zip(names, found, strict=True):
                self._found[name] = torch.zeros_like(own[name]) if gradient is None else gradient
            return gh

        self._backs.append(back)
        return answer.detach()


def linear(x: Tensor, w: Tensor, b: Tensor | None, slices: tuple[slice, ...], *, out: Tensor) -> Tensor:
    """Write ``x[group of p] w[p]^T + b[p]`` to ``out`` (P, B, O) and return it; see ``Tape.linear``."""
    for inputs, part in _groups(x, slices):
        wt = w[part].transpose(1, 2)
        if b is None:
            torch.bmm(inputs, wt, out=out[part])
        else:
            torch.baddbmm(b[part].unsqueeze(1), inputs, wt, out=out[part])
    return out


def weight_gradient(x: Tensor, g: Tensor, slices: tuple[slice, ...], *, out: Tensor) -> None:
    """Write ``g[p]^T x[group of p]`` to ``out`` (P, O, I)."""
    for inputs, part in _groups(x, slices):
        if out.shape[1] <= NARROW:
            out[part] = torch.bmm(inputs.transpose(1, 2), g[part]).transpose(1, 2)
        else:
            torch.bmm(g[part].transpose(1, 2), inputs, out=out[part])


def _groups(x: Tensor, slices: tuple[slice, ...]) -> list[tuple[Tensor, slice]]:
    """Pair each group's members with its inputs; hidden layers have an input of their own for every member."""
    if not slices:
        return [(x, slice(0, len(x)))]
    return [(x[i].expand(part.stop - part.start, *x.shape[1:]), part) for i, part in enumerate(slices)]


def _for_each(x: Tensor, slices: tuple[slice, ...]) -> list[Tensor]:
    """Return each member's inputs."""
    if not slices:
        return list(x.unbind(0))
    return [own for own, part in zip(x.unbind(0), slices, strict=True) for _ in range(part.start, part.stop)]
