"""The one path of an examination: progress while it trains, then its result as text, JSON and a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wellfit.cli.target import check_outside, check_target

if TYPE_CHECKING:
    from wellfit.study.prepare import Prepared
    from wellfit.train.events import Event

Result = dict[str, Any]
NARROWEST, WIDEST = 40, 100
NOTHING_WRITTEN = "interrupted; nothing was written, the same command begins anew"

Source = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A data set (a name, a folder of images, .csv, .parquet, .npz), or a recipe in YAML.",
        show_default=False,
    ),
]
Target = Annotated[str | None, typer.Option("--target", metavar="COL", help="The column to predict (tables).")]
Seeds = Annotated[int, typer.Option("--seeds", metavar="N", help="Each draws split, start and order of its own.")]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Where to write the page and the JSON; default: nowhere.")
]


@dataclass(frozen=True)
class Order:
    """What is examined, and how it is shown."""

    name: str
    """Of the examination, and of its files: ``learning-curve``."""
    source: str
    out: Path | None
    as_json: bool
    quiet: bool
    memory: str | None
    metric: str
    """What the progress shows the best value of."""


Tell = Callable[[Result], Sequence[str]]
Draw = Callable[[Result], str]
Examine = Callable[..., Result]
"""Takes ``name``, ``memory``, ``listen`` and ``loaded``."""


def examine(
    order: Order, work: Examine, *, words: Callable[[Result], Sequence[str]], page: Callable[[Result], str]
) -> Result:
    """Run an examination and write its page; show progress on stderr, and with ``--json`` the result on stdout.

    Nothing is written before all is done, so an interrupt leaves nothing behind.

    Raises
    ------
    InputError
        Bad input, or a folder that cannot be written: before the work.
    InterruptedStudyError
        On KeyboardInterrupt.

    """
    if order.out is not None:
        check_target(order.out / f"{order.name}.html", option="--out")
        check_outside(order.out, order.source, option="--out")

    from wellfit.cli.data_line import data_lines
    from wellfit.cli.fail import begin_work
    from wellfit.cli.output import only_result, print_json
    from wellfit.cli.progress import progress
    from wellfit.data.memory import parse_memory
    from wellfit.errors import InterruptedStudyError
    from wellfit.recipe_file import study_name
    from wellfit.study.prepare import design

    begin_work()
    memory = None if order.memory is None else parse_memory(order.memory, where="--memory")
    plan = f"{order.name.replace('-', ' ')} of {order.source}"
    try:
        with only_result(order.as_json), progress(plan=plan, metric=order.metric, quiet=order.quiet) as shown:

            def loaded(prepared: Prepared) -> None:
                shown.add(data_lines(prepared, design(prepared.spec)))

            def listen(event: Event) -> None:
                shown.listen(event)

            result = work(name=study_name(order.source), memory=memory, listen=listen, loaded=loaded)
            result["words"] = list(words(result))
            if order.out is not None:
                _write(order.out, order.name, result, page(result))
    except KeyboardInterrupt:
        raise InterruptedStudyError(NOTHING_WRITTEN) from None
    if order.as_json:
        print_json(result)
    return result


def _write(out: Path, name: str, result: Result, page: str) -> None:
    """Write the page and, beside it, the result for programs."""
    from wellfit.atomic import write_atomic
    from wellfit.report.file import write
    from wellfit.study.files import finite

    write_atomic(out / f"{name}.json", (json.dumps(finite(result), indent=2, allow_nan=False) + "\n").encode())
    write(out / f"{name}.html", page)


def show(
    lines: Sequence[str], table: Sequence[Sequence[str]], *, faint: int, notes: Sequence[str], page: Path | None
) -> None:
    """Print a result on stdout: the first of ``lines`` in bold, a table whose last ``faint`` rows are dim, notes."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    console = Console(highlight=False, width=min(max(console.width, NARROWEST), WIDEST))
    widths = [max(len(row[at]) for row in table) for at in range(len(table[0]))]
    while sum(widths) + 2 * (len(widths) - 1) > console.width and len(widths) > 2:
        widths.pop()  # the last columns say least
    for number, row in enumerate(table):
        text = "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=False))
        style = "dim" if number == 0 or number >= len(table) - faint else ""
        console.print(Text(text.rstrip(), style=style), soft_wrap=True)
    console.print()
    console.print(Text(lines[0], style="bold"))
    for line in lines[1:]:
        console.print(Text(line))
    for line in notes:
        console.print(Text(line, style="dim"))
    if page is not None:
        console.print(Text(f"Page: {page}"), soft_wrap=True)
