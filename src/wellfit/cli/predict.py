"""``wellfit predict``: a saved model on new files."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wellfit.cli.importing import for_good
from wellfit.cli.options import SkipBad
from wellfit.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from wellfit.study.ensemble import Averaged
    from wellfit.study.trained import TrainedModel

SHORT = "A saved model on new files."
EXAMPLES = """\b
Examples:
  wellfit predict runs/my-study new-photos/ -o labels.csv
  wellfit predict runs/my-study/models/dropout/0.json table.csv
  wellfit predict runs/my-study photo.png --json
  wellfit predict runs/spoken-digits new-recordings/
  wellfit predict runs/my-study table.csv --mc 50
"""
NETWORKS = 50


class Way(StrEnum):
    """How the thinned networks of a model with dropout are averaged."""

    scaling = "scaling"
    mc = "mc"
    exact = "exact"


Model = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", help="A study's folder (its best), an arm's folder or a model file.", show_default=False
    ),
]
Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA", help="Images, a table, series, recordings or arrays; without targets.", show_default=False
    ),
]
OutFile = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="OUT", help="The CSV to write, or the folder of masks; default: stdout."),
]
Mc = Annotated[
    int | None,
    typer.Option("--mc", metavar="N", min=2, help="Average N thinned networks of a model trained with dropout."),
]
Ensemble = Annotated[
    Way | None,
    typer.Option("--ensemble", help="How to average them: the whole network, some drawn, or all (few units)."),
]
SeedOfMasks = Annotated[
    int, typer.Option("--seed", metavar="S", min=0, max=2**63 - 1, help="Draws the networks of --mc.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the predictions as one JSON document, and nothing else.")]


def command(
    model: Model,
    data: Data,
    out: OutFile = None,
    mc: Mc = None,
    ensemble: Ensemble = None,
    seed: SeedOfMasks = 0,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Predict labels and probabilities, or numbers, for new files with a saved model.

    DATA is of the kind that the model was trained on; targets are not needed and not looked at. Images: one, or a
    folder with all its subfolders. Tables: those with the model's columns; others are ignored. Sequences: a .ts file or
    a folder of them; a .wav or a folder with all its subfolders; a table with the columns data.id and data.time of the
    recipe. For any kind: arrays in an .npz (x_test, else x), a .npy, a folder of x.npy; or the name of a data set.
    Images are resized by data.size, sequences padded or cut by data.length and resampled by data.rate of the recipe.

    CSV columns: name, label, probability, p_CLASS...; for a regression: name and the targets. A model trained with
    dropout is an ensemble of thinned networks: --mc averages some of them, --ensemble exact all, and add the standard
    deviation of each number (p_CLASS_std, TARGET_std).

    A segmentation writes a mask for each image into the folder OUT, in the image's own size and with the values of the
    masks that it was trained on; the CSV then has columns name, confidence and share_CLASS....
    """
    from wellfit.atomic import write_atomic
    from wellfit.cli.output import only_result, print_json
    from wellfit.cli.predict_masks import check_folder, predict_masks
    from wellfit.cli.target import check_target

    with for_good():
        from wellfit.study.trained import find_card, load_model

    way = chosen_way(mc, ensemble)
    skipped: list[str] = []
    with only_result(True):
        card = find_card(model)
        trained = load_model(card)
        masks = trained.task == "segmentation"
        if out is not None:
            check_folder(out) if masks else check_target(out)
            if out.resolve() == data.resolve():
                raise InputError("-o", f"'{out}' is the data", "another path: data is never changed")
        if masks and way is not Way.scaling:
            raise InputError("--ensemble", f"received {way} for a segmentation", "no --mc and no --ensemble")
        names, x = read(trained, data, skip_bad=skip_bad, skipped=skipped)
        answers = None if masks else average(trained, x, way, mc or NETWORKS, seed)
    for line in skipped:
        print(f"left out: {line}", file=sys.stderr)
    if answers is None:
        predict_masks(trained, card, data, names, x, out=out, as_json=as_json)
        return
    if out is not None:
        write_atomic(out, csv_text(trained, names, answers))
    if as_json:
        print_json(document(trained, card, names, answers, skipped))
    elif out is not None:
        print(f"{len(names)} predictions: {out}", file=sys.stderr)
    else:
        sys.stdout.write(csv_text(trained, names, answers))


def read(trained: TrainedModel, data: Path, *, skip_bad: bool, skipped: list[str]) -> tuple[list[str], Tensor]:
    """Return names and samples for a model; messages for what is left out are appended to ``skipped``."""
    from wellfit.data import read_inputs

    return read_inputs(
        data,
        kind=trained.kind,
        shape=trained.shape,
        features=trained.features,
        spec=trained.recipe.data,
        encoder=trained.encoder,
        rate=trained.rate,
        skip_bad=skip_bad,
        skipped=skipped,
    )


def chosen_way(mc: int | None, ensemble: Way | None) -> Way:
    """Return how to average; a number of networks to draw means drawing.

    Raises
    ------
    InputError
        Both are given and contradict each other.

    """
    if mc is not None and ensemble not in (None, Way.mc):
        raise InputError("--mc", f"received together with --ensemble {ensemble}", "--ensemble mc, or one of them")
    return ensemble or (Way.scaling if mc is None else Way.mc)


def average(trained: TrainedModel, x: Tensor, way: Way, networks: int, seed: int) -> Averaged:
    """Return what the model answers, averaged over its thinned networks."""
    from wellfit.study.ensemble import exact, monte_carlo, weight_scaling

    if way is Way.mc:
        return monte_carlo(trained, x, networks=networks, seed=seed)
    return exact(trained, x) if way is Way.exact else weight_scaling(trained, x)


def csv_text(trained: TrainedModel, names: Sequence[str], answers: Averaged) -> str:
    """Return the predictions as CSV: probabilities (N, C) or numbers (N, K), and their deviations if there are any."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = number_names(trained, answers)
    heads = ["label", "probability"] if trained.task == "classification" else []
    spread = [] if answers.std is None else [f"{name}_std" for name in columns]
    writer.writerow(["name", *heads, *columns, *spread])
    rows = zip(names, answers.mean.tolist(), answers.mean.argmax(-1).tolist(), _deviations(answers), strict=True)
    for name, values, best, deviations in rows:
        label = [trained.classes[best], _number(values[best])] if heads else []
        writer.writerow([name, *label, *map(_number, values), *map(_number, deviations)])
    return text.getvalue()


def _deviations(answers: Averaged) -> list[list[float]]:
    return [[] for _ in answers.mean] if answers.std is None else answers.std.tolist()


def number_names(trained: TrainedModel, answers: Averaged) -> Sequence[str]:
    """Return the columns of the numbers: ``p_CLASS``, or the targets; ``prediction`` where the data named none."""
    if trained.task == "classification":
        return [f"p_{name}" for name in trained.classes]
    count = answers.mean.shape[1]
    if len(trained.targets) == count:
        return trained.targets
    return ["prediction"] if count == 1 else [f"prediction_{index}" for index in range(count)]


def _number(value: float) -> str:
    return f"{value:.7g}"  # what a float32 holds


def document(
    trained: TrainedModel, card: Path, names: Sequence[str], answers: Averaged, skipped: Sequence[str]
) -> dict[str, Any]:
    """Return the predictions as plain values."""
    rows: list[dict[str, Any]] = []
    columns = number_names(trained, answers)
    each = zip(names, answers.mean.tolist(), answers.mean.argmax(-1).tolist(), _deviations(answers), strict=True)
    for name, values, best, deviations in each:
        row: dict[str, Any] = {"name": name}
        if trained.task == "classification":
            row |= {"label": trained.classes[best], "probability": values[best]}
            row["probabilities"] = dict(zip(trained.classes, values, strict=True))
            if deviations:
                row["probabilities_std"] = dict(zip(trained.classes, deviations, strict=True))
        else:
            row |= zip(columns, values, strict=True)
            row |= zip([f"{column}_std" for column in columns] if deviations else [], deviations, strict=True)
        rows.append(row)
    about = {"model": str(card.with_suffix(".safetensors")), "arm": trained.arm, "seed": trained.seed}
    about |= {"task": trained.task, "ensemble": answers.way, "networks": answers.networks}
    return {**about, "predictions": rows, "skipped": list(skipped)}
