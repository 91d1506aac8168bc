"""``wellfit plan``: how a study would be computed here, and what that was found by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wellfit.cli.importing import for_good
from wellfit.cli.options import AsJson, Memory, Sets

SHORT = "How a study is computed here: measured, and shown."
EXAMPLES = """\b
Examples:
  wellfit plan my-study.yaml
  wellfit plan my-study.yaml --anew
  wellfit plan my-study.yaml --set study.plan.threads=2
  wellfit plan my-study.yaml --json
"""


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recipe in YAML.", show_default=False)],
    sets: Sets = None,
    anew: Annotated[bool, typer.Option("--anew", help="Measure again what this machine remembers.")] = False,
    as_json: AsJson = False,
    memory: Memory = None,
) -> None:
    """Measure the ways to train a study's members on this machine, and show which is the fastest.

    Nothing is trained and nothing is written but the machine's memory of plans. A study does the same when it begins,
    where it takes long enough, and goes on as it has begun. What `study.plan` in the recipe names is not measured.
    """
    from wellfit.recipe_file import read_study

    spec = read_study(file, overrides=sets or ())

    with for_good():
        from wellfit.cli.show_plan import show

    show(spec, anew=anew, as_json=as_json, memory=memory)
