"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="The study's folder; default: runs/NAME.")]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change a value of the recipe, as in model.hidden=[8,8]; repeatable."
    ),
]


def _url(value: str | None) -> str | None:
    """Refuse what is no URL: as a path it would quietly become a new SQLite file."""
    if value is not None and "://" not in value:
        raise typer.BadParameter(f"received '{value}'; expected a URL such as postgresql+psycopg://user@host/name")
    return value


Store = Annotated[
    str | None,
    typer.Option(
        "--store", metavar="URL", callback=_url, help="A database for runs and curves; default: SQLite in DIR."
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Forget what the folder holds of this study; begin anew.")]
Certify = Annotated[
    int,
    typer.Option("--certify", metavar="K", min=0, help="Train K random runs again alone; show the largest deviation."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document, and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No plan, no progress: only the result.")]
Memory = Annotated[
    str | None,
    typer.Option("--memory", metavar="SIZE", help="Images that need more than half of it (256M, 4G) stay on the disk."),
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave out corrupt images and rows, and count them.")]
