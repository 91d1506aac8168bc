"""The script ``wellfit``: its commands, and the way from arguments to an exit code.

Commands import their work when they run, so ``wellfit --help`` answers at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from wellfit import __version__
from wellfit.cli import data, demo, diagnose, doctor, examine, explain, fit, plan, predict, report, study, train
from wellfit.cli.fail import guarded
from wellfit.machine import wait_briefly

EXAMPLES = """\b
Examples:
  wellfit demo
  wellfit study my-study.yaml
  wellfit train table.csv --target price
  wellfit fit photos/ --budget 30m
  wellfit diagnose lightning_logs/
  wellfit predict runs/my-study new-photos/ -o labels.csv
  wellfit COMMAND --help

\b
Exit codes: 0 done, 1 failed, 2 bad input, 130 interrupted (resumable).
"""

# Plain help: rich's panels triple the time that --help takes.
app = typer.Typer(
    name="wellfit",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"wellfit {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True, epilog=EXAMPLES)
def wellfit(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Train networks that fit well: neither under nor over.

    Compare regularizers in paired studies, read a verdict with intervals, keep the best model.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


for _room in (demo, study, train, fit, plan, diagnose, report, predict, explain, doctor):
    _name = _room.__name__.rpartition(".")[2]
    app.command(_name, short_help=_room.SHORT, epilog=_room.EXAMPLES)(_room.command)
app.add_typer(data.app, name="data", short_help=data.SHORT)
app.add_typer(examine.app, name="examine", short_help=examine.SHORT)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line (``None``: the process's arguments) and return the exit code.

    0 done, 1 failed, 2 bad input, 130 interrupted. What goes wrong on purpose is one line on stderr.
    """
    wait_briefly()
    return guarded(lambda: app(argv, prog_name="wellfit", standalone_mode=False))
