"""``wellfit predict``: a saved model on new files."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wellfit.cli.options import SkipBad

if TYPE_CHECKING:
    from torch import Tensor

    from wellfit.study.trained import TrainedModel

SHORT = "A saved model on new files."
EXAMPLES = """\b
Examples:
  wellfit predict runs/my-study new-photos/ -o labels.csv
  wellfit predict runs/my-study/models/dropout/0.json table.csv
  wellfit predict runs/my-study photo.png --json
"""


def command(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help="A study's folder (its best), an arm's folder or a model file.",
            show_default=False,
        ),
    ],
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA", help="An image, a folder of images, a table or an .npz.", show_default=False),
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="OUT.csv", help="The file to write; default: stdout.")
    ] = None,
    skip_bad: SkipBad = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the predictions as one JSON document, and nothing else.")
    ] = False,
) -> None:
    """Predict labels and probabilities, or numbers, for new files with a saved model.

    CSV columns: name, label, probability, p_CLASS...; for a regression: name and the targets.
    """
    from wellfit.atomic import write_atomic
    from wellfit.cli.output import only_result, print_json
    from wellfit.cli.target import check_target
    from wellfit.data import read_inputs
    from wellfit.study.trained import find_card, load_model

    if out is not None:
        check_target(out)
    skipped: list[str] = []
    with only_result(True):
        card = find_card(model)
        trained = load_model(card)
        names, x = read_inputs(
            data,
            kind=trained.kind,
            shape=trained.shape,
            features=trained.features,
            size=trained.recipe.data.size,
            skip_bad=skip_bad,
            skipped=skipped,
        )
        answers = trained.predict(x)
    for line in skipped:
        print(f"left out: {line}", file=sys.stderr)
    if out is not None:
        write_atomic(out, csv_text(trained, names, answers))
    if as_json:
        print_json(document(trained, card, names, answers, skipped))
    elif out is not None:
        print(f"{len(names)} predictions: {out}", file=sys.stderr)
    else:
        sys.stdout.write(csv_text(trained, names, answers))


def csv_text(trained: TrainedModel, names: Sequence[str], answers: Tensor) -> str:
    """Return the predictions as CSV; ``answers`` are probabilities (N, C) or numbers (N, K)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if trained.task == "classification":
        writer.writerow(["name", "label", "probability", *(f"p_{name}" for name in trained.classes)])
        for name, values, best in zip(names, answers.tolist(), answers.argmax(-1).tolist(), strict=True):
            numbers = [_number(value) for value in (values[best], *values)]
            writer.writerow([name, trained.classes[best], *numbers])
    else:
        writer.writerow(["name", *target_names(trained, answers.shape[1])])
        for name, values in zip(names, answers.tolist(), strict=True):
            writer.writerow([name, *(_number(value) for value in values)])
    return text.getvalue()


def target_names(trained: TrainedModel, count: int) -> Sequence[str]:
    """Return the names of the target columns; ``prediction`` where the data gave them none."""
    if len(trained.targets) == count:
        return trained.targets
    return ["prediction"] if count == 1 else [f"prediction_{index}" for index in range(count)]


def _number(value: float) -> str:
    return f"{value:.7g}"  # what a float32 holds


def document(
    trained: TrainedModel, card: Path, names: Sequence[str], answers: Tensor, skipped: Sequence[str]
) -> dict[str, Any]:
    """Return the predictions as plain values."""
    rows: list[dict[str, Any]] = []
    for name, values, best in zip(names, answers.tolist(), answers.argmax(-1).tolist(), strict=True):
        if trained.task == "classification":
            chances = dict(zip(trained.classes, values, strict=True))
            label = trained.classes[best]
            rows.append({"name": name, "label": label, "probability": values[best], "probabilities": chances})
        else:
            rows.append({"name": name, **dict(zip(target_names(trained, len(values)), values, strict=True))})
    about = {"model": str(card.with_suffix(".safetensors")), "arm": trained.arm, "seed": trained.seed}
    return {**about, "task": trained.task, "predictions": rows, "skipped": list(skipped)}
