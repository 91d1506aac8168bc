"""Comparable curves: loss and accuracy in evaluation mode, without penalty and augmentation, on fixed samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from wellfit.data.batches import at_a_time
from wellfit.data.stream import ahead
from wellfit.recipe import Recipe
from wellfit.recipe.loss import LossSpec
from wellfit.train.feed import group_members
from wellfit.train.hidden import HiddenStage
from wellfit.train.losses import Loss, make_loss, measured
from wellfit.train.member import Member
from wellfit.train.metrics import Counts
from wellfit.train.network import Batch, Leaves, Network, group_index, of_groups
from wellfit.train.replicate import Replicate

CHUNK = 512


def measure_of(recipe: Recipe, *, pixels: bool) -> Loss:
    """Return the loss that the recipe's curves report: its ``measure``, else its loss, without smoothing."""
    return make_loss(measured(cast(LossSpec, recipe.measure or recipe.loss)), pixels=pixels)


@dataclass(frozen=True)
class Score:
    """Means over samples for each member: float64 (P,)."""

    loss: Tensor
    accuracy: Tensor | None
    """Of samples, or of pixels; None for regression."""
    iou: Tensor | None = None
    """Mean intersection over union; None but for a segmentation."""
    losses: Tensor | None = None
    """Each sample's loss (P, N), where it was asked for and the loss has one of its own."""
    right: Tensor | None = None
    """Whether each sample's class was answered (P, N), where it was asked for."""


def evaluate(
    network: Network,
    leaves: Leaves,
    buffers: Leaves,
    members: Sequence[Member],
    replicates: dict[int, Replicate],
    which: Callable[[Replicate], Tensor],
    *,
    loss: Loss,
    device: torch.device,
    hidden: HiddenStage | None = None,
    each: bool = False,
) -> Score:
    """Return each member's score on the samples that ``which`` picks from its replicate; with ``each`` also what every
    sample came to.
    """
    groups = _by_replicate(members)
    used = [replicates[key] for key, _ in groups]
    rows = [which(replicate) for replicate in used]
    slices = tuple(part for _, part in groups)
    group_of = group_index(slices, device)
    samples = len(rows[0])
    total = torch.zeros(len(members), dtype=torch.float64, device=device)
    dataset = used[0].dataset
    right = torch.zeros_like(total)
    counts = Counts(len(members), dataset.outputs, device) if dataset.task == "segmentation" else None
    size = at_a_time(dataset.shape, most=CHUNK)
    whole: list[tuple[Tensor, Tensor]] = []
    of_each: list[Tensor] = []
    hits: list[Tensor] = []

    def read(start: int) -> list[Tensor]:
        return [r.raw(indices[start : start + size]) for r, indices in zip(used, rows, strict=True)]

    is_streamed = any(replicate.is_streamed for replicate in used)
    for start, raw in ahead(range(0, samples, size), read, when=is_streamed):
        parts = [indices[start : start + size] for indices in rows]
        x = [r.scale(r.unit(part, device=device)) for r, part in zip(used, raw, strict=True)]
        y = [r.targets(part, device=device) for r, part in zip(used, parts, strict=True)]
        truth = of_groups(torch.stack(y), slices, group_of)
        z = network.answers(leaves, buffers, Batch(torch.stack(x), truth, slices, group_of), hidden)
        if loss.of_batch:  # it means something for all samples at once
            whole.append((z, truth))
        else:
            losses = loss(z, truth)
            total += losses.sum(1, dtype=torch.float64)
            of_each += [losses] if each else []
        if dataset.task == "classification":
            hit = z.argmax(-1) == truth
            right += hit.sum(1)
            hits += [hit] if each else []
        if counts is not None:
            counts.add(z, truth)
    if whole:
        z, truth = torch.cat([z for z, _ in whole], 1), torch.cat([truth for _, truth in whole], 1)
        total += loss(z, truth).sum(1, dtype=torch.float64)
    own = [torch.cat(parts, 1) if parts else None for parts in (of_each, hits)]
    if counts is not None:
        return Score(total / samples, counts.accuracy, counts.iou, *own)
    return Score(total / samples, right / samples if dataset.task == "classification" else None, None, *own)


def _by_replicate(members: Sequence[Member]) -> list[tuple[int, slice]]:
    """Return the replicates' keys in order, each with the stretch of members that see it."""
    joined: list[tuple[int, slice]] = []
    for group in group_members(members):
        if joined and joined[-1][0] == group.sees:
            joined[-1] = (group.sees, slice(joined[-1][1].start, group.part.stop))
        else:
            joined.append((group.sees, group.part))
    return joined
