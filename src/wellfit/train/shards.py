"""A population in shards: parts that are trained side by side, an epoch at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, count, groupby, pairwise

import torch
from torch import Tensor, nn

from wellfit.record import EpochRow
from wellfit.train.affine import is_affine
from wellfit.train.choose import choose_network
from wellfit.train.crew import Crew
from wellfit.train.denormals import flushed
from wellfit.train.epoch import run_epoch, training_steps
from wellfit.train.events import Key
from wellfit.train.feed import feed_order
from wellfit.train.forked import Forks, can_fork, share
from wellfit.train.member import Member
from wellfit.train.network import Network
from wellfit.train.plan import Plan
from wellfit.train.population import Population
from wellfit.train.replicate import Replicate
from wellfit.train.sites import find_sites
from wellfit.train.start import start_modules


def shard_order(member: Member) -> tuple[bool, tuple[int, int, str]]:
    """Return the key by which members are ordered: those whose updates can be merged apart from the others."""
    return not is_affine(member), feed_order(member)


def cut(members: Sequence[Member], plan: Plan, *, apart: bool = True) -> list[slice]:
    """Return the shards of members in their order: of about equal size, no wider than the plan's width, as many at
    least as there are workers; with ``apart`` members whose updates can be merged and others are never together.

    >>> cut([], Plan())
    []
    """
    if not members:
        return []
    at_a_time = plan.workers * plan.width
    rounds = -(-len(members) // at_a_time)
    size = -(-len(members) // (rounds * plan.workers))
    parts, start = [], 0
    for _, same in groupby(members, key=lambda member: apart and is_affine(member)):
        count = len(list(same))
        pieces = -(-count // size)
        bounds = [start + count * piece // pieces for piece in range(pieces + 1)]
        parts += [slice(low, high) for low, high in pairwise(bounds)]
        start += count
    return parts


logger = logging.getLogger(__name__)


class Shards:
    """The shards of a population, each with a network of its own; they are cut anew when members have left."""

    def __init__(self, population: Population, plan: Plan, make_network: Callable[[], Network]) -> None:
        self.population, self.plan = population, plan
        self.make_network = make_network
        self._networks = [make_network()]
        self._parts: list[tuple[Population, Network]] = []
        forks = plan.processes and plan.workers > 1 and plan.threads == 1 and can_fork()
        self._crew = Forks(plan.workers) if forks else Crew(plan.workers, plan.threads)
        self.guarded = population.device.type == "cuda"
        """Whether running out of memory costs an epoch and not the training: it is begun anew with half the width."""

    @property
    def how(self) -> str:
        """How the members are computed."""
        return self._networks[0].how

    def run_epoch(
        self, replicates: Mapping[int, Replicate], epoch: int, scores: Mapping[Key, Sequence[float]]
    ) -> dict[Key, EpochRow]:
        """Train and measure all members for an epoch (``wellfit.train.epoch``)."""
        if not self._parts or sum(len(part) for part, _ in self._parts) != len(self.population):
            self._cut()

        def work(pair: tuple[Population, Network]) -> dict[Key, EpochRow]:
            return run_epoch(*pair, replicates, epoch, scores, self._crew.check)

        begun = self.population.t
        before = copied(self.population.tensors()) if self.guarded else {}
        found = None
        while found is None:
            try:
                found = self._crew.map(work, self._parts)
            except torch.OutOfMemoryError:
                widest = max(len(part) for part, _ in self._parts)
                if not before or widest == 1:
                    raise
            if found is None:  # outside of the except: the error's frames hold on to tensors
                self._narrow(widest // 2, before, begun)
        for part in (self.population, *(part for part, _ in self._parts)):
            part.t = begun + part.steps
        return {key: row for rows in found for key, row in rows.items()}

    def _narrow(self, width: int, tensors: Mapping[str, Tensor], t: int) -> None:
        """Go back to where the epoch began, with fewer members together from now on."""
        logger.warning("out of memory: %d members at a time from now on", width)
        self._parts, self._networks = [], []
        torch.cuda.empty_cache()
        self._networks = [self.make_network()]
        self.population.load(tensors, range(len(self.population)), t)
        self.plan = replace(self.plan, width=width)
        self._cut()

    def pace(self, replicates: Mapping[int, Replicate], at_least: float) -> float:
        """Return the seconds that a step takes, divided by the members that are computed at a time.

        Each worker trains a shard for ``at_least`` so many seconds, after half of that and a step which do not count: a
        process that was just forked copies every page that it writes.
        """
        self._cut()
        rates = self._crew.map(lambda pair: _rate(*pair, replicates, at_least), self._parts[: self.plan.workers])
        return 1 / sum(rates)

    def _cut(self) -> None:
        slices = cut(self.population.members, self.plan, apart=self._networks[0].merges)
        while len(self._networks) < len(slices):
            self._networks.append(self.make_network())
        if isinstance(self._crew, Forks):
            share(self.population.tensors().values())
        parts = [self.population.part(rows) for rows in slices]
        self._parts = list(zip(parts, self._networks, strict=False))

    def close(self) -> None:
        """Let the workers go."""
        self._crew.close()


def copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return copies on the CPU."""
    return {name: value.to("cpu", copy=True) for name, value in tensors.items()}


def start_population(
    members: Sequence[Member], replicates: Mapping[int, Replicate], device: torch.device
) -> tuple[Population, nn.Module]:
    """Return members of one structure as their seeds start them, and a network of theirs to make others of."""
    ordered = sorted(members, key=shard_order)
    modules = start_modules(ordered, replicates)
    first = replicates[ordered[0].sees]
    sites = find_sites(modules[0], first.shape)
    steps = -(-len(first.split.train) // ordered[0].recipe.batch_size)
    return Population(ordered, modules, sites=sites, steps=steps, device=device), modules[0]


def make_shards(population: Population, module: nn.Module, replicates: Mapping[int, Replicate], plan: Plan) -> Shards:
    """Return the population in shards, each with a network like ``module``."""
    members = population.members
    shape = replicates[members[0].sees].shape
    make_network = partial(
        choose_network, module, members, sites=population.sites, shape=shape, device=population.device, plan=plan
    )
    return Shards(population, plan, make_network)


def _rate(population: Population, network: Network, replicates: Mapping[int, Replicate], at_least: float) -> float:
    """Return how many members a second take a step."""
    population.begin_epoch(1, [() for _ in population.members])
    with flushed():
        endless = chain.from_iterable(training_steps(population, network, replicates, 1) for _ in count())
        next(endless)
        _steps(endless, at_least / 2)
        steps, seconds = _steps(endless, at_least)
    return len(population) * steps / seconds


def _steps(endless: Iterator[object], at_least: float) -> tuple[int, float]:
    """Take steps for at least so many seconds; return how many, and the seconds."""
    began = time.perf_counter()
    steps, seconds = 0, 0.0
    while seconds < at_least:
        next(endless)
        steps, seconds = steps + 1, time.perf_counter() - began
    return steps, seconds
