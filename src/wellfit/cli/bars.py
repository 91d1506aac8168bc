"""Progress bars for a terminal: one a population."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from wellfit.cli.pace import State, clock, pace_text, start_text
from wellfit.train.events import EpochEnded, PopulationStarted
from wellfit.views.numbers import duration_text

FINISHING = "then certificate, test set, tables ..."
"""What a study may do after its last population, which has no epochs to count."""

BESIDE = 26
"""Columns for a short bar, ``100/100``, ``3 min 12 s`` and the spaces between."""


class Bars:
    """One bar a population: epochs, members left, the best value so far, time left."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bar: TaskID | None = None
        self._note = ""
        self._loading: TaskID | None = progress.add_task("loading data", total=None, count="", note="")

    def plan(self, text: str) -> None:
        """Show what will run, now that the data is there."""
        self._loaded()
        self.say(text)

    def start(self, event: PopulationStarted) -> None:
        """Begin a bar."""
        self.settle()
        self.say(start_text(event))
        self._bar = self._progress.add_task(
            f"{len(event.members)} left",
            total=event.epochs,
            completed=event.epochs_done,
            count=f"{event.epochs_done}/{event.epochs}",
            note="",
        )

    def epoch(self, state: State, event: EpochEnded) -> None:
        """Move the bar on."""
        if self._bar is None:
            return
        ended = event.members_left == 0
        epochs = event.epoch if ended else state.epochs
        left = "" if ended else f"{clock(state.left(event.epoch))} to go"
        parts = [left, state.best_text, f"{pace_text(state.seconds)}/epoch"]
        self._note = self._fitting("  ".join(part for part in parts if part))
        self._progress.update(
            self._bar,
            completed=event.epoch,
            total=epochs,
            count=f"{event.epoch}/{epochs}",
            description=f"{event.members_left} left",
            note=self._note,
        )

    def _fitting(self, note: str) -> str:
        """Return the note cut to the room beside bar, count and members; rich would cut those too."""
        room = max(8, self._progress.console.width - BESIDE)
        return note if len(note) <= room else note[: room - 1] + "\N{HORIZONTAL ELLIPSIS}"

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(Text(line), soft_wrap=True)

    def end(self, seconds: float) -> None:
        """Fill the bar, and say what comes when there is no further one."""
        if self._bar is not None:
            self._progress.update(self._bar, description=duration_text(seconds), note=FINISHING)

    def _loaded(self) -> None:
        if self._loading is not None:
            self._progress.remove_task(self._loading)
            self._loading = None

    def settle(self) -> None:
        """Leave the last bar as its population ended."""
        self._loaded()
        if self._bar is not None:
            self._progress.update(self._bar, note=self._note)


@contextmanager
def bars(console: Console) -> Iterator[Bars]:
    """Yield the display; when it ends, also by an exception, the terminal is as it was."""
    columns = (
        BarColumn(bar_width=None, table_column=Column(min_width=8, ratio=1)),
        TextColumn("{task.fields[count]}", markup=False, table_column=Column(no_wrap=True)),
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[note]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
    )
    with Progress(*columns, console=console, expand=True, redirect_stdout=False) as progress:
        display = Bars(progress)
        try:
            yield display
        finally:
            display.settle()
