"""Progress bars for a terminal: one a population."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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

SHORT_BAR = 8
"""Columns of the shortest bar."""
BETWEEN = 3
"""Spaces between bar, count, members and note."""

Notes = Sequence[Sequence[str]]
"""What may stand beside a bar, as parts of a line: the first that has room is taken."""


class Bars:
    """One bar a population: epochs, members left, the best value so far, time left."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bar: TaskID | None = None
        self._notes: dict[TaskID, Notes] = {}
        self._lasting: Notes = ()
        self._loading: TaskID | None = progress.add_task("loading data", total=None, count="", note="")

    def plan(self, text: str) -> None:
        """Show what will run, now that the data is there."""
        self._loaded()
        self.say(text)

    def start(self, event: PopulationStarted) -> None:
        """Begin a bar."""
        self.settle()
        self.say(start_text(event))
        self._lasting = ()
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
        best, short, pace = state.best_text, state.best_short, f"{pace_text(state.seconds)}/epoch"
        self._lasting = ((left, best, pace), (left, best), (left, short, pace), (left, short), (short,), (left,))
        self._progress.update(
            self._bar,
            completed=event.epoch,
            total=epochs,
            count=f"{event.epoch}/{epochs}",
            description=f"{event.members_left} left",
        )
        self._note(self._bar, self._lasting)

    def _note(self, bar: TaskID, notes: Notes) -> None:
        """Say beside a bar the first of some notes that has room there, whole: rich would cut it; else nothing.

        All bars share their columns, so what is said beside one decides about the room of the others.
        """
        self._notes[bar] = notes
        tasks = {task.id: task for task in self._progress.tasks}
        taken = max(len(task.fields["count"]) for task in tasks.values())
        taken += max(len(task.description) for task in tasks.values())
        room = self._progress.console.width - SHORT_BAR - BETWEEN - taken
        for each, known in self._notes.items():
            texts = ["  ".join(part for part in note if part) for note in known]
            self._progress.update(each, note=next((text for text in texts if len(text) <= room), ""))

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(Text(line), soft_wrap=True)

    def end(self, seconds: float) -> None:
        """Fill the bar, and say what comes when there is no further one."""
        if self._bar is not None:
            self._progress.update(self._bar, description=duration_text(seconds))
            self._note(self._bar, ((FINISHING,), ("finishing ...",)))

    def _loaded(self) -> None:
        if self._loading is not None:
            self._progress.remove_task(self._loading)
            self._loading = None

    def settle(self) -> None:
        """Leave the last bar as its population ended."""
        self._loaded()
        if self._bar is not None:
            self._note(self._bar, self._lasting)


@contextmanager
def bars(console: Console) -> Iterator[Bars]:
    """Yield the display; when it ends, also by an exception, the terminal is as it was."""
    columns = (
        BarColumn(bar_width=None, table_column=Column(min_width=SHORT_BAR, ratio=1)),
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
