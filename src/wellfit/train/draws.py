"""The random numbers of a training step: a seed's own, read by all of its arms."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from wellfit.random import generator

Draw = Callable[[Sequence[int], torch.Generator], Tensor]


class Draws:
    """Makes each draw once a step, method, place and seed.

    A generator belongs to seed, method, place and epoch; it goes on from step to step within the epoch.
    """

    def __init__(self, seeds: Sequence[int], seed_of: Tensor, device: torch.device) -> None:
        self.seeds = list(seeds)
        self.seed_of = seed_of
        """int64 (P,): which of ``seeds`` a member has."""
        self.device = device
        self.epoch = 0
        self.step = 0
        self._generators: dict[tuple[str, str, int], torch.Generator] = {}
        self._made: dict[tuple[str, str], Tensor] = {}

    def begin_epoch(self, epoch: int) -> None:
        """Start the generators of an epoch; they depend on nothing that came before."""
        self.epoch, self.step = epoch, 0
        self._generators.clear()
        self._made.clear()

    def begin_step(self) -> None:
        """Forget the draws of the last step."""
        self.step += 1
        self._made.clear()

    def of_seeds(self, method: str, place: str, shape: Sequence[int], draw: Draw) -> Tensor:
        """Return this step's draws of a method at a place: (S, ...)."""
        made = self._made.get((method, place))
        if made is None:
            each = [draw(shape, self._generator(method, place, seed)) for seed in self.seeds]
            made = self._made[method, place] = torch.stack(each).to(self.device)
        return made

    def of_members(self, method: str, place: str, shape: Sequence[int], draw: Draw) -> Tensor:
        """Return this step's draws for each member (P, ...): those of its seed."""
        made = self.of_seeds(method, place, shape, draw)
        if len(self.seeds) == 1:
            return made.expand(len(self.seed_of), *made.shape[1:])
        return made.index_select(0, self.seed_of)

    def of_member(self, member: int, method: str, place: str, shape: Sequence[int], draw: Draw) -> Tensor:
        """Return this step's draws for one member."""
        return self.of_seeds(method, place, shape, draw)[int(self.seed_of[member])]

    def _generator(self, method: str, place: str, seed: int) -> torch.Generator:
        key = (method, place, seed)
        if key not in self._generators:
            self._generators[key] = generator(seed, "noise", method, place, self.epoch)
        return self._generators[key]
