"""Stage 1 in a population: each seed's batches, gathered from the shared data and augmented once for all arms that
agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from wellfit.data import VOID, epoch_order
from wellfit.data.batches import at_a_time
from wellfit.data.stream import ahead
from wellfit.random import generator
from wellfit.regularize.batch.augment import Steps, augment, augment_masks
from wellfit.regularize.stages import Augmentation, Displacement, Mix, TargetRule, Warp
from wellfit.train.active import Active
from wellfit.train.member import Member
from wellfit.train.network import Batch, group_index, of_groups
from wellfit.train.replicate import Replicate
from wellfit.train.room import Room

CHUNK = 1024
"""Samples that are gathered and augmented at a time: many batches a call, few enough to stay in the cache."""

CHUNK_NUMBERS = 2**22
"""Numbers that they have together at most, unless one batch has more: large images are fewer at a time."""

PIECE_NUMBERS = 2**17
"""Numbers that are scaled at a time where nothing is augmented; the samples of a batch have more if need be."""

Augmentations = tuple[tuple[str, Augmentation], ...]
Mixes = tuple[tuple[str, Mix], ...]


def augmentations_of(member: Member) -> Augmentations:
    """Return the member's augmentations that change anything, by name."""
    return tuple((name, m) for name, m in member.methods.items() if isinstance(m, Augmentation) and not m.is_off)


def mixes_of(member: Member) -> Mixes:
    """Return what mixes the samples of the member's batches, by name."""
    return tuple((name, m) for name, m in member.methods.items() if isinstance(m, Mix) and not m.is_off)


def feed_order(member: Member) -> tuple[int, int, str]:
    """Return the key by which members are ordered, so that those who share a batch stand together."""
    return member.seed, member.sees, repr((augmentations_of(member), mixes_of(member)))


def chunks(samples: int, batch_size: int, shape: Sequence[int]) -> list[range]:
    """Return the stretches of an epoch that are augmented at a time, in whole batches; each has draws of its own.

    ``shape`` is that of a sample as the data holds it.
    """
    size = max(1, at_a_time(shape, most=CHUNK, numbers=CHUNK_NUMBERS) // batch_size) * batch_size
    return [range(start, min(start + size, samples)) for start in range(0, samples, size)]


@dataclass(frozen=True)
class Group:
    """Members that see the same batches: one seed and replicate, one way to augment and mix."""

    seed: int
    sees: int
    """The key of the replicate."""
    augmentations: Augmentations
    mixes: Mixes
    part: slice


def group_members(members: Sequence[Member]) -> tuple[Group, ...]:
    """Return the groups of members that are ordered by ``feed_order``."""
    groups, start = [], 0
    for _, same in groupby(members, key=feed_order):
        together = list(same)
        first = together[0]
        part = slice(start, start + len(together))
        groups.append(Group(first.seed, first.sees, augmentations_of(first), mixes_of(first), part))
        start += len(together)
    return tuple(groups)


class Feed:
    """The batches of a population's epochs; ``rules`` change the targets by each member's numbers."""

    def __init__(
        self,
        members: Sequence[Member],
        replicates: Mapping[int, Replicate],
        *,
        batch_size: int,
        device: torch.device,
        rules: Sequence[Active] = (),
    ) -> None:
        self.groups = group_members(members)
        self.slices = tuple(group.part for group in self.groups)
        self.replicates = {group.sees: replicates[group.sees] for group in self.groups}
        self.last_of = {group.sees: group for group in self.groups}
        self.room, self.like = Room(), torch.empty(0, device=device)
        self.group_of = group_index(self.slices, device)
        self.batch_size = batch_size
        self.device = device
        self.rules = rules
        first = next(iter(self.replicates.values()))
        self.samples = len(first.split.train)
        self.shape = first.dataset.shape
        mixing = any(group.mixes for group in self.groups)
        self.classes = first.dataset.outputs if first.dataset.task == "classification" else 0
        self.soft = bool(self.classes) and (mixing or bool(rules))

    @property
    def steps(self) -> int:
        """Steps of an epoch; the last batch may be smaller."""
        return -(-self.samples // self.batch_size)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of an epoch; each seed has its own order, which all of its arms follow.

        A batch holds until the next one is asked for.
        """
        orders = {group.sees: epoch_order(self.samples, seed=group.seed, epoch=epoch) for group in self.groups}
        is_streamed = any(replicate.is_streamed for replicate in self.replicates.values())

        def read(chunk: range) -> dict[int, Tensor]:
            return {
                key: replicate.raw(replicate.split.train[orders[key][chunk.start : chunk.stop]])
                for key, replicate in self.replicates.items()
            }

        for chunk, raw in ahead(chunks(self.samples, self.batch_size, self.shape), read, when=is_streamed):
            for part, own in self._pieces(chunk, raw):
                x, y = self._chunk(orders, part, epoch, own)
                for at in range(0, len(part), self.batch_size):
                    rows = slice(at, min(at + self.batch_size, len(part)))
                    yield self._batch(x[:, rows], y[:, rows], epoch, part.start + at)
                del x, y

    def _pieces(self, chunk: range, raw: Mapping[int, Tensor]) -> Iterator[tuple[range, dict[int, Tensor]]]:
        """Yield parts of a chunk, in whole batches, with their samples as the data holds them.

        A chunk that is augmented stays whole, as its draws belong to all of it.
        """
        size = len(chunk)
        if not any(group.augmentations for group in self.groups):
            size = at_a_time(self.shape, most=size, numbers=PIECE_NUMBERS) // self.batch_size * self.batch_size
        size = max(size, min(self.batch_size, len(chunk)))
        for start in range(0, len(chunk), size):
            part = chunk[start : start + size]
            yield part, {key: samples[start : start + size] for key, samples in raw.items()}

    def _chunk(
        self, orders: Mapping[int, Tensor], chunk: range, epoch: int, raw: Mapping[int, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return the groups' samples (G, n, ...), augmented and scaled, and their targets (G, n, ...)."""
        ys = []
        first = next(iter(self.replicates.values()))
        xs = self.room.take("x", self.like, len(self.groups), len(chunk), *first.shape)
        units = {key: self.replicates[key].unit(samples, device=self.device) for key, samples in raw.items()}
        for group, scaled in zip(self.groups, xs, strict=True):
            replicate = self.replicates[group.sees]
            rows = replicate.split.train[orders[group.sees][chunk.start : chunk.stop]]
            last = group is self.last_of[group.sees]
            x = units.pop(group.sees) if last else units[group.sees]
            augmented(x, replicate, group.augmentations, epoch, chunk, out=scaled)
            y = replicate.targets(rows, device=self.device)
            if replicate.pixels:
                y = augmented_masks(y, replicate, group.augmentations, epoch, chunk)
            ys.append(F.one_hot(y, self.classes).float() if self.soft else y)
        return xs, torch.stack(ys)

    def _batch(self, x: Tensor, y: Tensor, epoch: int, position: int) -> Batch:
        """Return the batch whose first sample is at a position of the epoch: mixed, and with each member's targets."""
        if any(group.mixes for group in self.groups):
            pairs = [mixed(x[i], y[i], group.seed, group.mixes, epoch, position) for i, group in enumerate(self.groups)]
            x, y = torch.stack([pair[0] for pair in pairs]), torch.stack([pair[1] for pair in pairs])
        targets = of_groups(y, self.slices, self.group_of)
        for one in self.rules:
            beside = {name: value.view(-1, 1, 1) for name, value in one.numbers.items()}
            targets = cast(type[TargetRule], one.method).apply(targets, beside)
        return Batch(x, targets, self.slices, self.group_of)


def augmented(
    x: Tensor,
    replicate: Replicate,
    methods: Augmentations,
    epoch: int,
    chunk: range,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """Return a chunk of an epoch's samples (n, ...) augmented and scaled, by draws of the seed, epoch and chunk; in
    ``out`` if there is one.

    Images are augmented as they came, where 0 is black; vectors and sequences in standard deviations.
    """
    is_image = replicate.dataset.kind == "image"
    if not methods:
        return replicate.scale(x, out=out)
    x = x if is_image else replicate.scale(x)
    x = augment(x, _drawn(x.shape, x.device, replicate.seed, methods, epoch, chunk))
    if is_image:
        return replicate.scale(x, out=out)
    return x if out is None else out.copy_(x)


def augmented_masks(y: Tensor, replicate: Replicate, methods: Augmentations, epoch: int, chunk: range) -> Tensor:
    """Return the masks uint8 (n, H, W) of a chunk of an epoch's images, moved as ``augmented`` moves the images."""
    if not methods:
        return y
    shape = replicate.dataset.shape
    steps = _drawn((len(y), *shape), y.device, replicate.seed, methods, epoch, chunk)
    return augment_masks(y, steps, shape, outside=VOID)


def _drawn(
    shape: Sequence[int], device: torch.device, seed: int, methods: Augmentations, epoch: int, chunk: range
) -> Steps:
    """Return the augmentations of a chunk of ``shape`` (n, ...) with their draws."""
    steps = []
    for name, method in methods:
        u = method.draw(shape[0], shape[1:], generator(seed, "noise", name, epoch, chunk.start))
        # matrices and fields are small and made on the CPU; what draws for every pixel follows the data
        steps.append((method, u if isinstance(method, Warp | Displacement) else u.to(device)))
    return steps


def mixed(x: Tensor, y: Tensor, seed: int, methods: Mixes, epoch: int, position: int) -> tuple[Tensor, Tensor]:
    """Return a batch with its samples mixed, by draws of the seed, epoch and the batch's position in it."""
    for name, method in methods:
        u = method.draw(len(x), generator(seed, "noise", name, epoch, position))
        x, y = method.apply(x, y, tuple(one.to(x.device) for one in u))
    return x, y
