"""``wellfit data clean``: apply a plan to a copy of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wellfit.cli.audit import Source, Target
from wellfit.cli.options import Sets
from wellfit.errors import InputError

SHORT = "Apply a plan (drop, deduplicate, relabel, impute) to a copy."
EXAMPLES = """\b
Examples:
  wellfit data clean photos/ --write-plan plan.yaml
  wellfit data clean photos/ --plan plan.yaml -o photos-clean
  wellfit data clean table.csv --plan plan.yaml -o clean.csv
"""


def command(
    source: Source,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="OUT", help="The copy: a new folder, table or .npz.")
    ] = None,
    plan: Annotated[Path | None, typer.Option("--plan", metavar="FILE", help="The plan to apply.")] = None,
    write_to: Annotated[
        Path | None, typer.Option("--write-plan", metavar="FILE", help="Audit the data and write the plan; no copy.")
    ] = None,
    target: Target = None,
    sets: Sets = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else.")] = False,
) -> None:
    """Write a cleaned copy of a data set by a plan that was reviewed first; the source is never changed.

    The same data and plan give the same bytes. The plan is kept with the copy.
    """
    from wellfit.cli.output import only_result, print_json
    from wellfit.cli.target import check_outside, check_target

    if write_to is not None:
        if plan is not None or out is not None:
            raise InputError("--write-plan", "received with --plan or -o", "the plan first, to be reviewed")
        from wellfit.cli.audit import audited, write_plan

        check_target(write_to, option="--write-plan")
        check_outside(write_to, source, option="--write-plan")
        with only_result(as_json):
            write_to = write_plan(audited(source, target, sets or (), quiet=False), write_to)
        if as_json:
            print_json({"plan": str(write_to)})
        else:
            typer.echo(write_to)
        return
    if plan is None or out is None:
        missing = "--plan" if plan is None else "-o"
        raise InputError(missing, "missing", "--plan FILE -o OUT, or --write-plan FILE to get a plan")
    from wellfit.data.clean import apply_plan, read_plan

    done = apply_plan(source, read_plan(plan), out)
    if as_json:
        counts = {"before": done.before, "after": done.after, "relabeled": done.relabeled, "imputed": done.imputed}
        print_json({"path": str(out), **counts})
    else:
        changed = f"{done.relabeled:,} relabeled, {done.imputed:,} cells imputed"
        typer.echo(f"{done.after:,} of {done.before:,} samples kept, {changed}: {out}")
