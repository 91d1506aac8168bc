"""``wellfit examine learning-curve``: what more data would give."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from wellfit.cli.examination import Order, Out, Seeds, Source, Target, examine, show
from wellfit.cli.importing import for_good
from wellfit.cli.options import AsJson, Memory, Quiet, Sets

SHORT = "What would more data give? Errors over data sizes, and a forecast."
EXAMPLES = """\b
Examples:
  wellfit examine learning-curve digits
  wellfit examine learning-curve photos/ --metric val_accuracy --out runs/more
  wellfit examine learning-curve table.csv --target price --sizes 100,300,1000
  wellfit examine learning-curve recipe.yaml --sizes 5,10,20,50,100 --seeds 10
"""


def command(
    source: Source,
    target: Target = None,
    sizes: Annotated[
        str,
        typer.Option(
            "--sizes",
            metavar="N,N,...",
            help="Percent of the train samples; numbers of samples where one exceeds 100.",
        ),
    ] = "10,20,50,100",
    seeds: Seeds = 5,
    metric: Annotated[
        str, typer.Option("--metric", metavar="NAME", help="val_loss, or val_accuracy for its errors.")
    ] = "val_loss",
    out: Out = None,
    sets: Sets = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    memory: Memory = None,
) -> None:
    """Train on nested parts of the train samples, all sizes and seeds together, and forecast more data.

    A recipe trains as it says; data alone the default network, by Adam for about 1,000 steps. Every size trains for as
    many steps; the best epoch on the validation set counts. The test set is not read.
    """
    with for_good():
        from wellfit.examine.learning_curve import learning_curve
        from wellfit.report.learning_curve_page import render_learning_curve
        from wellfit.views.learning_curve import cells, error_name, headline, sentences, setting, train_name

    order = Order("learning-curve", source, out, as_json, quiet, memory, metric)
    work = partial(
        learning_curve, source, sizes=sizes, seeds=seeds, metric=metric, target=target, overrides=list(sets or ())
    )
    result = examine(order, work, words=lambda found: [headline(found), *sentences(found)], page=render_learning_curve)
    if as_json:
        return
    head = ("samples", "share", error_name(metric), "95 % interval", train_name(metric))
    rows = cells(result)
    table = [head, *((row.samples, row.share, row.error, row.interval, row.train) for row in rows)]
    faint = sum(row.is_forecast for row in rows)
    page = None if out is None else out / "learning-curve.html"
    show(result["words"], table, faint=faint, notes=[setting(result) + "."], page=page)
