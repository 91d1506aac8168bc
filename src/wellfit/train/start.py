"""Where a training starts: which members make a population, and their networks as their seeds initialize them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import groupby
from typing import cast

from torch import nn

from wellfit.models import build
from wellfit.models.init import initialize
from wellfit.recipe import ModelSpec
from wellfit.train.member import Member
from wellfit.train.replicate import Replicate


def populations(members: Sequence[Member], *, sizes: Callable[[Member], Hashable] = lambda _: 0) -> list[list[Member]]:
    """Return the members grouped by structure and by ``sizes``, in the order in which these first appear.

    ``sizes`` says of a member how many samples its seed trains, validates and is probed on: folds, groups and what a
    plan leaves differ in size, and members in lockstep have batches of the same sizes.
    """
    kinds = [(member.structure, sizes(member)) for member in members]
    first = {kind: at for at, kind in reversed(list(enumerate(kinds)))}
    ordered = sorted(zip(members, kinds, strict=True), key=lambda pair: first[pair[1]])
    return [[member for member, _ in group] for _, group in groupby(ordered, key=lambda pair: pair[1])]


COPIES = 6
"""Tensors as large as a member's weights that its training holds: weights, best ones, gradients, the optimizer's."""


def within_memory(
    members: Sequence[Member], replicates: Mapping[int, Replicate], limit: int | None
) -> list[list[Member]]:
    """Return a population's members in parts that fit into ``limit`` bytes one after another; an arm stays together.

    Counted are the weights and what is as large as they are; activations are a matter of the plan's width.
    """
    if limit is None:
        return [list(members)]
    (module,) = start_modules(members[:1], replicates)
    each = COPIES * sum(value.numel() * value.element_size() for value in module.state_dict().values())
    most = max(1, limit // each)
    if len(members) <= most:
        return [list(members)]
    parts: list[list[Member]] = []
    for _, arm in groupby(sorted(members, key=lambda member: member.arm), key=lambda member: member.arm):
        own = list(arm)
        if parts and len(parts[-1]) + len(own) <= most:
            parts[-1] += own
        else:
            parts.append(own)
    return parts


def start_modules(members: Sequence[Member], replicates: Mapping[int, Replicate]) -> list[nn.Module]:
    """Return each member's network as its seed initializes it; members of a seed that initialize alike start equal."""
    made: dict[tuple[int, str], nn.Module] = {}
    for member in members:
        key = member.seed, repr(member.recipe.init)
        if key not in made:
            replicate = replicates[member.sees]
            spec = cast(ModelSpec, member.recipe.model)
            made[key] = build(
                spec,
                shape=replicate.shape,
                outputs=replicate.dataset.outputs,
                seed=member.seed,
                pixels=replicate.pixels,
            )
            initialize(made[key], member.recipe.init, member.seed)
    return [copy.deepcopy(made[member.seed, repr(member.recipe.init)]) for member in members]
