"""``wellfit diagnose``: a verdict on every run of a study's folder, or of another trainer's log."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from wellfit.diagnosis import Diagnosis, Finding, Remedy
    from wellfit.recipe import Patch, Recipe
    from wellfit.study.curves import StudyRun

WIDEST, NARROWEST = 100, 30

SHORT = "Under- or overfit? From a study or any log."
EXAMPLES = """\b
Examples:
  wellfit diagnose runs/my-study
  wellfit diagnose lightning_logs/version_3/metrics.csv
  wellfit diagnose run-a/ run-b/trainer_state.json --json
  wellfit diagnose history.csv --chance-loss 2.303

\b
Exit code 0 whatever the verdict; 2 for what is no log.
"""


@dataclass(frozen=True)
class Context:
    """What is known beside the curves."""

    reference: float | None
    chance_loss: float | None
    baseline: float | None


@dataclass(frozen=True)
class Judged:
    """A run and what was found."""

    source: str
    diagnosis: Diagnosis
    keys: dict[str, str] = field(default_factory=dict)
    """Of a foreign log: its key -> ours."""
    recipe: Recipe | None = None
    patches: Mapping[tuple[str, str], Patch | None] = field(default_factory=dict)
    """Of a study's run: (change, step) of a remedy -> the change of its recipe."""

    def to_dict(self) -> dict[str, Any]:
        """Return the object of ``--json``."""
        return {
            "source": self.source,
            "verdict": self.diagnosis.verdict,
            "confidence": self.diagnosis.confidence,
            "words": self.diagnosis.words,
            "findings": [_finding(each, self.patches) for each in self.diagnosis.findings],
            "keys": self.keys,
            "remarks": list(self.diagnosis.remarks),
        }


def command(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", help="Folders of studies, logs, or folders that hold them.", show_default=False),
    ],
    reference: Annotated[
        float | None,
        typer.Option(
            "--reference", metavar="LOSS", help="A validation loss known to be reachable, as of a stronger run."
        ),
    ] = None,
    chance_loss: Annotated[
        float | None,
        typer.Option("--chance-loss", metavar="LOSS", help="The loss of guessing; ln(10) = 2.303 for ten classes."),
    ] = None,
    baseline: Annotated[
        float | None,
        typer.Option("--baseline", metavar="LOSS", help="The validation loss of a linear model, to be beaten."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a list, one object per run, and nothing else.")
    ] = False,
) -> None:
    """Say of every run whether it under- or overfits, by what evidence, what else is wrong, and what would help.

    Reads studies of wellfit, and logs of TensorBoard, Keras, Lightning, Hugging Face, Ultralytics, timm, MLflow, W&B,
    plain CSV and JSON. Give --chance-loss or --reference if you know them: then more can be said.
    """
    from wellfit.cli.fail import begin_work
    from wellfit.cli.output import only_result, print_json

    begin_work()
    context = Context(reference, chance_loss, baseline)
    with only_result(as_json):
        judged = [each for path in paths for each in _judge(path, context)]
    if as_json:
        print_json([each.to_dict() for each in judged])
        return
    width = min(max(shutil.get_terminal_size((80, 24)).columns, NARROWEST), WIDEST)
    for number, each in enumerate(judged):
        for line in (*([""] if number else []), *_lines(each, width)):
            typer.echo(line)


def _judge(path: Path, context: Context) -> Iterator[Judged]:
    """Yield a diagnosis for each run that a path holds."""
    from wellfit.diagnosis import diagnose
    from wellfit.diagnosis.readers import read_logs
    from wellfit.errors import DataError
    from wellfit.study.curves import study_folders, study_runs

    if not path.exists():
        raise DataError(str(path), "no such file or folder", "a study's folder or a log")
    folders = study_folders(path)
    for folder in folders:
        for run in study_runs(folder):
            yield _judge_run(run, f"{folder}#{run.arm}/{run.seed}", context)
    if folders:
        return
    for log in read_logs(path):
        found = diagnose(log, reference=context.reference, chance_loss=context.chance_loss, baseline=context.baseline)
        yield Judged(log.source, found, {theirs: str(ours) for theirs, ours in log.keys.items()})


def _judge_run(run: StudyRun, source: str, context: Context) -> Judged:
    """Return the diagnosis of a study's run, with remedies as changes of its recipe where that is known."""
    from wellfit.diagnosis import diagnose
    from wellfit.diagnosis.candidates import first_doses

    found = diagnose(
        run.curves,
        reference=run.reference if context.reference is None else context.reference,
        chance_loss=run.chance_loss if context.chance_loss is None else context.chance_loss,
        baseline=context.baseline,
        regularizers=run.regularizers,
        facts=run.facts,
    )
    recipe = run.recipe
    if recipe is None:
        return Judged(source, found)
    patches = first_doses(found, recipe, run.facts)
    findings = tuple(
        replace(each, remedies=tuple(one for one in each.remedies if (one.change, one.step) in patches))
        for each in found.findings
    )
    return Judged(source, replace(found, findings=findings), {}, recipe, patches)


def _finding(finding: Finding, patches: Mapping[tuple[str, str], Patch | None]) -> dict[str, Any]:
    return {
        "name": finding.name,
        "epoch": finding.epoch,
        "confidence": finding.confidence,
        "evidence": dict(finding.evidence),
        "words": finding.words,
        "remedies": [
            {
                "change": each.change,
                "step": each.step,
                "reason": each.reason,
                "source": each.source,
                "harm": each.harm,
                "patch": patches.get((each.change, each.step)),
            }
            for each in finding.remedies
        ],
    }


def _typed(judged: Judged, remedy: Remedy) -> str:
    """Return the options that make the change, as a shell takes them; empty where it is none of the recipe."""
    import shlex

    from wellfit.diagnosis.typed import overrides

    patch = judged.patches.get((remedy.change, remedy.step))
    if judged.recipe is None or patch is None:
        return ""
    return "(" + " ".join(f"--set {shlex.quote(one)}" for one in overrides(judged.recipe, patch)) + ")"


def _lines(judged: Judged, width: int) -> Iterator[str]:
    from wellfit.diagnosis.lines import diagnosis_lines, filled

    yield from filled(judged.source, width, "")
    yield from diagnosis_lines(judged.diagnosis, width, typed=lambda remedy: _typed(judged, remedy))
    if judged.keys:
        yield ""
        yield from filled("read: " + ", ".join(f"{a} as {b}" for a, b in judged.keys.items()), width, "  ")
    for remark in judged.diagnosis.remarks:
        yield from filled(f"note: {remark}", width, "  ")
