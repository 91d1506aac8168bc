"""``wellfit predict`` of a segmentation: a mask for each image, and how much of it each class has."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from wellfit.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from wellfit.data.picture import Size
    from wellfit.study.trained import TrainedModel

TABLE = "predictions.csv"


def check_folder(path: Path) -> None:
    """Refuse a path that is none for a new folder of masks."""
    from wellfit.cli.target import check_target

    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError("-o", f"'{path}' exists", "a new folder for the masks")
    check_target(path / TABLE)


def predict_masks(
    trained: TrainedModel, card: Path, data: Path, names: Sequence[str], x: Tensor, *, out: Path | None, as_json: bool
) -> None:
    """Print for each image the share of its pixels that each class has, and write the masks to ``out``.

    The masks have the size of the images that they are for, and the values that the masks in training had; the table
    of shares stands beside them as predictions.csv.
    """
    from wellfit.atomic import write_atomic
    from wellfit.cli.output import print_json
    from wellfit.data.inputs.images import image_paths
    from wellfit.data.mask_picture import mask_png

    files, paths = mask_names(names), image_paths(data) if data.exists() else {}
    rows: list[dict[str, Any]] = []
    for name, file, (mask, confidence) in zip(names, files, _answers(trained, x), strict=True):
        shares = mask.flatten().bincount(minlength=len(trained.classes)).double() / mask.numel()
        row: dict[str, Any] = {"name": name, "confidence": confidence}
        row["shares"] = dict(zip(trained.classes, shares.tolist(), strict=True))
        if out is not None:
            png = mask_png(mask.numpy(), trained.classes, size=_own_size(name, paths))
            (out / file).parent.mkdir(parents=True, exist_ok=True)
            write_atomic(out / file, png)
            row["mask"] = str(out / file)
        rows.append(row)
    table = csv_text(trained.classes, rows)
    if out is not None:
        write_atomic(out / TABLE, table)
    if as_json:
        about = {"model": str(card.with_suffix(".safetensors")), "arm": trained.arm, "seed": trained.seed}
        print_json({**about, "task": trained.task, "predictions": rows})
    elif out is not None:
        print(f"{len(rows)} masks: {out}", file=sys.stderr)
    else:
        sys.stdout.write(table)


def csv_text(classes: Sequence[str], rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as CSV: name, mean confidence of a pixel, share of each class, and the mask's file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    has_masks = any("mask" in row for row in rows)
    writer.writerow(["name", "confidence", *(f"share_{name}" for name in classes), *(["mask"] if has_masks else [])])
    for row in rows:
        shares = [f"{share:.7g}" for share in row["shares"].values()]
        writer.writerow([row["name"], f"{row['confidence']:.7g}", *shares, *([row["mask"]] if has_masks else [])])
    return text.getvalue()


def mask_names(names: Sequence[str]) -> list[str]:
    """Return the file of each mask below the folder: the image's name with ``.png``, and a number where two would have
    the same.

    >>> mask_names(["a/1.jpg", "a/1.png", "2.jpg"])
    ['a/1.png', 'a/1-2.png', '2.png']
    """
    taken: set[str] = set()
    found = []
    for name in names:
        path = PurePosixPath(name)
        parts = [part for part in path.with_suffix("").parts if part not in ("/", "..", ".")] or ["mask"]
        stem = "/".join(parts)
        file, number = f"{stem}.png", 1
        while file in taken:
            number += 1
            file = f"{stem}-{number}.png"
        taken.add(file)
        found.append(file)
    return found


def _answers(trained: TrainedModel, x: Tensor) -> Iterator[tuple[Tensor, float]]:
    """Yield for each image the class of every pixel, uint8 (H, W), and the mean of its largest probabilities."""
    import torch

    for start in range(0, len(x), 16):  # the probabilities of all would need many times the memory of the images
        largest, classes = trained.predict(x[start : start + 16]).max(1)
        yield from zip(classes.to(torch.uint8), largest.mean((1, 2)).tolist(), strict=True)


def _own_size(name: str, paths: Mapping[str, Path]) -> Size | None:
    """Return the size of the image as it is on the disk; ``None`` where it came from an array."""
    from wellfit.data.picture import BadImageError, Picture, opened, upright_size

    if name not in paths:
        return None
    try:
        with opened(Picture(name, paths[name])) as image:
            return upright_size(image)
    except BadImageError:  # an array in a file
        return None
