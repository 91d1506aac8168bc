"""Members one after another: for any module, and the fastest way on a CPU where convolutions do the work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Literal

import torch
from torch import Tensor, nn

from wellfit.errors import ModelError
from wellfit.random import derive
from wellfit.train.convolution import pool_first, with_channels_last
from wellfit.train.hidden import HiddenStage
from wellfit.train.network import Affine, Batch, Leaves, Network, Objective, added
from wellfit.train.sites import SiteHooks, module_of

_RANDOM_STATE = threading.Lock()
"""PyTorch's own random state is the whole process's: who sets it and draws from it does so alone."""


class OneByOne(Network):
    """One module that takes on each member's tensors in turn; hidden activations are reached by forward hooks.

    Parameters
    ----------
    module
        The network's own: it is changed.
    sites
        Where hidden activations are changed or read.
    why
        Why members go one by one.
    channels_last
        Whether images are laid out with their channels last.
    precision
        ``bf16``: matrix products and convolutions of the forward pass, and their gradients, in bfloat16
        (``torch.autocast``); weights, losses, evaluation, what acts on hidden activations and the gradients that are
        returned stay float32.

    """

    def __init__(
        self,
        module: nn.Module,
        sites: Collection[str],
        *,
        why: str,
        channels_last: bool = False,
        precision: Literal["fp32", "bf16"] = "fp32",
    ) -> None:
        self.how = f"one by one ({why})"
        self.module = module
        self.draws_by_itself = True
        """Whether the module draws random numbers of its own: taken for granted until a training step has shown that it
        does not. Two such networks at a time wait for each other."""
        self._has_looked = False
        self._channels_last = channels_last
        self._precision = precision
        self._change: Callable[[str, Tensor], Tensor] | None = None
        names = {module_of(site) for site in sites}
        if channels_last:
            pool_first(module, names)
        self._hooks = SiteHooks(module, names, self._at_site)
        self._parameters = dict(module.named_parameters())
        self._buffers = [_place(module, name) for name, _ in module.named_buffers()]
        self._gradients: Leaves = {}

    def _at_site(self, site: str, output: Tensor) -> Tensor:
        if self._change is None:
            return output
        if self._precision == "fp32" or not self.module.training:
            return self._change(site, output)
        with torch.autocast(output.device.type, enabled=False):  # methods are float32
            return self._change(site, output.float()).to(output.dtype)

    def _give(self, leaves: Mapping[str, Tensor], buffers: Leaves, member: int) -> list[Tensor]:
        """Give the module a member's tensors; return the buffers, which it changes in place."""
        for name, p in self._parameters.items():
            p.data = (leaves[name] if p.requires_grad else buffers[name])[member]
        given = [buffers[name][member].detach() for name, _, _ in self._buffers]
        for value, (_, place, last) in zip(given, self._buffers, strict=True):
            place._buffers[last] = value
        return given

    def _take_back(self, buffers: Leaves, member: int, given: list[Tensor]) -> None:
        """Copy the buffers in whose place the module has put others."""
        for before, (name, place, last) in zip(given, self._buffers, strict=True):
            now = place._buffers[last]
            if now is before or now is None:
                continue
            if now.shape != before.shape:
                shapes = f"of shape {tuple(before.shape)} one of shape {tuple(now.shape)}"
                what = f"the forward makes its buffer '{name}' {shapes}"
                raise ModelError("model", what, "buffers that keep their shape")
            buffers[name][member] = now.detach()

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
        gradients = self._room(leaves)
        losses = torch.empty(len(batch.y), device=batch.x.device)
        extra = torch.zeros_like(losses)
        learned = [self._parameters[name] for name in leaves]
        drawn = False
        try:
            with torch.enable_grad(), self._own_random(batch.x.device):
                for x, member in self._each(batch):
                    before = self._seed(hidden, member)
                    hidden.terms.clear()
                    self._change = lambda site, h, member=member: hidden.apply_one(site, h, member)
                    given = self._give(leaves, buffers, member)
                    z = self._answer(x)
                    loss = objective.data(z, batch.y[member])
                    numbers = [{name: v[member] for name, v in own.items()} for own in objective.numbers]
                    terms = [*objective.terms(z, numbers), *hidden.terms]
                    found = torch.autograd.grad(added(loss, terms), learned, allow_unused=True)
                    self._take_back(buffers, member, given)
                    drawn = drawn or (before is not None and not torch.equal(before, _random_state(batch.x.device)))
                    losses[member] = loss.detach()
                    extra[member] = added(extra[member], terms).detach()
                    for place, g in zip(gradients.values(), found, strict=True):
                        place[member] = 0 if g is None else g
        finally:
            self._change = None
        if not self._has_looked:
            self.draws_by_itself, self._has_looked = drawn, True
        return losses, extra, gradients

    def _room(self, leaves: Mapping[str, Tensor]) -> Leaves:
        """Return tensors for the gradients, those of the last step where they fit."""
        for name, w in leaves.items():
            room = self._gradients.get(name)
            if room is None or _form(room) != _form(w):
                self._gradients[name] = torch.empty_like(w)
        return {name: self._gradients[name] for name in leaves}

    @contextmanager
    def _own_random(self, device: torch.device) -> Iterator[None]:
        """Leave PyTorch's random state as it was found."""
        if not self.draws_by_itself:
            yield
            return
        with _RANDOM_STATE, torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield

    def _seed(self, hidden: HiddenStage, member: int) -> Tensor | None:
        """Seed what the module draws by itself, which belongs to the seed, epoch and step too.

        Return the random state if it is to be compared.
        """
        if not self.draws_by_itself:
            return None
        draws = hidden.draws
        seed = draws.seeds[int(draws.seed_of[member])]
        torch.manual_seed(derive(seed, "noise", "module", draws.epoch, draws.step))
        return None if self._has_looked else _random_state(draws.device)

    def _each(self, batch: Batch) -> Iterator[tuple[Tensor, int]]:
        """Yield each member with samples of its own: a forward may change them in place."""
        for group, part in enumerate(batch.slices):
            x = with_channels_last(batch.x[group]) if self._channels_last else batch.x[group]
            for member in range(part.start, part.stop):
                yield x.clone(), member

    def _answer(self, x: Tensor) -> Tensor:
        self._hooks.begin()
        rounds = self._precision == "bf16" and self.module.training
        # without the cache of rounded weights: the same parameter has another member's weights the next time
        with torch.autocast(x.device.type, torch.bfloat16, cache_enabled=False) if rounds else nullcontext():
            answer = self.module(x)
        if not isinstance(answer, Tensor):
            raise TypeError(f"the model returned a {type(answer).__name__}")
        return answer.float() if rounds else answer

    @torch.no_grad()
    def answers(
        self, leaves: Mapping[str, Tensor], buffers: Leaves, batch: Batch, hidden: HiddenStage | None = None
    ) -> Tensor:
        """See Network."""
        self.module.eval()
        found = []
        try:
            for x, member in self._each(batch):
                if hidden is not None:
                    self._change = lambda site, h, member=member: hidden.evaluate_one(site, h, member)
                given = self._give(leaves, buffers, member)
                found.append(self._answer(x))
                self._take_back(buffers, member, given)
        finally:
            self._change = None
        return torch.stack(found)


def _place(module: nn.Module, name: str) -> tuple[str, nn.Module, str]:
    """Return a buffer's name, the module that holds it and its name there."""
    place, _, last = name.rpartition(".")
    return name, module.get_submodule(place), last


def _form(tensor: Tensor) -> tuple[object, ...]:
    return tensor.shape, tensor.stride(), tensor.dtype, tensor.device


def _random_state(device: torch.device) -> Tensor:
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()
