"""Stage 2 in a population: where the hidden activations are, and the draws that members of a seed share there."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from wellfit.models.activation import ACTIVATIONS
from wellfit.random import generator
from wellfit.regularize.stages import Activation

_KINDS: tuple[type[nn.Module], ...] = (
    *ACTIVATIONS.values(),
    nn.PReLU,
    nn.ReLU6,
    nn.SELU,
    nn.Hardswish,
    nn.Hardtanh,
    nn.Softplus,
    nn.Mish,
    nn.CELU,
)


class SiteHooks:
    """Calls ``change(site, output)`` after every activation module of a network and puts its answer in place.

    A site is a call of an activation module: its name, and from the second call in one forward pass on a number
    (``act``, ``act#2``). A functional activation (``F.relu``) is not seen.
    """

    def __init__(self, module: nn.Module, change: Callable[[str, Tensor], Tensor]) -> None:
        self._calls: Counter[str] = Counter()
        self._change = change
        for name, child in module.named_modules():
            if isinstance(child, _KINDS):
                child.register_forward_hook(self._hook(name))

    def begin(self) -> None:
        """Begin a forward pass: count calls from one again."""
        self._calls.clear()

    def _hook(self, name: str) -> Any:
        def after(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
            self._calls[name] += 1
            number = self._calls[name]
            return self._change(name if number == 1 else f"{name}#{number}", output)

        return after


def hidden_sites(module: nn.Module, shape: Sequence[int]) -> frozenset[str]:
    """Return the sites of a network's hidden activations, found by one forward pass of samples of ``shape``.

    The activation whose output is the network's answer is not hidden.
    """
    seen: list[tuple[str, Tensor]] = []

    def look(site: str, output: Tensor) -> Tensor:
        seen.append((site, output))
        return output

    probe = copy.deepcopy(module).eval()
    SiteHooks(probe, look)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        answer = probe(torch.zeros(2, *shape))
    return frozenset(site for site, output in seen if output is not answer)


@dataclass
class HiddenStage:
    """Applies the activation methods of all members at a place of the network.

    ``numbers`` holds (P,) tensors by method and field; ``seed_of`` (P,) says which of ``seeds`` a member has. Draws are
    made once a step, place and seed, (S, B, ...), and read by every member of that seed.
    """

    methods: Mapping[str, type[Activation]]
    numbers: Mapping[str, Mapping[str, Tensor]]
    seeds: Sequence[int]
    seed_of: Tensor
    device: torch.device
    epoch: int = 0
    step: int = 0
    _generators: dict[tuple[str, str, int], torch.Generator] = field(default_factory=dict)
    _draws: dict[tuple[str, str], Tensor] = field(default_factory=dict)

    def begin_epoch(self, epoch: int) -> None:
        """Start the generators of an epoch; they depend on nothing that came before."""
        self.epoch, self.step = epoch, 0
        self._generators.clear()
        self._draws.clear()

    def begin_step(self) -> None:
        """Forget the draws of the last batch."""
        self.step += 1
        self._draws.clear()

    def draws(self, method: str, site: str, shape: Sequence[int]) -> Tensor:
        """Return this step's draws (S, B, ...) of a method at a site for activations of ``shape`` (B, ...)."""
        made = self._draws.get((method, site))
        if made is None:
            each = [self.methods[method].draw(shape, self._generator(method, site, seed)) for seed in self.seeds]
            made = self._draws[method, site] = torch.stack(each).to(self.device)
        return made

    def _generator(self, method: str, site: str, seed: int) -> torch.Generator:
        key = (method, site, seed)
        if key not in self._generators:
            self._generators[key] = generator(seed, "noise", method, site, self.epoch)
        return self._generators[key]

    def apply(self, site: str, h: Tensor) -> Tensor:
        """Return the changed activations of all members; ``h`` is (P, B, ...)."""
        for name, method in self.methods.items():
            u = self.draws(name, site, h.shape[1:])
            u = u.expand(len(h), *u.shape[1:]) if len(self.seeds) == 1 else u.index_select(0, self.seed_of)
            numbers = {key: value.view(-1, *[1] * (h.ndim - 1)) for key, value in self.numbers[name].items()}
            h = method.apply(h, u, numbers)
        return h

    def apply_one(self, site: str, h: Tensor, member: int) -> Tensor:
        """Return the changed activations of one member; ``h`` is (B, ...)."""
        for name, method in self.methods.items():
            u = self.draws(name, site, h.shape)[int(self.seed_of[member])]
            h = method.apply(h, u, {key: value[member] for key, value in self.numbers[name].items()})
        return h
