"""Members under ``torch.func.vmap``: any module that does not change its own state."""

from __future__ import annotations

import copy
import textwrap
from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap

from wellfit.regularize.stages import Activation, ActivationPenalty
from wellfit.train.draws import Draws
from wellfit.train.hidden import Acting, HiddenStage
from wellfit.train.losses import Loss
from wellfit.train.network import Affine, Batch, Leaves, Network, Objective, added
from wellfit.train.sites import SiteHooks, module_of

Change = Callable[[str, Tensor], Tensor]


class Vmapped(Network):
    """All members in one call; hidden activations are reached by forward hooks.

    ``module`` is the network's own: it is changed.
    """

    how = "vmap"

    def __init__(self, module: nn.Module, sites: Collection[str]) -> None:
        self.module = module
        self._shapes: dict[tuple[int, ...], dict[str, torch.Size]] = {}
        self._apply: Change | None = None
        self._hooks = SiteHooks(module, {module_of(site) for site in sites}, self._change)

    def _change(self, site: str, output: Tensor) -> Tensor:
        return output if self._apply is None else self._apply(site, output)

    def _call(self, tensors: Leaves, x: Tensor) -> Tensor:
        self._hooks.begin()
        answer = functional_call(self.module, tensors, (x,))
        if not isinstance(answer, Tensor):
            raise TypeError(f"the model returned a {type(answer).__name__}")
        return answer

    def _shapes_for(self, leaves: Mapping[str, Tensor], buffers: Leaves, x: Tensor) -> dict[str, torch.Size]:
        """Return the shapes (B, ...) of the values at the sites for inputs like ``x``, found by looking once."""
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
        self,
        leaves: Mapping[str, Tensor],
        buffers: Leaves,
        batch: Batch,
        objective: Objective,
        hidden: HiddenStage,
        update: Affine | None = None,
    ) -> tuple[Tensor, Tensor, Leaves]:
        """See Network."""
        self.module.train()
        draws = self._draws(leaves, buffers, batch, hidden)

        def total(w: Leaves, b: Leaves, x: Tensor, y: Tensor, u: Any, numbers: Any, own: Any) -> Any:
            found: list[Tensor] = []
            self._apply = _applied(hidden.places, u, numbers, found) if hidden.places else None
            z = self._call({**w, **b}, x)
            loss = objective.data(z, y)
            terms = [*objective.terms(z, own), *found]
            return added(loss, terms), (loss, added(torch.zeros_like(loss), terms))

        # contiguous: a forward may change its input in place, and members must not share it
        x = batch.for_members(batch.x).contiguous()
        numbers = {site: [dict(acting.numbers) for acting in each] for site, each in hidden.places.items()}
        try:
            with torch.enable_grad():
                gradients, (_, (losses, extra)) = vmap(grad_and_value(total, has_aux=True))(
                    dict(leaves), buffers, x, batch.y, draws, numbers, objective.numbers
                )
        finally:
            self._apply = None
        return losses, extra, gradients

    def _draws(
        self, leaves: Mapping[str, Tensor], buffers: Leaves, batch: Batch, hidden: HiddenStage
    ) -> dict[str, dict[str, Tensor]]:
        """Return the draws (P, ...) by site and method."""
        if not hidden.places:
            return {}
        shapes = self._shapes_for(leaves, buffers, batch.x[0])
        return {
            site: {
                acting.name: hidden.draws.of_members(acting.name, site, shapes[site], acting.method.draw)
                for acting in each
                if issubclass(acting.method, Activation)
            }
            for site, each in hidden.places.items()
            if site in shapes
        }

    @torch.no_grad()
    def answers(
        self, leaves: Mapping[str, Tensor], buffers: Leaves, batch: Batch, hidden: HiddenStage | None = None
    ) -> Tensor:
        """See Network."""
        self.module.eval()
        places = {} if hidden is None else hidden.places
        numbers = {site: [dict(acting.numbers) for acting in each] for site, each in places.items()}

        def answer(w: Leaves, x: Tensor, own: Any) -> Tensor:
            self._apply = _evaluated(places, own) if places else None
            return self._call(w, x)

        try:
            x = batch.for_members(batch.x).contiguous()
            found: Tensor = vmap(answer)({**leaves, **buffers}, x, numbers)
        finally:
            self._apply = None
        return found


Places = Mapping[str, Any]


def _applied(places: Places, u: Any, numbers: Any, found: list[Tensor]) -> Change:
    """Return what changes one member's activations, and adds its penalties to ``found``."""

    def change(site: str, h: Tensor) -> Tensor:
        each: list[tuple[Acting, Any]] = list(zip(places.get(site, ()), numbers.get(site, ()), strict=True))
        for acting, own in each:
            if issubclass(acting.method, ActivationPenalty):
                found.append(acting.method.value(h, own))
        for acting, own in each:
            if issubclass(acting.method, Activation):
                h = acting.method.apply(h, u[site][acting.name], own)
        return h

    return change


def _evaluated(places: Places, numbers: Any) -> Change:
    def change(site: str, h: Tensor) -> Tensor:
        for acting, own in zip(places.get(site, ()), numbers.get(site, ()), strict=True):
            if issubclass(acting.method, Activation) and acting.method.scales_evaluation:
                h = acting.method.evaluate(h, own)
        return h

    return change


def refusal(module: nn.Module, x: Tensor) -> str:
    """Return why ``vmap`` refuses two members of the module on a batch ``x`` (1, B, ...), in one line; empty if it
    does not.
    """
    probe = copy.deepcopy(module)
    stacked = {name: torch.stack([p.detach(), p.detach()]) for name, p in probe.named_parameters()}
    leaves = {name: stacked[name] for name, p in probe.named_parameters() if p.requires_grad}
    frozen = {name: value for name, value in stacked.items() if name not in leaves}
    hidden = HiddenStage({}, Draws([0], torch.zeros(2, dtype=torch.int64), x.device))
    batch = Batch(x, x.new_zeros(2, x.shape[1]), (slice(0, 2),), torch.zeros(2, dtype=torch.int64))
    network = Vmapped(probe, ())
    try:
        with torch.random.fork_rng(devices=[]):
            network.gradients(leaves, frozen, batch, Objective(Loss(lambda z, y: z.flatten(1).sum(-1) - y)), hidden)
            network.answers(leaves, frozen, batch)
    except Exception as error:  # whatever it is, the members then go one by one
        words = " ".join(str(error).split()) or type(error).__name__
        return f"vmap refuses it: {textwrap.shorten(words.removeprefix('vmap: '), 70, placeholder='...')}"
    return ""
