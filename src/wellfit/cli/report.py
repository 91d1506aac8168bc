"""``wellfit report``: write the report of a study again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wellfit.cli.options import Store

SHORT = "Write a study's report again."
EXAMPLES = """\b
Examples:
  wellfit report runs/my-study
  wellfit report runs/my-study -o my-study.html
"""


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a study.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="The file to write; default: DIR/report.html.")
    ] = None,
    store: Store = None,
) -> None:
    """Write the report of a study again, from what its folder holds: one HTML file that opens offline."""
    from wellfit.cli.target import check_target
    from wellfit.report.study import report_study

    if out is not None:
        check_target(out)
    typer.echo(report_study(folder, store_url=store, to=out))
