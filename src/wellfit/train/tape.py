"""Back-propagation by hand: on the way there each layer leaves behind how the gradient passes it on the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from wellfit.train.network import Affine, Leaves
from wellfit.train.products import Products

Work = Callable[[Tensor, Mapping[str, Tensor]], Tensor]


class Tape:
    """A forward pass of a stack of members, and the way back.

    What ``products`` make of memory they use again, so a tape holds until the next one. With ``update`` a linear
    layer's leaves are updated in one with their gradient. All of it runs without autograd, but for what ``by_autograd``
    is given.
    """

    def __init__(self, leaves: Mapping[str, Tensor], products: Products, update: Affine | None = None) -> None:
        self.leaves, self.products, self.update = leaves, products, update
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
        z = self.products.forward(name, x, w, b, slices)
        wants, self._learns, self._fresh = self._learns, True, z

        def back(g: Tensor) -> Tensor | None:
            g = g.contiguous()
            gx = self.products.to_input(name, g, w) if wants else None
            if self.update is None:
                self._found[f"{name}.weight"] = self.products.to_weight(name, x, g, w, slices)
                if b is not None:
                    self._found[f"{name}.bias"] = g.sum(1)
            else:
                self.products.update(x, g, w, slices, self.update.keep[f"{name}.weight"], self.update.rate)
                if b is not None:
                    self._update_bias(b, g.sum(1), self.update.keep[f"{name}.bias"], self.update.rates)
            return gx

        self._backs.append(back)
        return z

    @staticmethod
    def _update_bias(b: Tensor, g: Tensor, keep: Sequence[float], rates: Tensor) -> None:
        if any(kept != 1.0 for kept in keep):
            b.mul_(b.new_tensor(keep).unsqueeze(1))
        b.addcmul_(g, rates.unsqueeze(1), value=-1)

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
