"""``wellfit data``: commands about the data itself; a data set instead of a command is audited."""

from __future__ import annotations

import difflib
from pathlib import Path

import typer
from typer.core import TyperGroup

from wellfit.cli import audit, clean, preview

SHORT = "The data itself: what is wrong with it, cleaning, augmentation."
EXAMPLES = """\b
Examples:
  wellfit data photos/
  wellfit data table.csv --target price --plan plan.yaml
  wellfit data clean table.csv --plan plan.yaml -o clean.csv
  wellfit data preview digits --augment rotation=15 -o sheet.png
  wellfit data COMMAND --help
"""


class DataGroup(TyperGroup):
    """Takes what is no command for a data set, which is audited."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # typer's own
        """Put ``audit`` before arguments that name no command."""
        known = not args or args[0] in ("-h", "--help") or self._is_meant(args[0])
        return super().parse_args(ctx, args if known else ["audit", *args])

    def _is_meant(self, name: str) -> bool:
        """Whether a command is meant: it is one, or nearly one and no file or folder."""
        if name in self.commands:
            return True
        return bool(difflib.get_close_matches(name, self.commands, n=1, cutoff=0.75)) and not Path(name).exists()


app = typer.Typer(cls=DataGroup, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True, epilog=EXAMPLES)
def data(context: typer.Context) -> None:
    """Look at the data before and while it is used: wellfit data DATA audits it."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


app.command("audit", short_help=audit.SHORT, epilog=audit.EXAMPLES)(audit.command)
app.command("clean", short_help=clean.SHORT, epilog=clean.EXAMPLES)(clean.command)
app.command("preview", short_help=preview.SHORT, epilog=preview.EXAMPLES)(preview.command)
