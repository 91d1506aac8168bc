"""Members stacked by hand: each linear layer of all members is one batched matrix product."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from wellfit.models.activation import ACTIVATIONS
from wellfit.models.recurrent import Recurrent
from wellfit.train.hidden import HiddenStage
from wellfit.train.network import Affine, Batch, Leaves, Network, Objective, added
from wellfit.train.stacked_activation import activate
from wellfit.train.stacked_norm import NORMS, apply_norm, can_stack_norm
from wellfit.train.stacked_recurrent import Room, apply_recurrent, leading_recurrent

Change = Callable[[str, Tensor], Tensor]
Update = tuple[Sequence[float], Sequence[float]]
"""How much each member keeps of the leaf, and its rate."""
NOTHING: Mapping[str, Update] = {}

ELEMENTWISE = (*ACTIVATIONS.values(), nn.Identity)
NARROW = 32
"""Up to this many outputs a layer's weight gradient is made as (x^T g)^T: there the product of one member and that of
many take the same kernel, so that a member's numbers do not depend on how many others there are."""


class _Linear(torch.autograd.Function):
    """``z[p] = x[group of p] w[p]^T + b[p]``: x (G, B, I), w (P, O, I), b (P, 1, O) or None -> z (P, B, O)."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, w: Tensor, b: Tensor | None, slices: tuple[slice, ...], update: Update | None
    ) -> Tensor:
        ctx.x, ctx.w, ctx.slices, ctx.with_bias, ctx.update = x, w, slices, b is not None, update
        z = x.new_empty(len(w), x.shape[1], w.shape[1])
        for inputs, part in _groups(x, slices):
            wt = w[part].transpose(1, 2)
            if b is None:
                torch.bmm(inputs, wt, out=z[part])
            else:
                torch.baddbmm(b[part], inputs, wt, out=z[part])
        return z

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (g,) = gradients
        g = g.contiguous()
        x, w = ctx.x, ctx.w
        gb = g.sum(1, keepdim=True) if ctx.with_bias else None
        gx = torch.bmm(g, w) if ctx.needs_input_grad[0] else None
        if ctx.update is not None:
            keep, rate = ctx.update
            for inputs, part in _groups(x, ctx.slices):
                for i, p in enumerate(range(part.start, part.stop)):
                    w[p].addmm_(g[p].t(), inputs[i], beta=keep[p], alpha=-rate[p])
            return gx, None, gb, None, None
        narrow = w.shape[1] <= NARROW
        gw = torch.empty_like(w)
        for inputs, part in _groups(x, ctx.slices):
            if narrow:
                gw[part] = torch.bmm(inputs.transpose(1, 2), g[part]).transpose(1, 2)
            else:
                torch.bmm(g[part].transpose(1, 2), inputs, out=gw[part])
        return gx, gw, gb, None, None


def _groups(x: Tensor, slices: tuple[slice, ...]) -> list[tuple[Tensor, slice]]:
    """Pair each group's members with its inputs; hidden layers have an input of their own for every member."""
    if not slices:
        return [(x, slice(0, len(x)))]
    pairs = []
    for group, part in enumerate(slices):
        pairs.append((x[group].expand(part.stop - part.start, *x.shape[1:]), part))
    return pairs


def can_stack(module: nn.Module) -> bool:
    """Return whether the module is just a sequence: perhaps recurrent layers, then flatten, linear layers, norms and
    elementwise activations.

    Each layer once, without hooks or a ``forward`` of its own, each weight a trainable parameter of its own.
    """
    if type(module) is not nn.Sequential:
        return False
    layers = list(module)
    once = len({id(layer) for layer in layers}) == len(layers)
    hooked = any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in module.modules())
    parameters = [p for layer in layers for p in layer.parameters()]
    own = {id(p) for p in parameters if p.requires_grad}
    recurrent = leading_recurrent(layers)
    others = layers[recurrent:]
    begins = recurrent > 0 or (bool(layers) and isinstance(layers[0], nn.Flatten | nn.Linear))
    known = all(_known(layer, first=recurrent == index == 0) for index, layer in enumerate(others))
    return begins and once and not hooked and len(own) == len(parameters) and known


def _known(layer: nn.Module, *, first: bool) -> bool:
    if isinstance(layer, nn.Flatten):
        return first and (layer.start_dim, layer.end_dim) == (1, -1)
    if isinstance(layer, nn.GELU | nn.ReLU | nn.LeakyReLU | nn.ELU | nn.SiLU):
        return not getattr(layer, "inplace", False)
    return type(layer) is nn.Linear or type(layer) in ELEMENTWISE or can_stack_norm(layer)


def _has_bias(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Linear) and layer.bias is not None


class Stacked(Network):
    """A population of sequences of linear layers, or of recurrent and linear layers."""

    how = "stacked"

    def __init__(self, module: nn.Module, sites: frozenset[str]) -> None:
        self.layers = list(module.named_children())
        self.sites = sites
        # a layer without a bias, if it is the first, has nothing else that asks for its gradient
        self.merging = [f"{name}.weight" for name, layer in self.layers if _has_bias(layer)]
        self.rooms = {name: Room() for name, layer in self.layers if isinstance(layer, Recurrent)}

    def _forward(
        self,
        leaves: Mapping[str, Tensor],
        buffers: Leaves,
        batch: Batch,
        change: Change | None,
        *,
        training: bool,
        merged: Mapping[str, Update] = NOTHING,
    ) -> Tensor:
        h = batch.x
        slices = batch.slices
        for name, layer in self.layers:
            if isinstance(layer, nn.Flatten):
                h = h.flatten(2)
            elif isinstance(layer, Recurrent):
                h, slices = batch.for_members(h) if slices else h, ()
                at_norm = change if f"{name}.norm" in self.sites else None
                h = apply_recurrent(name, layer, h, leaves, self.rooms[name], at_norm)
            elif isinstance(layer, nn.Linear):
                bias = leaves.get(f"{name}.bias")
                w, b = leaves[f"{name}.weight"], None if bias is None else bias.unsqueeze(1)
                h = _Linear.apply(h, w, b, slices, merged.get(f"{name}.weight"))
                slices = ()
            elif isinstance(layer, NORMS):
                if slices:  # its statistics are a member's own
                    h, slices = batch.for_members(h), ()
                h = apply_norm(name, layer, h, leaves, buffers, train=training)
            else:
                h = activate(layer, h)
            if change is not None and name in self.sites:
                if slices:  # not yet each member's own
                    h, slices = batch.for_members(h), ()
                h = change(name, h)
        return h

    def gradients(
        self,
        leaves: Mapping[str, Tensor],
        buffers: Leaves,
        batch: Batch,
        objective: Objective,
        hidden: HiddenStage,
        update: Affine | None = None,
    ) -> tuple[Tensor, Tensor, Leaves]:
        """See Network."""
        merged = {} if update is None else {name: (update.keep[name], update.rate) for name in self.merging}
        names = [name for name in leaves if name not in merged]
        hidden.terms.clear()
        with torch.enable_grad():
            inputs = [leaves[name].detach().requires_grad_() for name in names]
            own = {**leaves, **dict(zip(names, inputs, strict=True))}
            z = self._forward(own, buffers, batch, hidden.apply, training=True, merged=merged)
            losses = objective.data(z, batch.y)
            terms = [*objective.terms(z, objective.numbers), *hidden.terms]
            # members do not meet: the gradient of the sum is each member's own
            gradients = torch.autograd.grad(added(losses, terms).sum(), inputs)
        extra = added(torch.zeros_like(losses), terms).detach()
        return losses.detach(), extra, dict(zip(names, gradients, strict=True))

    @torch.no_grad()
    def answers(
        self, leaves: Mapping[str, Tensor], buffers: Leaves, batch: Batch, hidden: HiddenStage | None = None
    ) -> Tensor:
        """See Network."""
        change = None if hidden is None else hidden.evaluate
        return self._forward(leaves, buffers, batch, change, training=False)
