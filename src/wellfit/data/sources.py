"""One way in for all sources: ``load`` finds out what a source is and loads it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from wellfit.data.dataset import Dataset, Kind, Task
from wellfit.data.decode import resize_images
from wellfit.data.image_folder import load_image_folder
from wellfit.data.named import NAMES, load_named
from wellfit.data.naming import shown
from wellfit.data.npz import load_npz
from wellfit.data.picture import Size
from wellfit.data.split import limit_samples
from wellfit.errors import DataError, nearest
from wellfit.recipe import DataSpec, SplitSpec, validate

TABLES = (".csv", ".tsv", ".parquet", ".pq")
"""How the names of tables end."""

PATHS = "a folder of images, or a file that ends in .csv, .tsv, .parquet or .npz"


def load(
    spec: DataSpec | str,
    *,
    target: str | None = None,
    task: Task | None = None,
    kind: Kind | None = None,
    scale: Literal["standardize", "minmax", "none"] | None = None,
    size: Size | None = None,
    limit: int | None = None,
    skip_bad: bool | None = None,
    split: SplitSpec | Mapping[str, Any] | None = None,
) -> Dataset:
    """Load a data set into memory, as it came (``prepare.Scaler`` scales it).

    Parameters
    ----------
    spec
        The field ``data`` of a recipe, or a source alone: a name (``digits``, ``fashion-mnist``, ``mnist``,
        ``cifar10``) or the path of a folder of images, a table (``.csv``, ``.tsv``, ``.parquet``) or a NumPy archive
        (``.npz``).
    target, task, kind, scale, size, limit, skip_bad, split
        Fields of DataSpec; what is given here stands instead of the spec's. ``scale`` and ``split`` change nothing that
        is loaded, but for the samples that ``limit`` keeps.

    Raises
    ------
    DataError
        The source is not found or at fault, or a field does not belong to this kind of source.
    RecipeError
        A field has a value that it must not have.

    """
    fields: dict[str, Any] = {
        "target": target,
        "task": task,
        "kind": kind,
        "scale": scale,
        "size": size,
        "limit": limit,
        "skip_bad": skip_bad,
    }
    if split is not None:
        fields["split"] = split if isinstance(split, Mapping) else split.model_dump()
    base = {"source": spec} if isinstance(spec, str) else spec.model_dump()
    made = validate(DataSpec, base | {key: value for key, value in fields.items() if value is not None}, where="data")
    dataset = _checked(made, _load(made))
    if dataset.kind == "image" and made.size is not None:
        dataset = replace(dataset, x=resize_images(dataset.x, made.size))
    dataset = replace(dataset, source=shown(made.source))
    if made.limit is not None:
        dataset = limit_samples(dataset, made.limit, made.split)
    return replace(dataset, fingerprint=fingerprint(dataset.x, dataset.y))


def fingerprint(x: Tensor, y: Tensor) -> str:
    """Return the SHA-256 of the bytes of samples and targets, in hexadecimal."""
    digest = hashlib.sha256()
    for tensor in (x, y):
        digest.update(tensor.contiguous().numpy())  # type: ignore[arg-type]  # an array is a buffer: nothing is copied
    return digest.hexdigest()


def _load(spec: DataSpec) -> Dataset:
    if spec.source in NAMES:
        return load_named(spec.source)
    path = Path(spec.source).expanduser()
    suffix = path.suffix.lower()
    try:
        there, is_folder = path.exists(), path.is_dir()
    except (OSError, ValueError):  # a name that is too long, or holds a zero byte
        there, is_folder = False, False
    if not there:
        raise DataError(shown(spec.source), "no such data set or path", f"{nearest(spec.source, NAMES)}, or {PATHS}")
    if is_folder:
        return load_image_folder(path, size=spec.size, skip_bad=spec.skip_bad)
    if suffix == ".npz":
        return load_npz(path, task=spec.task, kind=spec.kind, skip_bad=spec.skip_bad)
    if suffix in TABLES:
        # pandas takes half a second to import, which other sources need not wait for
        from wellfit.data.table import load_table

        return load_table(path, target=spec.target, task=spec.task, skip_bad=spec.skip_bad)
    raise DataError(shown(path), "a file of no kind that is read", PATHS)


def _checked(spec: DataSpec, dataset: Dataset) -> Dataset:
    """Refuse fields that say nothing about this data set, instead of ignoring them."""
    if spec.target is not None and not dataset.features:
        raise DataError(
            "data.target", f"received '{shown(spec.target)}', but {shown(spec.source)} is no table", "no target"
        )
    if spec.task is not None and spec.task != dataset.task:
        raise DataError("data.task", f"received {spec.task}, but {shown(spec.source)} holds classes", "classification")
    if spec.kind is not None and spec.kind != dataset.kind:
        what = f"received {spec.kind}, but {shown(spec.source)} holds {dataset.kind}s"
        raise DataError("data.kind", what, dataset.kind)
    if spec.size is not None and dataset.kind != "image":
        raise DataError("data.size", f"received {list(spec.size)}, but {shown(spec.source)} holds no images", "no size")
    return dataset
