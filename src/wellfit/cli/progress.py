"""Progress of a study on stderr: a bar a population on a terminal, else a plain line an epoch."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console

from wellfit.cli.data_line import wrapped
from wellfit.cli.pace import State, clock, pace_text, start_text
from wellfit.record import RunRecord
from wellfit.train.events import EpochEnded, Event, MemberFinished, PopulationEnded, PopulationStarted
from wellfit.views.numbers import count_text, duration_text


class Display(Protocol):
    """How progress is shown."""

    def plan(self, text: str) -> None:
        """Show what will run."""
        ...

    def start(self, event: PopulationStarted) -> None:
        """Show that a population begins or goes on."""
        ...

    def epoch(self, state: State, event: EpochEnded) -> None:
        """Show where the population stands."""
        ...

    def say(self, line: str) -> None:
        """Show a line that stays."""
        ...

    def end(self, seconds: float) -> None:
        """Show that the population has ended."""
        ...


class Shown:
    """A listener of ``run_study`` that feeds a display.

    The plan is shown with the first event: by then the data is loaded and checked, and bad input has been said alone.
    """

    def __init__(self, display: Display | None, *, plan: str, metric: str) -> None:
        self._display, self._plan, self._metric = display, plan, metric
        self._state = State(metric=metric, epochs=0)
        self._began = False
        self._left: set[str] = set()

    def add(self, lines: Iterable[str]) -> None:
        """Add to the plan what is known since the data is loaded."""
        self._plan = f"{self._plan}\n{wrapped(lines)}"

    def say(self, line: str) -> None:
        """Show a line that stays, below the plan."""
        if self._display is None:
            return
        if not self._began:
            self._began = True
            self._display.plan(self._plan)
        self._display.say(line)

    def finish(self) -> None:
        """Say so where nothing was left to train."""
        if not self._began and self._display is not None:
            self._display.plan(self._plan)
            self._display.say("Complete already: nothing is left to train (--fresh begins anew).")

    def listen(self, event: Event) -> None:
        """Take in what ``fit`` says."""
        if self._display is None:
            return
        if not self._began:
            self._began = True
            self._display.plan(self._plan)
        if isinstance(event, PopulationStarted):
            self._state = State(metric=self._metric, epochs=event.epochs)
            self._display.start(event)
        elif isinstance(event, EpochEnded):
            self._state.update(event)
            self._display.epoch(self._state, event)
        elif isinstance(event, MemberFinished):
            if event.record.status == "diverged":
                self._display.say(_diverged(event.record))
            elif event.record.status == "beaten" and event.record.arm not in self._left:
                self._left.add(event.record.arm)
                self._display.say(f"{event.record.arm}: left the race after epoch {event.record.epochs_run}")
        elif isinstance(event, PopulationEnded):
            self._display.end(event.seconds)


def _diverged(record: RunRecord) -> str:
    return f"{record.arm}, seed {record.seed}: diverged in epoch {record.epochs_run}"


class Lines:
    """Plain lines, for files and pipes."""

    def plan(self, text: str) -> None:
        """Say what will run."""
        self._print(text)

    def start(self, event: PopulationStarted) -> None:
        """Say who is trained, and how."""
        self._print(start_text(event))

    def epoch(self, state: State, event: EpochEnded) -> None:
        """Say where the population stands."""
        parts = [
            f"epoch {event.epoch}/{state.epochs}",
            count_text(len(event.rows), "member"),
            state.best_text,
            f"{pace_text(state.seconds)}/epoch",
            f"left {clock(state.left(event.epoch))}" if event.members_left else "",
        ]
        self._print("  ".join(part for part in parts if part))

    def say(self, line: str) -> None:
        """Say it."""
        self._print(line)

    def end(self, seconds: float) -> None:
        """Say how long it took."""
        self._print(f"trained in {duration_text(seconds)}")

    def _print(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


@contextmanager
def progress(*, plan: str, metric: str, quiet: bool = False) -> Iterator[Shown]:
    """Yield the listener that shows progress on stderr, bars on a terminal and lines elsewhere."""
    console = Console(stderr=True, highlight=False)
    if quiet:
        yield Shown(None, plan=plan, metric=metric)
    elif console.is_terminal and not console.is_dumb_terminal:
        from wellfit.cli.bars import bars

        with bars(console) as display:
            yield Shown(display, plan=plan, metric=metric)
    else:
        yield Shown(Lines(), plan=plan, metric=metric)
