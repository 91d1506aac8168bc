"""``wellfit examine fingerprint``: L1, L2, both or neither?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from wellfit.cli.importing import for_good
from wellfit.cli.options import AsJson

SHORT = "Was a network trained with L1, L2, both or neither? From its weights."
EXAMPLES = """\b
Examples:
  wellfit examine fingerprint runs/my-study
  wellfit examine fingerprint model.safetensors
  wellfit examine fingerprint model.npz --json
"""

COLUMNS = {
    "dust": "dust",
    "dead": "unused",
    "bulk": "start at",
    "scale": "scale",
    "kurtosis": "kurtosis",
}

LEGEND = "dust: weights near 0 beside their row and column; start at: what is left of the random start"


def command(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A study's folder (its best model) or an arm's, .safetensors, .npz, or Keras' .weights.h5.",
            show_default=False,
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Say from weights alone by which penalty a network was trained; L2 is also weight decay.

    Beside a model of wellfit the truth is shown, which is not used for the guess. No pickle is ever loaded.
    """
    from wellfit.cli.fail import begin_work
    from wellfit.cli.output import only_result, print_json

    with for_good():
        from wellfit.examine.fingerprint import fingerprint

    begin_work()
    with only_result(as_json):
        found = fingerprint(model)
    if as_json:
        print_json(found)
    else:
        show(found)


def show(found: Mapping[str, Any]) -> None:
    """Print verdict, evidence, layers, and the truth where it is known, on stdout."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from wellfit.views.numbers import share_text

    width = Console().width
    console = Console(highlight=False, width=max(40, min(width, 120)))
    wide = Console(highlight=False, width=max(80, min(width, 120)))  # a table is not cut
    console.print(Text.assemble((f"{found['verdict']}", "bold"), f" ({share_text(found['confidence'])})"))
    console.print(Text(found["words"]))
    chances = ", ".join(f"{kind} {share_text(share)}" for kind, share in found["probabilities"].items())
    console.print(Text(f"Probabilities: {chances}", style="dim"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("layer")
    for name in ("units x inputs", *COLUMNS.values(), "likeliest"):
        table.add_column(name, justify="right")
    for layer in found["layers"]:
        table.add_row(layer["name"], " x ".join(map(str, layer["shape"])), *_cells(layer), layer["guess"])
    if found["layers"]:
        wide.print(table)
        console.print(Text(LEGEND, style="dim"))
    if found["truth"] is not None:
        console.print(Text(f"The recipe says: {_truth(found['truth'])}"))


def _cells(layer: Mapping[str, Any]) -> list[str]:
    import math

    from wellfit.views.numbers import MISSING, share_text, short_text

    bulk = layer["bulk"]
    start = MISSING if not math.isfinite(bulk) else f"{100 * math.exp(bulk):.0f} %"
    shares = [share_text(layer[name]) for name in ("dust", "dead")]
    return [*shares, start, short_text(math.exp(layer["scale"])), short_text(layer["kurtosis"])]


def _truth(truth: Mapping[str, Any]) -> str:
    parts = [f"{name} {strength:g}" for kind in ("l1", "l2") for name, strength in truth[kind].items()]
    return f"{truth['kind']} ({', '.join(parts)})" if parts else str(truth["kind"])
