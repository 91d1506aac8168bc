"""``wellfit data``: commands about the data itself."""

from __future__ import annotations

import typer

from wellfit.cli import preview

SHORT = "The data itself: what augmentation makes of it."
EXAMPLES = """\b
Examples:
  wellfit data preview digits --augment rotation=15 -o sheet.png
  wellfit data COMMAND --help
"""

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True, epilog=EXAMPLES)
def data(context: typer.Context) -> None:
    """Look at the data before and while it is used."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


app.command("preview", short_help=preview.SHORT, epilog=preview.EXAMPLES)(preview.command)
