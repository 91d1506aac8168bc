"""``wellfit fit``: train, diagnose, try remedies, keep what helps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wellfit.cli.importing import for_good
from wellfit.cli.options import AsJson, Fresh, Memory, Quiet, Sets, SkipBad

DEFAULT_BUDGET, DEFAULT_SEEDS = "10m", 5

SHORT = "The best network within a budget: diagnose, try remedies."
EXAMPLES = """\b
Examples:
  wellfit fit digits
  wellfit fit photos/ --budget 1h
  wellfit fit table.csv --target price --seeds 3
  wellfit fit recipe.yaml --set optimizer.kind=adam --metric val_accuracy
"""


def command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="DATA_OR_FILE",
            help="A data set (a name, a folder of images, .csv, .parquet, .npz), or a recipe in YAML.",
            show_default=False,
        ),
    ],
    budget: Annotated[
        str, typer.Option("--budget", metavar="TIME", help="Wall time over all sessions: 90s, 10m, 1h30m.")
    ] = DEFAULT_BUDGET,
    seeds: Annotated[
        int, typer.Option("--seeds", metavar="N", min=1, help="Pairs that a comparison has; fewer if time is short.")
    ] = DEFAULT_SEEDS,
    target: Annotated[
        str | None, typer.Option("--target", metavar="COL", help="The column to predict (tables).")
    ] = None,
    metric: Annotated[
        str, typer.Option("--metric", metavar="NAME", help="What is chosen by: val_loss, val_accuracy or val_iou.")
    ] = "val_loss",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="The folder; default: runs/NAME-fit.")
    ] = None,
    sets: Sets = None,
    fresh: Fresh = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    skip_bad: SkipBad = False,
    memory: Memory = None,
) -> None:
    """Train a baseline over a few seeds, diagnose it, try what may help side by side, combine what does, and go on from
    there until it is well-fit, nothing helps, or the budget ends.

    Choices are made on validation; what each change is worth is measured on the sealed test set, read once at the end.
    The same command goes on where it was interrupted.
    """
    with for_good():
        from wellfit.cli.run_fit import Wanted, run
        from wellfit.fitting.spec import fit_spec

    overrides = [*(sets or ()), *(["data.skip_bad=true"] if skip_bad else ())]
    spec = fit_spec(source, target=target, seeds=seeds, metric=metric, overrides=overrides)
    run(spec, Wanted(budget=budget, out=out, fresh=fresh, as_json=as_json, quiet=quiet, memory=memory))
