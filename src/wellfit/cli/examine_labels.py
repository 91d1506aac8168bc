"""``wellfit examine random-labels``: can this network memorize?"""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from wellfit.cli.examination import Order, Out, Seeds, Source, Target, examine, show
from wellfit.cli.importing import for_good
from wellfit.cli.options import AsJson, Memory, Quiet, Sets

SHORT = "Can this network memorize? Train it on random labels."
EXAMPLES = """\b
Examples:
  wellfit examine random-labels digits
  wellfit examine random-labels digits --set model.hidden=[8]
  wellfit examine random-labels table.csv --target price --epochs 500
  wellfit examine random-labels recipe.yaml --out runs/memory
"""


def command(
    source: Source,
    target: Target = None,
    seeds: Seeds = 3,
    epochs: Annotated[
        int | None, typer.Option("--epochs", metavar="N", help="At most; default: of about 20,000 steps.")
    ] = None,
    out: Out = None,
    sets: Sets = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    memory: Memory = None,
) -> None:
    """Train the network on permuted train labels, and beside it on the true ones, without regularizers.

    It ends when the labels are known by heart or the loss has come to rest. Validation labels stay true: there it must
    be at chance. The test set is not read.
    """
    with for_good():
        from wellfit.examine.random_labels import random_labels
        from wellfit.report.random_labels_page import render_random_labels
        from wellfit.views.random_labels import cells, headline, measure_name, sentences, setting

    order = Order("random-labels", source, out, as_json, quiet, memory, "train_loss")
    work = partial(random_labels, source, seeds=seeds, epochs=epochs, target=target, overrides=list(sets or ()))
    result = examine(order, work, words=lambda found: [headline(found), *sentences(found)], page=render_random_labels)
    if as_json:
        return
    head = ("labels", f"train {measure_name(result)}", "epochs needed", f"validation {measure_name(result)}")
    table = [head, *((row.labels, row.train, row.epochs, row.validation) for row in cells(result))]
    page = None if out is None else out / "random-labels.html"
    show(result["words"], table, faint=0, notes=[setting(result) + "."], page=page)
