"""Members one after another: for any module, and the fastest way on a CPU where convolutions do the work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from wellfit.random import derive
from wellfit.train.hidden import HiddenStage, SiteHooks
from wellfit.train.losses import Loss
from wellfit.train.network import Batch, Leaves, Network


class OneByOne(Network):
    """One module that takes on each member's tensors in turn; hidden activations are reached by forward hooks.

    ``module`` is the network's own: it is changed.
    """

    def __init__(self, module: nn.Module, sites: frozenset[str], *, why: str) -> None:
        self.how = f"one by one ({why})"
        self.module = module
        self.sites = sites
        self._hidden: HiddenStage | None = None
        self._member = 0
        self._hooks = SiteHooks(module, self._change)
        self._parameters = dict(module.named_parameters())
        self._buffers = [name for name, _ in module.named_buffers()]

    def _change(self, site: str, output: Tensor) -> Tensor:
        if self._hidden is None or site not in self.sites:
            return output
        return self._hidden.apply_one(site, output, self._member)

    @contextmanager
    def _as_member(self, leaves: Mapping[str, Tensor], buffers: Leaves, member: int) -> Iterator[None]:
        """Give the module a member's tensors; afterwards take back the buffers, which it may have changed."""
        self._member = member
        for name, p in self._parameters.items():
            p.data = (leaves[name] if p.requires_grad else buffers[name])[member]
        for name in self._buffers:
            place, _, last = name.rpartition(".")
            self.module.get_submodule(place)._buffers[last] = buffers[name][member].clone()
        yield
        now = dict(self.module.named_buffers())
        for name in self._buffers:
            buffers[name][member] = now[name].detach()

    @contextmanager
    def _training(self, hidden: HiddenStage, device: torch.device) -> Iterator[None]:
        self.module.train()
        self._hidden = hidden
        try:
            with torch.enable_grad(), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
                yield
        finally:
            self._hidden = None

    def gradients(
        self, leaves: Mapping[str, Tensor], buffers: Leaves, batch: Batch, loss: Loss, hidden: HiddenStage
    ) -> tuple[Tensor, Leaves]:
        """See Network."""
        gradients = {name: torch.empty_like(w) for name, w in leaves.items()}
        losses = torch.empty(len(hidden.seed_of), device=batch.x.device)
        learned = {name: self._parameters[name] for name in leaves}
        with self._training(hidden, batch.x.device):
            for group, part in enumerate(batch.slices):
                for member in range(part.start, part.stop):
                    # what the module draws by itself belongs to the seed, epoch and step too
                    seed = hidden.seeds[int(hidden.seed_of[member])]
                    torch.manual_seed(derive(seed, "noise", "module", hidden.epoch, hidden.step))
                    with self._as_member(leaves, buffers, member):
                        z = self._answer(batch.x[group])
                        value = loss(z.unsqueeze(0), batch.y[group].unsqueeze(0)).mean()
                        found = torch.autograd.grad(value, list(learned.values()), allow_unused=True)
                    losses[member] = value.detach()
                    for name, g in zip(learned, found, strict=True):
                        gradients[name][member] = 0 if g is None else g
        return losses, gradients

    def _answer(self, x: Tensor) -> Tensor:
        self._hooks.begin()
        answer = self.module(x.clone())  # a forward may change its input in place; the others read it too
        if not isinstance(answer, Tensor):
            raise TypeError(f"the model returned a {type(answer).__name__}")
        return answer

    @torch.no_grad()
    def answers(self, leaves: Mapping[str, Tensor], buffers: Leaves, batch: Batch) -> Tensor:
        """See Network."""
        self.module.eval()
        found = []
        for group, part in enumerate(batch.slices):
            for member in range(part.start, part.stop):
                with self._as_member(leaves, buffers, member):
                    found.append(self._answer(batch.x[group]))
        return torch.stack(found)
