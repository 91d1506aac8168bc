"""Members under ``torch.func.vmap``: any module that does not change its own state."""

from __future__ import annotations

import copy
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap

from wellfit.train.hidden import HiddenStage, SiteHooks
from wellfit.train.losses import Loss
from wellfit.train.network import Batch, Leaves, Network


class Vmapped(Network):
    """All members in one call; hidden activations are reached by forward hooks.

    ``module`` is the network's own: it is changed.
    """

    how = "vmap"

    def __init__(self, module: nn.Module, sites: frozenset[str]) -> None:
        self.module = module
        self.sites = sites
        self._shapes: dict[tuple[int, ...], dict[str, torch.Size]] = {}
        self._apply: Callable[[str, Tensor], Tensor] | None = None
        self._hooks = SiteHooks(module, self._change)

    def _change(self, site: str, output: Tensor) -> Tensor:
        return output if self._apply is None or site not in self.sites else self._apply(site, output)

    def _call(self, tensors: Leaves, x: Tensor) -> Tensor:
        self._hooks.begin()
        answer = functional_call(self.module, tensors, (x,))
        if not isinstance(answer, Tensor):
            raise TypeError(f"the model returned a {type(answer).__name__}")
        return answer

    def _shapes_for(self, leaves: Mapping[str, Tensor], buffers: Leaves, x: Tensor) -> dict[str, torch.Size]:
        """Return the shapes (B, ...) of the hidden activations for inputs like ``x``, found by looking once."""
        key = tuple(x.shape)
        if key not in self._shapes:
            seen: dict[str, torch.Size] = {}

            def look(site: str, output: Tensor) -> Tensor:
                seen[site] = output.shape
                return output

            self._apply = look
            try:
                tensors = {name: value[0] for name, value in {**leaves, **buffers}.items()}
                with torch.no_grad():
                    self._call(tensors, x.clone())
            finally:
                self._apply = None
            self._shapes[key] = seen
        return self._shapes[key]

    def gradients(
        self, leaves: Mapping[str, Tensor], buffers: Leaves, batch: Batch, loss: Loss, hidden: HiddenStage
    ) -> tuple[Tensor, Leaves]:
        """See Network."""
        self.module.train()
        draws: dict[str, dict[str, Tensor]] = {}
        if hidden.methods:
            shapes = self._shapes_for(leaves, buffers, batch.x[0])
            draws = {
                site: {name: hidden.draws(name, site, shape)[hidden.seed_of] for name in hidden.methods}
                for site, shape in shapes.items()
            }

        def objective(w: Leaves, b: Leaves, x: Tensor, y: Tensor, u: Any, numbers: Any) -> Tensor:
            def change(site: str, h: Tensor) -> Tensor:
                for name, method in hidden.methods.items():
                    h = method.apply(h, u[site][name], numbers[name])
                return h

            self._apply = change if hidden.methods else None
            z = self._call({**w, **b}, x)
            return loss(z.unsqueeze(0), y.unsqueeze(0)).mean()

        # contiguous: a forward may change its input in place, and members must not share it
        x, y = batch.for_members(batch.x).contiguous(), batch.for_members(batch.y)
        try:
            with torch.enable_grad():
                gradients, losses = vmap(grad_and_value(objective))(
                    dict(leaves), buffers, x, y, draws, {name: dict(v) for name, v in hidden.numbers.items()}
                )
        finally:
            self._apply = None
        return losses, gradients

    @torch.no_grad()
    def answers(self, leaves: Mapping[str, Tensor], buffers: Leaves, batch: Batch) -> Tensor:
        """See Network."""
        self.module.eval()

        def answer(w: Leaves, x: Tensor) -> Tensor:
            return self._call(w, x)

        found: Tensor = vmap(answer)({**leaves, **buffers}, batch.for_members(batch.x).contiguous())
        return found


def refusal(module: nn.Module, x: Tensor) -> str:
    """Return why ``vmap`` refuses two members of the module on a batch ``x`` (1, B, ...), in one line; empty if it
    does not.
    """
    probe = copy.deepcopy(module)
    stacked = {name: torch.stack([p.detach(), p.detach()]) for name, p in probe.named_parameters()}
    leaves = {name: stacked[name] for name, p in probe.named_parameters() if p.requires_grad}
    frozen = {name: value for name, value in stacked.items() if name not in leaves}
    hidden = HiddenStage({}, {}, [0], torch.zeros(2, dtype=torch.int64), x.device)
    batch = Batch(x, x.new_zeros(1, x.shape[1]), (slice(0, 2),), torch.zeros(2, dtype=torch.int64))
    network = Vmapped(probe, frozenset())
    try:
        with torch.random.fork_rng(devices=[]):
            network.gradients(leaves, frozen, batch, lambda z, y: z.flatten(2).sum(-1) - y, hidden)
            network.answers(leaves, frozen, batch)
    except Exception as error:  # whatever it is, the members then go one by one
        words = " ".join(str(error).split()) or type(error).__name__
        return f"vmap refuses it: {textwrap.shorten(words.removeprefix('vmap: '), 70, placeholder='...')}"
    return ""
