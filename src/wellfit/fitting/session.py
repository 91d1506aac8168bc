"""A session of a fit: what is trained goes to the folder, within the budget; what is decided goes to the journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count

from wellfit.fitting.bench import Bench
from wellfit.fitting.budget import Clock
from wellfit.fitting.events import FitEvent, Step
from wellfit.fitting.journal import Journal
from wellfit.fitting.pace import Pace
from wellfit.record import RunRecord
from wellfit.study.files import StudyFolder
from wellfit.study.run import enter
from wellfit.study.store import Store
from wellfit.study.training import train_members
from wellfit.train.events import EpochEnded, Event, Key, MemberFinished
from wellfit.train.member import Member

Units = Mapping[str, Sequence[Member]]
"""What is left out whole or not at all when time gets short (an arm, a seed) -> its runs, the most wanted first."""

SURE_AFTER = 2
"""Epochs of a population after which its pace is known."""
ALLOWANCE = 0.05
"""Part of the budget by which a step may seem too long before it is cut short: paces vary."""
RESERVE, LEAST_RESERVE, MOST_RESERVE = 0.08, 1.0, 30.0
"""Part of the budget kept for the end (test set, tables, report), and its bounds in seconds."""


class TooSlowError(Exception):
    """What is being trained will not end in time."""


@dataclass(frozen=True)
class Session:
    """All that a fit works with."""

    bench: Bench
    folder: StudyFolder
    store: Store
    journal: Journal
    clock: Clock
    pace: Pace
    listen: Callable[[FitEvent], None]

    @property
    def reserve(self) -> float:
        """Seconds of the budget kept for the end."""
        return min(max(RESERVE * self.clock.budget, LEAST_RESERVE), MOST_RESERVE)

    @property
    def until(self) -> float:
        """Seconds on the clock at which training must have ended: what is left is for the test set and the report."""
        finished = self.store.finished()
        reading = (
            sum(self.pace.epoch(member) for member in self.bench.prepared.members if member.key in finished)
            * self.reading
        )
        return self.clock.budget - self.reserve - reading

    @property
    def left(self) -> float:
        """Seconds that may still be used for training."""
        return self.until - self.clock.spent

    @property
    def reading(self) -> float:
        """What reading the test set with a run takes, in epochs: a forward pass is about a third of a step."""
        replicate = next(iter(self.bench.replicates.values()))
        parts = replicate.split
        return len(parts.test) / (3 * len(parts.train) + len(replicate.probe) + len(parts.validation))

    def say(self, words: str) -> None:
        """Tell who listens what is done and why."""
        self.listen(Step(words, spent=self.clock.spent, budget=self.clock.budget))

    def cost(self, members: Sequence[Member]) -> float:
        """Return the seconds that runs take from the start to their share in reading the test set."""
        return self.pace.runs(members, extra=self.reading)

    def enter(self) -> None:
        """Enter the arms so far into the store and the study's file."""
        enter(self.bench.prepared, self.folder, self.store)

    def learn_pace(self) -> None:
        """Take in the paces of earlier sessions."""
        members = {member.key: member for member in self.bench.prepared.members}
        for key, record in self.store.finished().items():
            for row in record.curves[1:] if key in members else ():
                self.pace.note(members[key], row.seconds)

    def records(self) -> dict[Key, RunRecord]:
        """Return all finished runs."""
        return self.store.finished()

    def train(self, name: str, units: Units, *, until: float, least: Callable[[], int] = lambda: 0) -> list[str]:
        """Train units, as many of them as end before the clock shows ``until``, and return which did.

        The first ``least()`` units are trained whatever the time; it is asked when the pace is known.
        """
        done = f"{name}, trained"
        if done in self.journal:
            return list(self.journal[done]["units"])
        wanted = list(units)
        for cut in count(1):
            step = f"{name}, cut {cut}"
            if step not in self.journal:
                watch = _Watch(self, [member for unit in wanted for member in units[unit]], until, len(wanted), least)
                try:
                    train_members(watch.members, self.bench.prepared, self.folder, self.store, watch)
                    break
                except TooSlowError:
                    fitting = self._fitting(units, wanted, until=until, least=least())
                    self.journal.decide(step, partial(dict, units=fitting))
            wanted = list(self.journal[step]["units"])
        return list(self.journal.decide(done, lambda: {"units": wanted})["units"])

    def _fitting(self, units: Units, wanted: Sequence[str], *, until: float, least: int) -> list[str]:
        """Return the units that are trained already, and the first of the others whose rest ends in time: one less than
        now, at most.
        """
        begun, finished = self.store.partial(), self.store.finished()
        rest = {unit: [m for m in units[unit] if m.key not in finished] for unit in wanted}
        kept = [unit for unit in wanted if not rest[unit]]
        needed = 0.0
        for unit in [unit for unit in wanted if rest[unit]][:-1]:
            for member in rest[unit]:
                needed += self.pace.run(member, done=len(begun.get(member.key, ())), extra=self.reading)
            if len(kept) >= least and self.clock.spent + needed > until:
                break
            kept.append(unit)
        return [unit for unit in wanted if unit in kept]


class _Watch:
    """A listener of one step: it measures, keeps the clock, and cuts the step short."""

    def __init__(
        self, session: Session, members: Sequence[Member], until: float, units: int, least: Callable[[], int]
    ) -> None:
        finished, begun = session.store.finished(), session.store.partial()
        self.members = [member for member in members if member.key not in finished]
        self._session, self._until, self._units, self._least = session, until, units, least
        self._waiting = {member.key: member for member in self.members}
        self._done = {key: len(begun.get(key, ())) for key in self._waiting}

    def __call__(self, event: Event) -> None:
        """Take in what ``fit`` says."""
        session = self._session
        session.listen(event)
        if isinstance(event, MemberFinished):
            del self._waiting[event.record.arm, event.record.seed]
        if not isinstance(event, EpochEnded):
            return
        session.pace.note(self._waiting[next(iter(event.rows))], event.seconds / len(event.rows))
        self._done |= dict.fromkeys(event.rows, event.epoch)
        session.store.set_meta("seconds", session.clock.spent)
        if event.epoch >= SURE_AFTER and event.members_left and self._is_late() and self._units > self._least():
            raise TooSlowError

    def _is_late(self) -> bool:
        session = self._session
        needed = sum(
            session.pace.run(member, done=self._done[key], extra=session.reading)
            for key, member in self._waiting.items()
        )
        return session.clock.spent + needed > self._until + ALLOWANCE * session.clock.budget
