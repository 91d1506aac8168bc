"""``wellfit train``: one recipe with one seed, by the same path as a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wellfit.cli.importing import for_good
from wellfit.cli.options import AsJson, Fresh, Memory, Out, Quiet, Sets, SkipBad, Store
from wellfit.errors import RecipeError

if TYPE_CHECKING:
    from wellfit.recipe import StudySpec

RECIPES = (".yaml", ".yml")

SHORT = "One network: one recipe, one seed."
EXAMPLES = """\b
Examples:
  wellfit train digits
  wellfit train photos/ --set epochs=50 --set regularizers.dropout.rate=0.3
  wellfit train table.csv --target price --set model.hidden=[256,256]
  wellfit train recipe.yaml --seed 3
  wellfit train digits --find-lr --set optimizer.kind=adam
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
    target: Annotated[
        str | None, typer.Option("--target", metavar="COL", help="The column to predict (tables).")
    ] = None,
    find_lr: Annotated[
        bool, typer.Option("--find-lr", help="Only try learning rates, briefly, and suggest one; nothing is written.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Draws split, start, order and noise.")] = 0,
    out: Out = None,
    sets: Sets = None,
    store: Store = None,
    fresh: Fresh = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    skip_bad: SkipBad = False,
    memory: Memory = None,
) -> None:
    """Train one network: a study of one arm and one seed.

    Give the data alone to train the default network for it, or a recipe without 'study'.
    """
    from wellfit.recipe_file import parse_study, read_file, study_name

    overrides = list(sets or ())
    for text in overrides:
        if text.partition("=")[0].strip().partition(".")[0] == "study":
            raise RecipeError(f"--set {text}", "train runs one arm with one seed", "'wellfit study' for a study")
    if source.lower().endswith(RECIPES):
        values = _recipe(read_file(Path(source)), source)
    else:
        values = {"data": {"source": source}}
    if target is not None:
        # As YAML a target named 1 or yes would not stay a text.
        data = values.get("data")
        values["data"] = {**(data if isinstance(data, dict) else {"source": data}), "target": target}
    overrides += ["data.skip_bad=true"] if skip_bad else []
    spec = parse_study({**values, "study": {"seeds": [seed]}}, overrides=overrides, name=study_name(source))
    if find_lr:
        _find_lr(spec, out=out, store=store, fresh=fresh, as_json=as_json, quiet=quiet, memory=memory)
        return

    with for_good():
        from wellfit.cli.run import Order, run

    order = Order(out=out, store_url=store, fresh=fresh, certificates=0, as_json=as_json, quiet=quiet, memory=memory)
    run(spec, order)


def _find_lr(
    spec: StudySpec,
    *,
    out: Path | None,
    store: str | None,
    fresh: bool,
    as_json: bool,
    quiet: bool,
    memory: str | None,
) -> None:
    given = [name for name, value in (("--out", out), ("--store", store), ("--fresh", fresh)) if value]
    if given:
        raise typer.BadParameter(f"{given[0]} has no meaning with --find-lr, which writes nothing")

    with for_good():
        from wellfit.cli.find_lr import show

    show(spec, as_json=as_json, quiet=quiet, memory=memory)


def _recipe(values: dict[str, Any], path: str) -> dict[str, Any]:
    if "study" in values:
        raise RecipeError(path, "has a part 'study'", f"'wellfit study {path}', or a recipe without it")
    return values
