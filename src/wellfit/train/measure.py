"""Which plan is the fastest, found by trying: a few steps of each candidate, side by side in one run.

One question after another is asked, each with the answers so far: how many workers and threads, which way to compute,
which layout, how many members together, and at last which precision. Each answer is the median of interleaved rounds.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import torch
from torch import Tensor

from wellfit.data.memory import keep_freed
from wellfit.train.choose import default_plan, ways
from wellfit.train.convolution import layouts
from wellfit.train.denormals import flushed
from wellfit.train.epoch import training_steps
from wellfit.train.forked import can_fork
from wellfit.train.member import Member
from wellfit.train.plan import MOST_MEMBERS, Plan
from wellfit.train.precision import STEPS, Agreement, Precision, has_bf16, probe
from wellfit.train.replicate import Replicate
from wellfit.train.shards import make_shards, shard_order, start_population

MOST_TRIED = 64
"""Members that a candidate is tried with, at most."""

SHARE = 0.02
"""Of a training's time that may be spent on finding out how to do it."""

WORTH = 5.0
"""Seconds of training below which nothing is measured: the rule is good enough."""

LONG_EPOCH = 1.0
"""Seconds of an epoch from which processes are tried as workers: for each epoch they are forked anew."""

LONG = 60.0
"""Seconds of training from which it is asked whether rounding to bfloat16 is worth it."""

ROUNDS = 3
"""Times that each candidate is tried, in turn with the others."""

CLEARLY = 0.95
"""A candidate takes at most this much of the time of the best so far to be chosen instead, in the median of the rounds;
and in none of them is it the other way round."""

TRIAL_SECONDS = 0.06
"""Seconds that a trial takes at least; a step that is longer is timed alone."""

LEAST_BUDGET = 0.5
"""Seconds that are spent on it in any case."""

MOST_PROBED = 8
"""Members that the probe of bfloat16 trains, at most."""

WIDTHS = (4, 16)
"""Of shards that are tried, beside all members of a worker."""


@dataclass(frozen=True)
class Trial:
    """A candidate and how long it took."""

    plan: Plan
    seconds: tuple[float, ...]
    """Of each round: a step of all members that were computed, divided by their number."""

    @property
    def median(self) -> float:
        """The median."""
        return statistics.median(self.seconds)


@dataclass(frozen=True)
class Measured:
    """The plan that was found, and what it was found by."""

    plan: Plan
    trials: tuple[Trial, ...]
    """Everything that was measured, the rule's plan first."""
    total: float
    """Seconds that the training would take by the rule's plan, about."""
    agreement: Agreement | None = None
    """Of the losses in bf16 with those in fp32, where that was asked."""


class Bench:
    """Members to try plans with; what is trained here is thrown away."""

    def __init__(self, members: Sequence[Member], replicates: Mapping[int, Replicate], device: torch.device) -> None:
        keep_freed()  # as the training does
        self.members = sorted(members, key=shard_order)[:MOST_TRIED]
        self.replicates, self.device = replicates, device
        self.population, self.module = start_population(self.members, replicates, device)
        self.shape = replicates[self.members[0].sees].shape
        self.forks = False
        """Whether workers may be processes."""

    def seconds(self, plan: Plan) -> float:
        """Return the seconds of a step, divided by the members that it computes; infinity where memory runs out."""
        try:
            with closing(make_shards(self.population, self.module, self.replicates, plan)) as shards:
                return shards.pace(self.replicates, TRIAL_SECONDS)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            return math.inf

    def losses(self, plan: Plan, precision: Precision) -> Tensor:
        """Return the losses (T, P) before each of the first ``STEPS`` steps in a precision."""
        some = self.members[:: -(-len(self.members) // MOST_PROBED)]
        population, module = start_population(some, self.replicates, self.device)
        population.begin_epoch(1, [() for _ in some])
        alone = replace(plan, precision=precision, workers=1, width=MOST_MEMBERS)
        network = make_shards(population, module, self.replicates, alone).make_network()
        with flushed():
            steps = islice(training_steps(population, network, self.replicates, 1), STEPS)
            return torch.stack([done.losses.clone() for done in steps])


def find_plan(
    members: Sequence[Member],
    replicates: Mapping[int, Replicate],
    device: torch.device,
    *,
    asked: Callable[[Plan], Plan] = lambda plan: plan,
    bf16: bool = False,
    least: float = WORTH,
) -> Measured:
    """Return the fastest plan for members of one structure.

    Parameters
    ----------
    members, replicates, device
        As ``fit`` takes them.
    asked
        Puts what the user has asked for into a plan; what it changes is not measured.
    bf16
        Whether bfloat16 may be chosen: for trainings of at least ``LONG`` where it is faster, by ``CLEARLY``, and a
        probe shows that the losses agree.
    least
        Seconds of training from which measuring is worth it; below, the rule's plan is taken.

    """
    bench = Bench(members, replicates, device)
    rule = asked(default_plan(members, bench.module, shape=bench.shape, device=device))
    search = _Search(bench, rule, asked)
    steps = -(-len(replicates[members[0].sees].split.train) // members[0].recipe.batch_size)
    each = search.first()
    total = each * steps * sum(member.recipe.epochs for member in members)
    streamed = any(replicate.is_streamed for replicate in replicates.values())
    bench.forks = can_fork() and not streamed and each * steps * len(members) >= LONG_EPOCH
    if total < least:
        return Measured(rule, tuple(search.trials()), total)
    search.budget = max(total * SHARE, LEAST_BUDGET)
    for question in (_crews, _processes, _ways, _layouts, _widths):
        search.ask(question(search.best, bench))
    agreement = None
    if bf16 and total >= LONG and _can_halve(search.best, bench):
        faster = search.ask([replace(search.best, precision="bf16")])
        if faster:
            agreement = probe(partial(bench.losses, search.best))
            if not agreement.agrees:
                search.best = replace(search.best, precision=rule.precision)
    return Measured(search.best, tuple(search.trials()), total, agreement)


class _Search:
    """Trials so far, and the best plan by them."""

    def __init__(self, bench: Bench, rule: Plan, asked: Callable[[Plan], Plan]) -> None:
        self.bench, self.best, self.asked = bench, rule, asked
        self.budget = math.inf
        self._seconds: dict[Plan, list[float]] = {}
        self._spent = 0.0

    def first(self) -> float:
        """Try the rule's plan once; return the seconds of a step and member."""
        self._try(self.best)
        return self._seconds[self.best][0]

    def ask(self, plans: Sequence[Plan]) -> bool:
        """Try these plans against the best so far, in turn, as often as the budget allows; take the fastest."""
        new = [plan for plan in dict.fromkeys(map(self.asked, plans)) if plan not in self._seconds]
        each = self._spent / max(1, sum(map(len, self._seconds.values())))
        if not new or self._spent + each * ROUNDS * (len(new) + 1) > self.budget:
            return False
        rounds = [[self._try(plan) for plan in (self.best, *new)] for _ in range(ROUNDS)]
        # what runs out of memory takes forever, and is no better than another that does
        ratios = [[other / before if other < math.inf else math.inf for other in others] for before, *others in rounds]
        # on a busy machine a round may be slow as a whole: what counts is how a plan does against the best beside it
        middle, worst = ([pick(column) for column in zip(*ratios, strict=True)] for pick in (statistics.median, max))
        found = min(range(len(new)), key=middle.__getitem__)
        if not (middle[found] <= CLEARLY and worst[found] < 1 / CLEARLY):
            return False
        self.best = new[found]
        return True

    def _try(self, plan: Plan) -> float:
        began = time.perf_counter()
        seconds = self.bench.seconds(plan)
        self._seconds.setdefault(plan, []).append(seconds)
        self._spent += time.perf_counter() - began
        return seconds

    def trials(self) -> list[Trial]:
        """Return what was measured, in order."""
        return [Trial(plan, tuple(seconds)) for plan, seconds in self._seconds.items()]


def _crews(plan: Plan, bench: Bench) -> list[Plan]:
    """Return other numbers of workers and threads."""
    if bench.device.type != "cpu":
        return []
    cores = torch.get_num_threads()
    several = [(min(cores, len(bench.members)), 1)] if len(bench.members) > 1 else []
    return [replace(plan, workers=w, threads=t) for w, t in ((1, 1), (1, cores), *several)]


def _processes(plan: Plan, bench: Bench) -> list[Plan]:
    """Return a process for each core."""
    workers = min(torch.get_num_threads(), len(bench.members))
    return [replace(plan, workers=workers, threads=1, processes=True)] if bench.forks and workers > 1 else []


def _ways(plan: Plan, bench: Bench) -> list[Plan]:
    """Return other ways to compute the members."""
    found, _ = ways(bench.module, bench.members, shape=bench.shape, device=bench.device)
    return [replace(plan, how=how) for how in found[1:] if found[0] != "stacked" or len(bench.members) == 1]


def _layouts(plan: Plan, bench: Bench) -> list[Plan]:
    """Return the other layout of images, where there is one."""
    return [replace(plan, channels_last=last) for last in layouts(bench.module, bench.shape)]


def _widths(plan: Plan, bench: Bench) -> list[Plan]:
    """Return fewer members together."""
    each = len(bench.members) // plan.workers
    return [replace(plan, width=width) for width in WIDTHS if width < each]


def _can_halve(plan: Plan, bench: Bench) -> bool:
    found, _ = ways(bench.module, bench.members, shape=bench.shape, device=bench.device)
    return has_bf16(bench.device) and (plan.how or found[0]) != "vmap"
