"""``wellfit examine``: what data and weights say beyond the curves of one run."""

from __future__ import annotations

import typer

from wellfit.cli import examine_bias, examine_curve, examine_fingerprint, examine_labels

SHORT = "What would more data give? Can it memorize? From data and weights."
EXAMPLES = """\b
Examples:
  wellfit examine learning-curve digits
  wellfit examine random-labels table.csv --target kind
  wellfit examine bias-variance digits --over k
  wellfit examine fingerprint runs/my-study
  wellfit examine COMMAND --help
"""

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True, epilog=EXAMPLES)
def examine(context: typer.Context) -> None:
    """Examine data and weights; the sealed test set is never read."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


app.command("learning-curve", short_help=examine_curve.SHORT, epilog=examine_curve.EXAMPLES)(examine_curve.command)
app.command("random-labels", short_help=examine_labels.SHORT, epilog=examine_labels.EXAMPLES)(examine_labels.command)
app.command("bias-variance", short_help=examine_bias.SHORT, epilog=examine_bias.EXAMPLES)(examine_bias.command)
app.command("fingerprint", short_help=examine_fingerprint.SHORT, epilog=examine_fingerprint.EXAMPLES)(
    examine_fingerprint.command
)
