"""Where in a network the activation methods act: found by looking at one forward pass, without editing the network."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from wellfit.models.activation import ACTIVATION_KINDS


def module_of(site: str) -> str:
    """Return the name of the module whose call a site is."""
    return site.partition("#")[0]


class SiteHooks:
    """Calls ``change(site, output)`` after every call of the modules ``names`` and puts its answer in place.

    A site is a call of a module: its name, and from the second call in one forward pass on a number (``act``,
    ``act#2``). What is no tensor is let through.
    """

    def __init__(self, module: nn.Module, names: Iterable[str], change: Callable[[str, Tensor], Tensor]) -> None:
        self._calls: Counter[str] = Counter()
        self._change = change
        wanted = set(names)
        for name, child in module.named_modules():
            if name in wanted:
                child.register_forward_hook(self._hook(name))

    def begin(self) -> None:
        """Begin a forward pass: count calls from one again."""
        self._calls.clear()

    def _hook(self, name: str) -> Any:
        def after(module: nn.Module, inputs: Any, output: Any) -> Any:
            self._calls[name] += 1
            number = self._calls[name]
            if not isinstance(output, Tensor):
                return output
            return self._change(name if number == 1 else f"{name}#{number}", output)

        return after


@dataclass(frozen=True)
class Sites:
    """The places of a network: the calls of its modules that answer a tensor, in their order."""

    shapes: Mapping[str, tuple[int, ...]]
    """The shape of one sample's values there (units...), by site."""
    hidden: tuple[str, ...]
    """The calls of activation modules, but for one whose output is the network's answer."""

    def matching(self, patterns: Sequence[str]) -> tuple[str, ...]:
        """Return the hidden activations, or with patterns the calls of the modules whose names match one of them."""
        if not patterns:
            return self.hidden
        return tuple(site for site in self.shapes if any(fnmatchcase(module_of(site), p) for p in patterns))


def find_sites(module: nn.Module, shape: Sequence[int]) -> Sites:
    """Return the places of a network for samples of ``shape``; a functional activation (``F.relu``) is not seen."""
    seen: list[tuple[str, Tensor]] = []

    def look(site: str, output: Tensor) -> Tensor:
        seen.append((site, output))
        return output

    probe = copy.deepcopy(module).eval()
    kinds = {name: isinstance(child, ACTIVATION_KINDS) for name, child in probe.named_modules() if name}
    SiteHooks(probe, kinds, look)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        answer = probe(torch.zeros(2, *shape))
    shapes = {site: tuple(output.shape[1:]) for site, output in seen if output.ndim > 1 and len(output) == 2}
    hidden = [site for site, output in seen if kinds[module_of(site)] and output is not answer and site in shapes]
    return Sites(shapes, tuple(hidden))
