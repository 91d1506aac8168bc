"""What ``wellfit plan`` prints: each population with the plans that were tried, as a table or as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
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
        for line in _lines(group, plans[structure_key(group[0])]):
            console.print(line, soft_wrap=True)


def _as_dict(group: Sequence[Member], planned: Planned) -> dict[str, Any]:
    return {"members": len(group), "arms": sorted({member.arm for member in group}), **planned.to_dict()}


def _lines(group: Sequence[Member], planned: Planned) -> Iterator[Text]:
    """Yield the lines about one population."""
    about = f"{count_text(len(group), 'member')}, {count_text(len({m.arm for m in group}), 'arm')}"
    took = "" if planned.seconds is None else f", about {duration_text(planned.seconds)} by the rule's plan"
    yield Text.assemble((about, "bold"), f"{took} ({SOURCES[planned.source]})")
    if planned.trials:
        yield Text(f"  {'ms a step and member':>20}   plan", style="dim")
    for trial in planned.trials:
        yield _line(trial, chosen=_plan_of(trial) == planned.plan)
    if planned.agreement is not None:
        yield Text(f"  {planned.agreement}", style="dim")
    yield Text.assemble("  chosen: ", (str(planned.plan), "bold green"))


def _line(trial: Mapping[str, Any], *, chosen: bool) -> Text:
    seconds = [float(value) for value in trial["seconds_per_step"]]
    each = f"{1000 * statistics.median(seconds):.3g}"
    spread = f"({1000 * min(seconds):.3g} to {1000 * max(seconds):.3g})" if len(seconds) > 1 else ""
    return Text(f"  {f'{each} {spread}'.strip():>20}   {_plan_of(trial)}", style="green" if chosen else "")


def _plan_of(trial: Mapping[str, Any]) -> Plan:
    return Plan.from_dict({key: value for key, value in trial.items() if key != "seconds_per_step"})
