"""``wellfit data DATA``: what is wrong with a data set."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wellfit.cli.options import Sets
from wellfit.errors import InputError

if TYPE_CHECKING:
    from wellfit.data.audit import Finding
    from wellfit.recipe import Recipe
    from wellfit.study.audit import Audit

SHORT = "What is wrong with a data set, and what to do."
EXAMPLES = """\b
Examples:
  wellfit data photos/
  wellfit data table.csv --target price --json
  wellfit data fashion-mnist -o audit.html --plan plan.yaml
  wellfit data photos/ --set model=mlp
"""
MOST = 12
"""Samples that the terminal names of each finding."""

Source = Annotated[
    str,
    typer.Argument(metavar="DATA", help="A name, a folder of images (and masks), a table, .npz.", show_default=False),
]
Target = Annotated[str | None, typer.Option("--target", metavar="COLUMN", help="The column to predict (tables).")]


def command(
    source: Source,
    target: Target = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE.html", help="The page; default: runs/NAME-audit/audit.html."),
    ] = None,
    plan: Annotated[
        Path | None, typer.Option("--plan", metavar="FILE", help="Write a plan for 'wellfit data clean', to be edited.")
    ] = None,
    sets: Sets = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress: only what was found.")] = False,
) -> None:
    """Look for what makes data unfit to train on: unreadable files, missing values, constant and collinear columns,
    duplicates, leaks, imbalance, outliers, odd pictures, label errors, and the risk of overfitting.

    Nothing is changed, and the exit code is 0 whatever is found. A given test set is looked at for leaks only (and for
    files that cannot be read): it stays sealed.
    """
    from wellfit.cli.output import only_result, print_json
    from wellfit.cli.target import check_outside, check_target
    from wellfit.data.clean import CLEANED, can_clean

    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise InputError("-o", f"received '{out}'", "a path that ends in .html")
    for path, option in ((out, "-o"), (plan, "--plan")):
        if path is not None:
            check_target(path, option=option)
            check_outside(path, source, option=option)
    with only_result(as_json):
        found = audited(source, target, sets or (), quiet=quiet)
        page = written(found, out)
        plan = None if plan is None else write_plan(found, plan)
    if as_json:
        print_json({**found.to_dict(), "report": str(page), "plan": None if plan is None else str(plan)})
        return
    for line in lines_of(found):
        typer.echo(line)
    typer.echo(f"report: {page}")
    if plan is not None:
        use = f"edit it, then: wellfit data clean {source} --plan {plan} -o OUT"
        typer.echo(f"plan: {plan} ({use if can_clean(source) else f'to be read; what can be cleaned is {CLEANED}'})")


def recipe_of(source: str, target: str | None, sets: Sequence[str]) -> Recipe:
    """Return a recipe with the data; ``--set`` gives its model."""
    from wellfit.recipe_file import parse_study

    data = {"source": source} | ({} if target is None else {"target": target})
    return parse_study({"data": data}, overrides=sets).recipe


def audited(source: str, target: str | None, sets: Sequence[str], *, quiet: bool) -> Audit:
    """Return the audit; what is looked for goes to stderr."""
    from wellfit.study.audit import audit

    def step(name: str) -> None:
        if not quiet:
            print(f"looking: {name}", file=sys.stderr, flush=True)

    return audit(recipe_of(source, target, sets), step=step)


def written(found: Audit, out: Path | None) -> Path:
    """Write page and JSON beside each other; return the page's path."""
    import json

    from wellfit.atomic import write_atomic
    from wellfit.report.audit_page import render_audit
    from wellfit.report.file import write
    from wellfit.study.files import finite

    page = Path("runs") / f"{_folder(found.subject.name)}-audit" / "audit.html" if out is None else out
    subject = found.subject
    write(page, render_audit(found.to_dict(), found.findings, x=subject.x, kind=subject.kind, rows=subject.row_of()))
    text = json.dumps(finite(found.to_dict()), indent=2, allow_nan=False)
    write_atomic(page.with_suffix(".json"), text.encode("utf-8", "replace"))
    return page


def write_plan(found: Audit, path: Path) -> Path:
    """Write what the findings call for as a plan; where another one stands, which may have been edited, beside it as
    ``plan-2.yaml``. Return where.
    """
    from wellfit.atomic import write_atomic
    from wellfit.data.clean import propose

    text = propose(found.subject, found.findings).to_yaml()
    numbered = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(2))
    free = next(one for one in chain([path], numbered) if not one.exists() or one.read_bytes() == text.encode())
    write_atomic(free, text)
    return free


def lines_of(found: Audit) -> list[str]:
    """Return what the terminal shows."""
    subject = found.subject
    lines = found_out(found)
    if subject.test_is_given:
        lines.append(f"the test set ({len(subject.test):,}) is sealed: looked at for leaks only")
    elif len(subject.test):
        lines.append("no test set is given: all samples are looked at")
    if subject.task is None:
        lines.append("no --target: nothing is said about classes, leaks and risk")
    if subject.task == "segmentation":
        lines.append("label errors are not looked for: out-of-fold confidence judges one class a sample, not pixels")
    if not any(finding.kind != "overfitting_risk" for finding in found.findings):
        lines.append("no fault was found")
    for finding in found.findings:
        lines += ["", *_folded(f"{finding.severity}: {finding.kind.replace('_', ' ')}: {finding.words}")]
        lines += _folded(f"  what to do: {finding.advice}")
        if finding.where or finding.groups:
            lines += _folded(f"  where: {_where(finding)}")
    return lines


def _folded(line: str) -> list[str]:
    """Return a line in as many as fit the terminal; in a file or pipe it stays one, to be searched."""
    import shutil
    import textwrap

    if not sys.stdout.isatty() and "COLUMNS" not in os.environ:
        return [line]
    width = max(40, shutil.get_terminal_size().columns)
    return textwrap.wrap(line, width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def found_out(found: Audit) -> list[str]:
    """Return what was found out about the data: its form, task and network, and the kinds of a table's columns."""
    from wellfit.cli.data_line import columns_text, network_text, samples_text, task_text, wrapped

    subject = found.subject
    facts = [samples_text(len(subject), subject.kind, subject.x.shape[1:])]
    network = network_text(found.network, subject.kind, subject.task, inferred=found.network_inferred)
    if subject.task is not None:
        facts.append(task_text(subject.task, subject.classes, [subject.target] if subject.target else []))
    lines = [f"data: {subject.name}: {', '.join(facts)}; network: {network}; {len(subject.train):,} looked at"]
    if found.columns or found.left_out:
        lines.append(columns_text(found.columns, found.left_out))
    return wrapped(lines).splitlines()


def _where(finding: Finding) -> str:
    if finding.groups:
        names = [" = ".join(group[:4]) + (" = ..." if len(group) > 4 else "") for group in finding.groups]
    elif finding.kind == "label_errors":
        told = zip(finding.where, finding.evidence["given"], finding.evidence["suggested"], strict=True)
        names = [f"{name} ({given}, rather {suggested})" for name, given, suggested in told]
    elif "reasons" in finding.evidence:
        names = [f"{name} ({why})" for name, why in zip(finding.where, finding.evidence["reasons"], strict=True)]
    else:
        names = list(finding.where)
    more = f", and {len(names) - MOST:,} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more


def _folder(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name).strip(".") or "data"
