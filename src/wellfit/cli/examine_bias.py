"""``wellfit examine bias-variance``: the classic picture, on this data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from wellfit.cli.examination import NOTHING_WRITTEN
from wellfit.cli.importing import for_good
from wellfit.cli.options import AsJson, Quiet, Sets
from wellfit.errors import InputError, InterruptedStudyError

SHORT = "Bias and variance over k, width, depth or lambda, by bootstrap."
EXAMPLES = """\b
Examples:
  wellfit examine bias-variance digits --over k
  wellfit examine bias-variance diabetes --over width --out runs/diabetes-width
  wellfit examine bias-variance table.csv --target price --over depth
    --values 0,1,2,3
  wellfit examine bias-variance fashion-mnist --over lambda --bootstraps 20
    --set data.limit=1000
"""


def command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="A data set (a name, a folder of images, .csv, .parquet, .npz), or a recipe in YAML.",
            show_default=False,
        ),
    ],
    over: Annotated[str, typer.Option("--over", metavar="AXIS", help="k (of k-NN), width, depth or lambda (of L2).")],
    values: Annotated[
        str | None, typer.Option("--values", metavar="V,V,...", help="What to try; default: a list that suits.")
    ] = None,
    bootstraps: Annotated[int, typer.Option("--bootstraps", metavar="B", help="Resamples of the train set.")] = 30,
    vary: Annotated[
        str, typer.Option("--vary", metavar="WHAT", help="Where variance comes from: data, init or data,init.")
    ] = "data",
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Draws split, resamples and start.")] = 0,
    target: Annotated[
        str | None, typer.Option("--target", metavar="COL", help="The column to predict (tables).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where to write the picture; default: nowhere.")
    ] = None,
    sets: Sets = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train on resamples of the train set at each value; take the loss on the validation part apart.

    What the recipe leaves open: an MLP, trained by Adam for about 2,000 steps; a quarter of the samples for validation;
    at most 2,000 train samples and 2,000 to predict (another number: --set data.limit=N). The test set is not read.
    """
    chosen = None if values is None else parse_values(values)
    asked = {"over": over, "values": chosen, "bootstraps": bootstraps, "seed": seed, "vary": vary, "target": target}
    run(source, asked, sets=list(sets or ()), out=out, as_json=as_json, quiet=quiet)


PAGE = "bias-variance.html"


def run(
    source: str, asked: Mapping[str, Any], *, sets: Sequence[str], out: Path | None, as_json: bool, quiet: bool
) -> None:
    """Examine and print; progress goes to stderr."""
    if out is not None:
        from wellfit.cli.target import check_outside, check_target

        check_target(out / PAGE, option="--out")
        check_outside(out, source, option="--out")

    from wellfit.cli.fail import begin_work
    from wellfit.cli.output import only_result, print_json

    with for_good():
        from wellfit.cli.progress import progress
        from wellfit.examine.bias_variance import bias_variance

    begin_work()
    plan = f"bias and variance of {source} over {asked['over']}, {asked['bootstraps']} resamples"
    try:
        with only_result(as_json), progress(plan=plan, metric="train_loss", quiet=quiet) as shown:
            result = bias_variance(source, **asked, overrides=sets, listen=shown.listen)
        written = None if out is None else write(result, out)
    except KeyboardInterrupt:
        raise InterruptedStudyError(NOTHING_WRITTEN) from None
    if as_json:
        print_json(result)
    else:
        show(result, written)


def parse_values(text: str) -> list[float]:
    """Return the numbers of ``1,3,5``; InputError for anything else."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError("--values", f"received '{text}'", "numbers with commas between, as in 1,3,5") from None


def write(result: Mapping[str, Any], out: Path) -> Path:
    """Write the page and, beside it, the result for programs; return the page's path."""
    from wellfit.atomic import write_atomic
    from wellfit.report.bias_variance_page import render_bias_variance
    from wellfit.study.files import finite

    write_atomic(out / "bias-variance.json", json.dumps(finite(result), indent=2, allow_nan=False) + "\n")
    write_atomic(out / PAGE, render_bias_variance(result))
    return out / PAGE


def show(result: Mapping[str, Any], written: Path | None) -> None:
    """Print the tables and what they say on stdout."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from wellfit.views.bias_variance import board, setting

    width = Console().width
    console = Console(highlight=False, width=max(40, min(width, 120)))
    wide = Console(highlight=False, width=max(80, min(width, 120)))  # a table is not cut
    console.print(Text(setting(result) + "."))
    for loss in result["losses"]:
        one = board(result, loss)
        console.print(Text(f"\n{one.title[0].upper()}{one.title[1:]}", style="bold"))
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        longest = max(len(f"{value:g}") for value, _ in one.rows)
        table.add_column(str(result["over"]), justify="right", no_wrap=True, min_width=longest)
        for name in one.columns:
            table.add_column(name, justify="right", no_wrap=True)
        for value, cells in one.rows:
            table.add_row(f"{value:g}", *cells, style="bold green" if value == one.lowest else None)
        wide.print(table)
        console.print(Text(one.words))
    console.print(
        Text("\n\N{PLUS-MINUS SIGN} half of a 95 % interval, for other trainings and other samples", style="dim")
    )
    for note in result["notes"]:
        console.print(Text(f"Note: {note}."))
    if written is not None:
        console.print(Text(f"Picture: {written}"), soft_wrap=True)
