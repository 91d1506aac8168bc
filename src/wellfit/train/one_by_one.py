"""Members one after another: for any module, and the fastest way on a CPU where convolutions do the work."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from wellfit.errors import ModelError
from wellfit.random import derive
from wellfit.train.hidden import HiddenStage
from wellfit.train.network import Affine, Batch, Leaves, Network, Objective, added
from wellfit.train.sites import SiteHooks, module_of


class OneByOne(Network):
    """One module that takes on each member's tensors in turn; hidden activations are reached by forward hooks.

    ``module`` is the network's own: it is changed.
    """

    def __init__(self, module: nn.Module, sites: Collection[str], *, why: str) -> None:
        self.how = f"one by one ({why})"
        self.module = module
        self._change: Callable[[str, Tensor], Tensor] | None = None
        self._hooks = SiteHooks(module, {module_of(site) for site in sites}, self._at_site)
        self._parameters = dict(module.named_parameters())
        self._buffers = [name for name, _ in module.named_buffers()]

    def _at_site(self, site: str, output: Tensor) -> Tensor:
        return output if self._change is None else self._change(site, output)

    @contextmanager
    def _as_member(self, leaves: Mapping[str, Tensor], buffers: Leaves, member: int) -> Iterator[None]:
        """Give the module a member's tensors; afterwards take back the buffers, which it may have changed."""
        for name, p in self._parameters.items():
            p.data = (leaves[name] if p.requires_grad else buffers[name])[member]
        for name in self._buffers:
            place, _, last = name.rpartition(".")
            self.module.get_submodule(place)._buffers[last] = buffers[name][member].clone()
        yield
        now = dict(self.module.named_buffers())
        for name in self._buffers:
            before, after = tuple(buffers[name].shape[1:]), tuple(now[name].shape)
            if before != after:
                what = f"the forward makes its buffer '{name}' of shape {before} one of shape {after}"
                raise ModelError("model", what, "buffers that keep their shape")
            buffers[name][member] = now[name].detach()

    @contextmanager
    def _training(self, device: torch.device) -> Iterator[None]:
        self.module.train()
        try:
            with torch.enable_grad(), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
                yield
        finally:
            self._change = None

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
        gradients = {name: torch.empty_like(w) for name, w in leaves.items()}
        losses = torch.empty(len(batch.y), device=batch.x.device)
        extra = torch.zeros_like(losses)
        learned = {name: self._parameters[name] for name in leaves}
        draws = hidden.draws
        with self._training(batch.x.device):
            for group, member in _grouped(batch):
                # what the module draws by itself belongs to the seed, epoch and step too
                seed = draws.seeds[int(draws.seed_of[member])]
                torch.manual_seed(derive(seed, "noise", "module", draws.epoch, draws.step))
                hidden.terms.clear()
                self._change = lambda site, h, member=member: hidden.apply_one(site, h, member)
                with self._as_member(leaves, buffers, member):
                    z = self._answer(batch.x[group])
                    loss = objective.data(z, batch.y[member])
                    numbers = [{name: v[member] for name, v in own.items()} for own in objective.numbers]
                    terms = [*objective.terms(z, numbers), *hidden.terms]
                    found = torch.autograd.grad(added(loss, terms), list(learned.values()), allow_unused=True)
                losses[member] = loss.detach()
                extra[member] = added(extra[member], terms).detach()
                for name, g in zip(learned, found, strict=True):
                    gradients[name][member] = 0 if g is None else g
        return losses, extra, gradients

    def _answer(self, x: Tensor) -> Tensor:
        self._hooks.begin()
        answer = self.module(x.clone())  # a forward may change its input in place; the others read it too
        if not isinstance(answer, Tensor):
            raise TypeError(f"the model returned a {type(answer).__name__}")
        return answer

    @torch.no_grad()
    def answers(
        self, leaves: Mapping[str, Tensor], buffers: Leaves, batch: Batch, hidden: HiddenStage | None = None
    ) -> Tensor:
        """See Network."""
        self.module.eval()
        found = []
        try:
            for group, member in _grouped(batch):
                if hidden is not None:
                    self._change = lambda site, h, member=member: hidden.evaluate_one(site, h, member)
                with self._as_member(leaves, buffers, member):
                    found.append(self._answer(batch.x[group]))
        finally:
            self._change = None
        return torch.stack(found)


def _grouped(batch: Batch) -> Iterator[tuple[int, int]]:
    """Yield each member with its group: (group, member)."""
    for group, part in enumerate(batch.slices):
        for member in range(part.start, part.stop):
            yield group, member
