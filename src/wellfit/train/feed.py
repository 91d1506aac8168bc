"""Stage 1 in a population: each seed's batches, gathered from the shared data and augmented once for all arms that
agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from wellfit.data import epoch_order
from wellfit.random import generator
from wellfit.regularize.batch.warp import compose, warp
from wellfit.regularize.stages import Warp
from wellfit.train.member import Member
from wellfit.train.network import Batch, group_index
from wellfit.train.replicate import Replicate

CHUNK = 1024
"""Samples that are gathered and augmented at a time: many batches a call, few enough to stay in the cache."""

Warps = tuple[tuple[str, Warp], ...]


def warps_of(member: Member) -> Warps:
    """Return the member's geometric augmentations that change anything, by name."""
    return tuple((name, m) for name, m in member.methods.items() if isinstance(m, Warp) and not m.is_off)


def feed_order(member: Member) -> tuple[int, str]:
    """Return the key by which members are ordered, so that those who share a batch stand together."""
    return member.seed, repr(warps_of(member))


@dataclass(frozen=True)
class Group:
    """Members that see the same batches: one seed, one set of augmentations."""

    seed: int
    warps: Warps
    part: slice


def group_members(members: Sequence[Member]) -> tuple[Group, ...]:
    """Return the groups of members that are ordered by ``feed_order``."""
    groups, start = [], 0
    for _, same in groupby(members, key=feed_order):
        together = list(same)
        groups.append(Group(together[0].seed, warps_of(together[0]), slice(start, start + len(together))))
        start += len(together)
    return tuple(groups)


class Feed:
    """The batches of a population's epochs."""

    def __init__(
        self, members: Sequence[Member], replicates: dict[int, Replicate], *, batch_size: int, device: torch.device
    ) -> None:
        self.groups = group_members(members)
        self.slices = tuple(group.part for group in self.groups)
        self.replicates = {group.seed: replicates[group.seed] for group in self.groups}
        self.group_of = group_index(self.slices, device)
        self.batch_size = batch_size
        self.device = device
        self.samples = len(next(iter(self.replicates.values())).split.train)

    @property
    def steps(self) -> int:
        """Steps of an epoch; the last batch may be smaller."""
        return -(-self.samples // self.batch_size)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of an epoch; each seed has its own order, which all of its arms follow."""
        orders = {seed: epoch_order(self.samples, seed=seed, epoch=epoch) for seed in self.replicates}
        draws = self._draws(epoch)
        chunk = max(1, CHUNK // self.batch_size) * self.batch_size
        for start in range(0, self.samples, chunk):
            stop = min(start + chunk, self.samples)
            x, y = self._chunk(orders, draws, start, stop)
            for at in range(0, stop - start, self.batch_size):
                rows = slice(at, min(at + self.batch_size, stop - start))
                yield Batch(x[:, rows], y[:, rows], self.slices, self.group_of)

    def _draws(self, epoch: int) -> dict[tuple[int, str], Tensor]:
        """Draw for every sample of the epoch what its augmentations need: by seed and method, not by arm."""
        needed = {(group.seed, name): method for group in self.groups for name, method in group.warps}
        return {
            (seed, name): method.draw(self.samples, generator(seed, "noise", name, epoch))
            for (seed, name), method in needed.items()
        }

    def _chunk(
        self, orders: dict[int, Tensor], draws: dict[tuple[int, str], Tensor], start: int, stop: int
    ) -> tuple[Tensor, Tensor]:
        """Return the groups' samples (G, n, ...) and targets (G, n, ...) at positions ``start`` to ``stop``."""
        xs, ys = [], []
        raw: dict[int, Tensor] = {}
        for group in self.groups:
            replicate = self.replicates[group.seed]
            rows = replicate.split.train[orders[group.seed][start:stop]]
            if group.seed not in raw:
                raw[group.seed] = replicate.gather(rows, device=self.device)
            x = raw[group.seed]
            if group.warps:
                matrix = compose([method.matrix(draws[group.seed, name][start:stop]) for name, method in group.warps])
                x = warp(x, matrix)
            xs.append(replicate.scale(x))
            ys.append(replicate.targets(rows, device=self.device))
        return torch.stack(xs), torch.stack(ys)
