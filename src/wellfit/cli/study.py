"""``wellfit study``: run a study file, or what is left of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from wellfit.cli.importing import for_good
from wellfit.cli.options import AsJson, Certify, Fresh, Memory, Out, Quiet, Sets, SkipBad, Store

RECIPES = (".yaml", ".yml")
CLEANING_SEEDS = 5
"""Seeds of a study that is given as a data set and a plan."""

SHORT = "Arms x seeds, paired, with verdicts; resumes."
EXAMPLES = """\b
Examples:
  wellfit study my-study.yaml
  wellfit study my-study.yaml --set study.seeds=5 --set optimizer.lr=0.05
  wellfit study my-study.yaml --out runs/again --certify 2
  wellfit study photos/ --clean plan.yaml
  wellfit study my-study.yaml --race
  wellfit study my-study.yaml --json > result.json
"""


def command(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="The study: a recipe in YAML. With --clean also a data set.", show_default=False
        ),
    ],
    clean: Annotated[
        Path | None,
        typer.Option(
            "--clean", metavar="PLAN", help="Compare keep, clean by this plan, and as many removed at random."
        ),
    ] = None,
    out: Out = None,
    sets: Sets = None,
    store: Store = None,
    fresh: Fresh = False,
    certify: Certify = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
    skip_bad: SkipBad = False,
    memory: Memory = None,
    race: Annotated[
        bool, typer.Option("--race", help="Let arms leave that are surely not the best: fewer epochs.")
    ] = False,
) -> None:
    """Train arms x seeds of a study file together, and say which differences are real.

    The same command goes on where it was interrupted; what is complete is not run again.
    """
    from wellfit.recipe_file import parse_study, read_study, study_name

    overrides = [*(sets or ()), *(["data.skip_bad=true"] if skip_bad else ())]
    overrides += ["study.racing=true"] if race else []
    if clean is not None and file.suffix.lower() not in RECIPES:
        from wellfit.data.clean import read_plan

        data = {"source": str(file), "target": read_plan(clean).target}
        values = {"data": data, "study": {"seeds": CLEANING_SEEDS, "cleaning": str(clean)}}
        spec = parse_study(values, overrides=overrides, name=f"{study_name(str(file))}-cleaning")
    else:
        # as JSON a path is one YAML text, whatever it holds
        overrides += [] if clean is None else [f"study.cleaning={json.dumps(str(clean))}"]
        spec = read_study(file, overrides=overrides)

    with for_good():
        from wellfit.cli.run import Order, run

    order = Order(
        out=out, store_url=store, fresh=fresh, certificates=certify, as_json=as_json, quiet=quiet, memory=memory
    )
    run(spec, order)
