"""What ``wellfit fit`` does and shows: progress on stderr, the summary on stdout."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from wellfit.cli.data_line import data_lines
from wellfit.cli.fail import begin_work
from wellfit.cli.output import only_result, print_json
from wellfit.cli.progress import Shown, progress
from wellfit.cli.summary import WIDEST
from wellfit.fitting.budget import parse_budget
from wellfit.fitting.events import FitEvent, Step
from wellfit.fitting.run import run_fit
from wellfit.recipe import StudySpec
from wellfit.study.files import StudyFolder
from wellfit.study.prepare import design
from wellfit.views.fit_story import story_lines, watch_lines
from wellfit.views.numbers import count_text, duration_text
from wellfit.views.remedies import Fit, read_fit


@dataclass(frozen=True)
class Wanted:
    """How a fit is to be run and shown, as it was given."""

    budget: str
    out: Path | None
    """``None``: ``runs/<name>``."""
    fresh: bool
    as_json: bool
    quiet: bool
    memory: str | None


def run(spec: StudySpec, wanted: Wanted) -> None:
    """Run a fit, or what is left of it, and show its result on stdout; all else goes to stderr."""
    begin_work()
    from wellfit.data.memory import parse_memory

    budget = parse_budget(wanted.budget)
    memory = None if wanted.memory is None else parse_memory(wanted.memory, where="--memory")
    folder = StudyFolder(wanted.out if wanted.out is not None else Path("runs") / spec.name)
    with only_result(wanted.as_json):
        with progress(plan=plan_text(spec, budget, folder.path), metric=spec.metric, quiet=wanted.quiet) as shown:
            result = run_fit(
                spec,
                folder.path,
                budget=budget,
                fresh=wanted.fresh,
                memory=memory,
                listen=_listener(shown),
                loaded=lambda prepared: shown.add(data_lines(prepared, design(spec))),
            )
            shown.finish()
        report = _report(folder)
    if wanted.as_json:
        print_json(result)
    else:
        print_fit(result, folder.path, report)


def plan_text(spec: StudySpec, budget: float, folder: Path) -> str:
    """Return what will run."""
    seeds = count_text(len(spec.seeds), "seed")
    return (
        f"{spec.name}: up to {duration_text(budget)}, {seeds}, on {spec.recipe.data.source}\n"
        f"  chosen by  {spec.metric} (--metric); the test set stays sealed to the end\n"
        f"  folder     {folder}"
    )


def _listener(shown: Shown) -> Callable[[FitEvent], None]:
    def listen(event: FitEvent) -> None:
        if isinstance(event, Step):
            shown.say(f"[{duration_text(event.spent)} of {duration_text(event.budget)}] {event.words}")
        else:
            shown.listen(event)

    return listen


def _report(folder: StudyFolder) -> Path:
    """Return the path of the report; it is written where it is missing or older than the result."""
    if folder.report.exists() and folder.report.stat().st_mtime_ns >= folder.result.stat().st_mtime_ns:
        return folder.report
    from wellfit.report.study import report_study

    return report_study(folder.path)


def print_fit(result: Mapping[str, Any], folder: Path, report: Path) -> None:
    """Print what was tried, what each brought, the answer in a paragraph, and where the model is."""
    console = Console(highlight=False, width=min(Console().width, WIDEST))
    fit = read_fit(result)
    assert fit is not None
    story = story_lines(fit, width=console.width)
    for line in story:
        console.print(Text(line), soft_wrap=True)
    if story and story[-1]:
        console.print()
    console.print(Text(fit.words, style="bold"))
    for line in watch_lines(fit, width=console.width):
        console.print(Text(line), soft_wrap=True)
    for line in _further(fit):
        console.print(Text(line))
    best = result.get("best") or {}
    if best:
        console.print(Text(f"Model: {folder / str(best['model'])}"), soft_wrap=True)
        console.print(Text(f"  use it: wellfit predict {folder} NEW_DATA"), soft_wrap=True)
    console.print(Text(f"Report: {report}"), soft_wrap=True)
    console.print(Text(f"Time: {duration_text(float(result.get('seconds') or 0.0))}."))


def _further(fit: Fit) -> Iterator[str]:
    if fit.advice:
        yield "What else would help: " + "; ".join(
            f"{each.change.replace('_', ' ')} ({each.reason.rstrip('.')})" for each in fit.advice[:3]
        )
