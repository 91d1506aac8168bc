"""``wellfit data preview``: a contact sheet of what augmentation does."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wellfit.cli.options import Sets, SkipBad
from wellfit.errors import InputError, nearest

if TYPE_CHECKING:
    from PIL.Image import Image

    from wellfit.recipe import DataSpec
    from wellfit.study.preview import Methods, Preview

SHORT = "What augmentation does: originals beside variants."
EXAMPLES = """\b
Examples:
  wellfit data preview digits --augment rotation=15 -o sheet.png
  wellfit data preview photos/ --augment rotation,brightness=0.3 -o sheet.png
  wellfit data preview waves.npz --augment time_masking:fraction=0.2,count=2
    -o sheet.png
  wellfit data preview --recipe my-study.yaml --arm flips -o sheet.png
"""


Source = Annotated[
    str | None,
    typer.Argument(
        metavar="DATA",
        help="A data set (a name, a folder of images, .npz); default: the recipe's.",
        show_default=False,
    ),
]
Augment = Annotated[
    list[str] | None,
    typer.Option(
        "--augment",
        metavar="NAME[=NUMBER],...",
        help="What to apply, also as NAME:FIELD=VALUE,FIELD=VALUE; repeatable.",
    ),
]
Arm = Annotated[
    str | None,
    typer.Option("--arm", metavar="NAME", help="The study's arm; default: the one with most augmentations."),
]


def command(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="OUT.png", help="The file to write.")],
    source: Source = None,
    augment: Augment = None,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", metavar="FILE", help="Apply what a recipe or study file applies.")
    ] = None,
    arm: Arm = None,
    samples: Annotated[
        int, typer.Option("--samples", metavar="N", min=1, max=64, help="Samples, over the classes.")
    ] = 8,
    variants: Annotated[int, typer.Option("--variants", metavar="K", min=1, max=24, help="Variants of each.")] = 5,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Draws split, samples and noise.")] = 0,
    sets: Sets = None,
    skip_bad: SkipBad = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document about the sheet, and nothing else.")
    ] = False,
) -> None:
    """Draw train samples beside what augmentation makes of them, by the code and the draws of training.

    All augmentations are applied together, in the order of training: each variant is what one epoch would see. Mixup
    and CutMix mix the samples of the sheet with each other. Sequences are drawn as curves.
    """
    check_sheet(out)
    if source is None and recipe is None:
        raise InputError("DATA", "missing", "a data set, or --recipe FILE")

    from wellfit.atomic import write_atomic
    from wellfit.cli.output import only_result, print_json
    from wellfit.report.contact_sheet import as_png

    overrides = [*(sets or ()), *(["data.skip_bad=true"] if skip_bad else ())]
    with only_result(as_json):
        data, methods = chosen(source, augment or (), recipe, arm, overrides)
        name, preview = looked_at(data, methods, seed=seed, samples=samples, variants=variants)
        write_atomic(out, as_png(drawn(preview, methods, name=name, seed=seed)))
    count = len(preview.rows)
    if as_json:
        parameters = {name: method.model_dump(mode="json") for name, method in methods.items()}
        print_json({"path": str(out), "samples": count, "variants": variants, "augmentations": parameters})
    else:
        print(f"{count} samples x {variants} variants: {out}", file=sys.stderr)


def check_sheet(path: Path) -> None:
    """Refuse a path that is none for a picture."""
    from wellfit.cli.target import check_target

    if path.suffix.lower() != ".png":
        raise InputError("-o", f"received '{path}'", "a path that ends in .png")
    check_target(path)


def chosen(
    source: str | None, texts: Sequence[str], recipe: Path | None, arm: str | None, overrides: Sequence[str]
) -> tuple[DataSpec, Methods]:
    """Return the data, and what is applied to it: by the recipe's arm, then by ``texts``, which stand instead."""
    from wellfit.cli.augmentations import FORMS, OPTION, in_order, parse_augmentations
    from wellfit.recipe_file import parse_study, read_file
    from wellfit.regularize.catalogue import make
    from wellfit.study.prepare import design

    named = parse_augmentations(texts)
    values = {} if recipe is None else read_file(recipe)
    if source is not None:
        values["data"] = {"source": source}
    arms = {one.name: one.recipe for one in design(parse_study(values, overrides=overrides))}
    if arm is not None and arm not in arms:
        raise InputError("--arm", f"unknown arm '{arm}'", nearest(arm, arms))
    applied = {
        name: in_order({method: make(method, fields) for method, fields in one.regularizers.items()})
        for name, one in arms.items()
        if arm in (None, name)
    }
    name = max(applied, key=lambda name: sum(not method.is_off for method in applied[name].values()))
    methods = in_order({**applied[name], **named})
    if not methods:
        where = OPTION if recipe is None else str(recipe) if arm is None else f"{recipe}, arm {arm}"
        raise InputError(where, "no augmentation", f"{OPTION} {FORMS}" if recipe is None else "one, or --augment")
    return arms[name].data, methods


def looked_at(data: DataSpec, methods: Methods, *, seed: int, samples: int, variants: int) -> tuple[str, Preview]:
    """Return the name of the data, and the samples with their variants."""
    from wellfit.data import load
    from wellfit.study.preview import make_preview
    from wellfit.train.replicate import make_replicate

    dataset = load(data)
    replicate = make_replicate(dataset, data, seed)
    return dataset.name, make_preview(replicate, methods, samples=samples, variants=variants)


def drawn(preview: Preview, methods: Methods, *, name: str, seed: int) -> Image:
    """Return the contact sheet of a preview."""
    import numpy as np

    from wellfit.cli.augmentations import describe
    from wellfit.report.contact_sheet import Row, contact_sheet
    from wellfit.report.tile import picture, sequence

    rows = []
    for index, label in enumerate(preview.labels):
        arrays = [preview.samples[index], *(variant[index] for variant in preview.variants)]
        if preview.samples.ndim == 4:
            tiles = [picture(array) for array in arrays]
        else:
            low, high = (float(end(arrays)) for end in (np.min, np.max))
            tiles = [sequence(array, low=low, high=high) for array in arrays]
        rows.append(Row(label, tiles, [(), *(epoch[index] for epoch in preview.targets)]))
    count = len(preview.variants)
    lines = [
        f"{len(rows)} train samples of seed {seed}, each beside {count} variants: what {count} epochs would see",
        *(["Values as they reach the network; the grey line, or white, is 0"] if preview.samples.ndim == 3 else []),
        *(f"{method}: {describe(parameters)}" for method, parameters in methods.items()),
    ]
    columns = ["original", *(f"variant {index}" for index in range(1, count + 1))]
    return contact_sheet(rows, columns=columns, title=name, lines=lines)
