"""Members stacked by hand: each linear layer of all members is one batched matrix product, there and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from wellfit.models.activation import ACTIVATIONS
from wellfit.models.recurrent import Recurrent
from wellfit.train.hidden import HiddenStage
from wellfit.train.network import Affine, Batch, Leaves, Network, Objective, added
from wellfit.train.precision import Precision
from wellfit.train.products import HalfProducts, Products, linear
from wellfit.train.room import Room
from wellfit.train.stacked_activation import activate
from wellfit.train.stacked_norm import NORMS, apply_norm, can_stack_norm
from wellfit.train.stacked_recurrent import apply_recurrent, leading_recurrent
from wellfit.train.tape import Tape

Change = Callable[[str, Tensor], Tensor]

ELEMENTWISE = (*ACTIVATIONS.values(), nn.Identity)


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


class Stacked(Network):
    """A population of sequences of linear layers, or of recurrent and linear layers.

    Back-propagation is the textbook's: each layer, on the way there, says how the gradient passes it on the way back.
    """

    how = "stacked"

    def __init__(self, module: nn.Module, sites: frozenset[str], *, precision: Precision = "fp32") -> None:
        self.layers = list(module.named_children())
        self.sites = sites
        self.own = {name: [f"{name}.{leaf}" for leaf, _ in layer.named_parameters()] for name, layer in self.layers}
        # on a GPU a launch for each member costs more than it saves
        self.merges = all(p.device.type == "cpu" for p in module.parameters())
        self.products = HalfProducts() if precision == "bf16" else Products()
        self.rooms = {name: Room() for name, layer in self.layers if isinstance(layer, Recurrent)}

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
        hidden.terms.clear()
        tape = Tape(leaves, self.products, update)
        z = self._forward(leaves, buffers, batch, hidden, tape).detach()
        losses, terms, g = objective.slope(z, batch.y)
        gradients = tape.back(g)
        extra = added(torch.zeros_like(losses), [*terms, *hidden.terms]).detach()
        return losses, extra, {name: gradients[name] for name in leaves if name in gradients}

    def _forward(
        self, leaves: Mapping[str, Tensor], buffers: Leaves, batch: Batch, hidden: HiddenStage, tape: Tape
    ) -> Tensor:
        """Return the answers (P, B, K) in training, with the way back on the tape."""
        h, slices = batch.x, batch.slices
        for name, layer in self.layers:
            if isinstance(layer, nn.Flatten):
                h = h.flatten(2)
            elif isinstance(layer, nn.Linear):
                h, slices = tape.linear(name, h, slices), ()
            elif isinstance(layer, nn.ReLU):
                h = tape.relu(h)
            else:
                if slices and not isinstance(layer, ELEMENTWISE):  # its statistics, or states, are a member's own
                    h, slices = batch.for_members(h), ()
                work = partial(self._apply, name, layer, buffers, hidden.apply, training=True)
                h = tape.by_autograd(work, h, self.own[name], hidden.terms)
            if name in self.sites:
                if slices:  # not yet each member's own
                    h, slices = batch.for_members(h), ()
                h = self._at_site(name, h, hidden, tape)
        return h

    def _at_site(self, name: str, h: Tensor, hidden: HiddenStage, tape: Tape) -> Tensor:
        """Return the activations (P, B, ...) as the members' methods leave them."""
        factors = hidden.factors(name, h.shape[1:]) if self.merges else None
        if factors is not None:
            return tape.scale(h, factors)
        return tape.by_autograd(lambda h, _: hidden.apply(name, h), h, (), hidden.terms)

    def _apply(
        self,
        name: str,
        layer: nn.Module,
        buffers: Leaves,
        change: Change | None,
        h: Tensor,
        leaves: Mapping[str, Tensor],
        *,
        training: bool,
    ) -> Tensor:
        """Return what a layer that is not linear answers."""
        if isinstance(layer, Recurrent):
            at_norm = change if f"{name}.norm" in self.sites else None
            return apply_recurrent(name, layer, h, leaves, self.rooms[name], at_norm)
        if isinstance(layer, NORMS):
            return apply_norm(name, layer, h, leaves, buffers, train=training)
        return activate(layer, h)

    @torch.no_grad()
    def answers(
        self, leaves: Mapping[str, Tensor], buffers: Leaves, batch: Batch, hidden: HiddenStage | None = None
    ) -> Tensor:
        """See Network."""
        change = None if hidden is None else hidden.evaluate
        h, slices = batch.x, batch.slices
        for name, layer in self.layers:
            if isinstance(layer, nn.Flatten):
                h = h.flatten(2)
            elif isinstance(layer, nn.Linear):
                w = leaves[f"{name}.weight"]
                z = w.new_empty(len(w), h.shape[1], w.shape[1])
                h, slices = linear(h, w, leaves.get(f"{name}.bias"), slices, out=z), ()
            else:
                if slices and not isinstance(layer, ELEMENTWISE):
                    h, slices = batch.for_members(h), ()
                h = self._apply(name, layer, buffers, change, h, leaves, training=False)
            if change is not None and name in self.sites:
                if slices:
                    h, slices = batch.for_members(h), ()
                h = change(name, h)
        return h
