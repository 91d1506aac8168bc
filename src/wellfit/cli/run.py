"""The one path of ``demo``, ``study`` and ``train``: plan, progress, report, result."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wellfit.cli.data_line import data_lines
from wellfit.cli.fail import begin_work
from wellfit.cli.output import only_result, print_json
from wellfit.cli.progress import progress
from wellfit.cli.summary import print_result
from wellfit.recipe import StudySpec
from wellfit.study.design import Arm
from wellfit.study.files import StudyFolder
from wellfit.study.prepare import design
from wellfit.study.run import run_study
from wellfit.views.numbers import count_text, range_text

MOST_NAMES = 12
"""Arms that the plan names."""


@dataclass(frozen=True)
class Order:
    """How a study is to be run and shown."""

    out: Path | None
    """``None``: ``runs/<name>``."""
    store_url: str | None
    fresh: bool
    certificates: int
    as_json: bool
    quiet: bool
    memory: str | None = None
    """``--memory``, as it was given; ``None``: no limit but the machine's."""


def run(spec: StudySpec, order: Order) -> None:
    """Run a study, or what is left of it, and show its result on stdout; all else goes to stderr."""
    begin_work()
    from wellfit.data.memory import parse_memory

    memory = None if order.memory is None else parse_memory(order.memory, where="--memory")
    folder = StudyFolder(order.out if order.out is not None else Path("runs") / spec.name)
    arms = design(spec)
    plan = plan_text(spec, arms, folder.path)
    with only_result(order.as_json):
        with progress(plan=plan, metric=spec.metric, quiet=order.quiet) as shown:
            result = run_study(
                spec,
                folder.path,
                store_url=order.store_url,
                fresh=order.fresh,
                certificates=order.certificates,
                memory=memory,
                listen=shown.listen,
                loaded=lambda prepared: shown.add(data_lines(prepared, arms)),
            )
            shown.finish()
        report = _report(folder, order.store_url)
    _show(result, report, order)


def _report(folder: StudyFolder, store_url: str | None) -> Path:
    """Return the path of the report; it is written where it is missing or older than the result."""
    try:
        if folder.report.stat().st_mtime_ns >= folder.result.stat().st_mtime_ns:
            return folder.report
    except OSError:
        pass
    from wellfit.report.study import report_study  # plotly and jinja2 take a while, and a complete study has its report

    return report_study(folder.path, store_url=store_url)


def _show(result: Mapping[str, Any], report: Path, order: Order) -> None:
    if order.as_json:
        print_json(result)
    else:
        print_result(result, report)


def plan_text(spec: StudySpec, arms: tuple[Arm, ...], folder: Path) -> str:
    """Return what will run: arms, seeds, epochs, data and where it goes."""
    names = [arm.name for arm in arms]
    most = {arm.recipe.epochs for arm in arms}
    epochs = f"{range_text(most)} epoch{'' if most == {1} else 's'}"
    size = f"{names[0]}, seed {spec.seeds[0]}, {epochs}"
    if (runs := len(arms) * len(spec.seeds)) > 1:
        shape = f"{count_text(len(arms), 'arm')} x {count_text(len(spec.seeds), 'seed')}"
        size = f"{shape} = {runs} runs, {epochs} each"
    sources = ", ".join(dict.fromkeys(arm.recipe.data.source for arm in arms))
    lines = [f"{spec.name}: {size}, on {sources}"]
    if len(arms) > 1:
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        listing = ", ".join(names[:MOST_NAMES]) + more
        lines.append(
            textwrap.fill(listing, 80, initial_indent="  arms    ", subsequent_indent=" " * 10, break_on_hyphens=False)
        )
    return "\n".join([*lines, f"  folder  {folder}"])
