"""A population in shards: parts that are trained side by side, an epoch at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby, pairwise

from wellfit.record import EpochRow
from wellfit.train.affine import is_affine
from wellfit.train.crew import Crew
from wellfit.train.epoch import run_epoch
from wellfit.train.events import Key
from wellfit.train.feed import feed_order
from wellfit.train.member import Member
from wellfit.train.network import Network
from wellfit.train.plan import Plan
from wellfit.train.population import Population
from wellfit.train.replicate import Replicate


def shard_order(member: Member) -> tuple[bool, tuple[int, int, str]]:
    """Return the key by which members are ordered: those whose updates can be merged apart from the others."""
    return not is_affine(member), feed_order(member)


def cut(members: Sequence[Member], plan: Plan) -> list[slice]:
    """Return the shards of members in their order: of about equal size, no wider than the plan's width, as many at
    least as there are workers; members whose updates can be merged and others are never together.

    >>> cut([], Plan())
    []
    """
    if not members:
        return []
    at_a_time = plan.workers * plan.width
    rounds = -(-len(members) // at_a_time)
    size = -(-len(members) // (rounds * plan.workers))
    parts, start = [], 0
    for _, same in groupby(members, key=is_affine):
        count = len(list(same))
        pieces = -(-count // size)
        bounds = [start + count * piece // pieces for piece in range(pieces + 1)]
        parts += [slice(low, high) for low, high in pairwise(bounds)]
        start += count
    return parts


class Shards:
    """The shards of a population, each with a network of its own; they are cut anew when members have left."""

    def __init__(self, population: Population, plan: Plan, make_network: Callable[[], Network]) -> None:
        self.population, self.plan = population, plan
        self._make_network = make_network
        self._networks: list[Network] = []
        self._parts: list[tuple[Population, Network]] = []
        self._crew = Crew(plan.workers, plan.threads)

    def run_epoch(
        self, replicates: Mapping[int, Replicate], epoch: int, scores: Mapping[Key, Sequence[float]]
    ) -> dict[Key, EpochRow]:
        """Train and measure all members for an epoch (``wellfit.train.epoch``)."""
        if not self._parts or sum(len(part) for part, _ in self._parts) != len(self.population):
            self._cut()

        def work(pair: tuple[Population, Network]) -> dict[Key, EpochRow]:
            return run_epoch(*pair, replicates, epoch, scores, self._crew.check)

        found = self._crew.map(work, self._parts)
        self.population.t = self._parts[0][0].t
        return {key: row for rows in found for key, row in rows.items()}

    def _cut(self) -> None:
        slices = cut(self.population.members, self.plan)
        while len(self._networks) < len(slices):
            self._networks.append(self._make_network())
        parts = [self.population.part(rows) for rows in slices]
        self._parts = list(zip(parts, self._networks, strict=False))

    def close(self) -> None:
        """Let the workers go."""
        self._crew.close()
