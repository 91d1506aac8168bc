"""What ``wellfit plan`` prints: each population with the plans that were tried, as a table or as JSON."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from wellfit.cli.fail import begin_work
from wellfit.cli.output import only_result, print_json
from wellfit.data.memory import parse_memory
from wellfit.recipe import StudySpec
from wellfit.study.plans import Planned, plan_all, structure_key
from wellfit.study.prepare import design, prepare
from wellfit.train.member import Member
from wellfit.train.plan import Plan
from wellfit.train.start import populations
from wellfit.views.numbers import count_text, duration_text

SOURCES = {
    "rule": "by rule: the training is too short to measure for",
    "measured": "measured now",
    "remembered": "measured before on this machine; --anew measures again",
}


def show(spec: StudySpec, *, anew: bool, as_json: bool, memory: str | None) -> None:
    """Find the plans of a study and print them on stdout."""
    begin_work()
    limit = None if memory is None else parse_memory(memory, where="--memory")
    with only_result(as_json):
        prepared = prepare(spec, design(spec), memory=limit)
        groups = populations(prepared.members, sizes=prepared.sizes)
        plans = plan_all(groups, prepared, {}, anew=anew, least=0.0)
    if as_json:
        print_json({"populations": [_as_dict(group, plans[structure_key(group[0])]) for group in groups]})
        return
    console = Console(highlight=False)
    for group in groups:
        console.print(Group(*_lines(group, plans[structure_key(group[0])])))


def _as_dict(group: Sequence[Member], planned: Planned) -> dict[str, Any]:
    return {"members": len(group), "arms": sorted({member.arm for member in group}), **planned.to_dict()}


def _lines(group: Sequence[Member], planned: Planned) -> Iterator[RenderableType]:
    """Yield what is said about one population."""
    about = f"{count_text(len(group), 'member')}, {count_text(len({m.arm for m in group}), 'arm')}"
    took = "" if planned.seconds is None else f", about {duration_text(planned.seconds)} by the rule's plan"
    yield Text.assemble((about, "bold"), took)
    yield Text(f"  {SOURCES[planned.source]}", style="dim")
    if planned.trials:
        yield Padding(_table(planned), (0, 0, 0, 2), expand=False)
    if planned.agreement is not None:
        yield Text(f"  {planned.agreement}", style="dim")
    yield Text.assemble("  chosen: ", (str(planned.plan), "bold green"))


def _table(planned: Planned) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 0, 0, 2), header_style="dim")
    table.add_column("ms a step and member", justify="right", no_wrap=True)
    table.add_column("plan")
    for trial in planned.trials:
        chosen = _plan_of(trial) == planned.plan
        table.add_row(_times(trial), str(_plan_of(trial)), style="green" if chosen else "")
    return table


def _times(trial: Mapping[str, Any]) -> str:
    seconds = [float(value) for value in trial["seconds_per_step"]]
    if not all(map(math.isfinite, seconds)):
        return "out of memory"
    spread = f" ({1000 * min(seconds):.3g} to {1000 * max(seconds):.3g})" if len(seconds) > 1 else ""
    return f"{1000 * statistics.median(seconds):.3g}{spread}"


def _plan_of(trial: Mapping[str, Any]) -> Plan:
    return Plan.from_dict({key: value for key, value in trial.items() if key != "seconds_per_step"})
