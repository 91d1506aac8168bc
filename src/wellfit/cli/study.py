"""``wellfit study``: run a study file, or what is left of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wellfit.cli.options import AsJson, Certify, Fresh, Memory, Out, Quiet, Sets, SkipBad, Store

SHORT = "Arms x seeds, paired, with verdicts; resumes."
EXAMPLES = """\b
Examples:
  wellfit study my-study.yaml
  wellfit study my-study.yaml --set study.seeds=5 --set optimizer.lr=0.05
  wellfit study my-study.yaml --out runs/again --certify 2
  wellfit study my-study.yaml --json > result.json
"""


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The study: a recipe in YAML.", show_default=False)],
    out: Out = None,
    sets: Sets = None,
    store: Store = None,
    fresh: Fresh = False,
    certify: Certify = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
    skip_bad: SkipBad = False,
    memory: Memory = None,
) -> None:
    """Train arms x seeds of a study file together, and say which differences are real.

    The same command goes on where it was interrupted; what is complete is not run again.
    """
    from wellfit.recipe_file import read_study

    spec = read_study(file, overrides=[*(sets or ()), *(["data.skip_bad=true"] if skip_bad else ())])

    from wellfit.cli.run import Order, run

    order = Order(
        out=out, store_url=store, fresh=fresh, certificates=certify, as_json=as_json, quiet=quiet, memory=memory
    )
    run(spec, order)
