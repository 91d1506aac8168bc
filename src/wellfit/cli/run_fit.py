"""What ``wellfit fit`` does and shows: progress on stderr, the summary on stdout."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wellfit.cli.data_line import data_lines
from wellfit.cli.fail import begin_work
from wellfit.cli.output import only_result, print_json
from wellfit.cli.progress import Shown, progress
from wellfit.cli.summary import NARROWEST, WIDEST
from wellfit.fitting.budget import parse_budget
from wellfit.fitting.events import FitEvent, Step
from wellfit.fitting.run import run_fit
from wellfit.recipe import StudySpec
from wellfit.study.files import StudyFolder
from wellfit.views.numbers import MISSING, count_text, difference_text, duration_text, interval_text, shown_decimals

INTERVALS = "gain on the sealed test set with its 95 % interval; positive is better"


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
                loaded=lambda prepared: shown.add(data_lines(prepared, prepared.arms)),
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
    width = Console().width
    console = Console(highlight=False, width=min(width, WIDEST))
    wide = Console(highlight=False, width=max(width, NARROWEST))
    block = result["fit"]
    for each in block["rounds"]:
        console.print(Text.assemble((f"Round {each['round']}", "bold"), f": {each['control']} is {each['verdict']}."))
        console.print(Text(str(each["words"])))
        if each["remedies"]:
            wide.print(_table(each))
    if any(each["remedies"] for each in block["rounds"]):
        console.print(Text(INTERVALS, style="dim"))
    console.print()
    console.print(Text(str(block["words"]), style="bold"))
    for line in _further(block):
        console.print(Text(line))
    best = result.get("best") or {}
    if best:
        console.print(Text(f"Model: {folder / str(best['model'])}"), soft_wrap=True)
        console.print(Text(f"  use it: wellfit predict {folder} NEW_DATA"), soft_wrap=True)
    console.print(Text(f"Report: {report}"), soft_wrap=True)
    console.print(Text(f"Time: {duration_text(float(result.get('seconds') or 0.0))}."))


def _table(each: Mapping[str, Any]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in ("tried", "against", "seeds", "gain", "outcome"):
        table.add_column(name, no_wrap=name in ("seeds", "outcome"), overflow="fold")
    metric = str(each["remedies"][0]["metric"])
    for remedy in each["remedies"]:
        name = f"{remedy['name']} *" if remedy["arm"] == each["winner"] else str(remedy["name"])
        finding = str(remedy["finding"]).replace("_", " ")
        table.add_row(name, finding, str(len(remedy["seeds"])), _gain(remedy["test"], metric), remedy["outcome"])
    return table


def _gain(test: Mapping[str, Any] | None, metric: str) -> str:
    if test is None:
        return MISSING
    if not test["ci95"]:
        return difference_text(metric, float(test["difference"]))
    low, high = map(float, test["ci95"])
    places = shown_decimals(metric, [(high - low) / 2])
    difference = difference_text(metric, float(test["difference"]), places=places)
    return f"{difference} {interval_text(metric, low, high, places=places)}"


def _further(block: Mapping[str, Any]) -> Iterator[str]:
    if block["advice"]:
        yield "What else would help: " + "; ".join(
            f"{str(each['change']).replace('_', ' ')} ({each['reason']})" for each in block["advice"][:3]
        )
