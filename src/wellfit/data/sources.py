"""One way in for all sources: ``load`` finds out what a source is and loads it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from wellfit.data import hub, torchvision_sets
from wellfit.data.dataset import Dataset, Kind, Task
from wellfit.data.decode import resize_images
from wellfit.data.equalize import equalize
from wellfit.data.image_folder import load_image_folder
from wellfit.data.ingest import check_limit, rewritten
from wellfit.data.mask_folder import segmentation_print
from wellfit.data.memory import memory_limit
from wellfit.data.named import NAMES, load_named
from wellfit.data.naming import shown
from wellfit.data.npz import load_npz
from wellfit.data.picture import Size
from wellfit.data.source_forms import check_fields, form_of, load_form, sound_of
from wellfit.data.split import limit_samples
from wellfit.data.stream import is_streamed
from wellfit.errors import DataError, nearest
from wellfit.recipe import DataSpec, SplitSpec, validate

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".pq", ".arrow", ".feather")
"""How the names of tables end."""

PATHS = (
    "a folder of images, of images and masks, or of recordings, or a file that ends in .csv, .tsv, .jsonl, .parquet, "
    ".arrow, .feather, .npz, .npy or .ts"
)

REMOTE = (hub.PREFIX, torchvision_sets.PREFIX)
"""How the names of data sets begin that another library loads."""


def load(
    spec: DataSpec | str,
    *,
    target: str | None = None,
    task: Task | None = None,
    kind: Kind | None = None,
    scale: Literal["standardize", "minmax", "robust", "per_image", "none"] | None = None,
    size: Size | None = None,
    limit: int | None = None,
    skip_bad: bool | None = None,
    split: SplitSpec | Mapping[str, Any] | None = None,
    memory: int | None = None,
) -> Dataset:
    """Load a data set into memory, as it came (``prepare.Scaler`` scales it).

    Parameters
    ----------
    spec
        The field ``data`` of a recipe, or a source alone: a name (``NAMES``), ``torchvision:<class>``,
        ``hf:<owner>/<name>``, or the path of a folder of images, of images and masks, of recordings (``.wav``) or of
        arrays (``.npy``), of a table (TABLES), of series (``.ts``), or of a NumPy archive (``.npz``).
    target, task, kind, scale, size, limit, skip_bad, split
        Fields of DataSpec; what is given here stands instead of the spec's. ``scale`` and ``split`` change nothing that
        is loaded, but for the samples that ``limit`` keeps.
    memory
        Bytes that the samples and their training may use; ``None``: what the environment variable ``WELLFIT_MEMORY``
        allows (``256M``), else what the machine has. Images of a folder that need more than half of it stay on the
        disk (``x`` is then a tensor over a mapped file; read it with ``gather``); it changes no result.

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
    memory = memory_limit() if memory is None else memory
    raw = dataset = _checked(made, _load(made, memory))
    x, print_of_x = _prepared(dataset, made)
    dataset = replace(dataset, x=x, source=shown(made.source), fingerprint=print_of_x)
    if made.limit is not None:
        dataset = limit_samples(dataset, made.limit, made.split)
    if not is_streamed(dataset.x):
        check_limit(shown(made.source), dataset.x, memory)
    known = dataset.fingerprint and dataset.x is x and dataset.y is raw.y  # the cache has it
    return dataset if known else replace(dataset, fingerprint=fingerprint(dataset.x, dataset.y))


def _prepared(dataset: Dataset, spec: DataSpec) -> tuple[Tensor, str]:
    """Return the samples after what is done to each image by itself, once: resized, then equalized; and their
    fingerprint, empty where it is not known.
    """
    x = dataset.x

    def change(images: Tensor) -> Tensor:
        sized = images if spec.size is None else resize_images(images, spec.size)
        return equalize(sized, spec.equalize, clip=spec.clahe_clip, tiles=spec.clahe_tiles)

    changes = spec.equalize != "none" or (spec.size is not None and tuple(x.shape[2:]) != spec.size)
    if dataset.kind != "image" or not changes:
        return x, dataset.fingerprint
    if is_streamed(x):
        how = f"{spec.size} {spec.equalize} {spec.clahe_clip} {spec.clahe_tiles}"
        made, first = rewritten(x, how, change, where=shown(spec.source))
        return made, segmentation_print(made, dataset.y, first) if dataset.task == "segmentation" else first
    return change(x), ""


def fingerprint(x: Tensor, y: Tensor) -> str:
    """Return the SHA-256 of the bytes of samples and targets, in hexadecimal."""
    if y.dtype == torch.uint8:  # masks
        return segmentation_print(x, y)
    digest = hashlib.sha256()
    for tensor in (x, y):
        digest.update(tensor.contiguous().numpy())  # type: ignore[arg-type]  # an array is a buffer: nothing is copied
    return digest.hexdigest()


def _load(spec: DataSpec, memory: int | None) -> Dataset:
    if spec.source in NAMES or spec.source.startswith(REMOTE):
        form = form_of(spec, is_table=False)
        check_fields(spec, form)
        return load_form(spec, form) or load_named(spec.source, sound_of(spec), memory)
    path = Path(spec.source).expanduser()
    suffix = path.suffix.lower()
    try:
        there, is_folder = path.exists(), path.is_dir()
    except (OSError, ValueError):  # a name that is too long, or holds a zero byte
        there, is_folder = False, False
    if not there:
        raise DataError(shown(spec.source), "no such data set or path", f"{nearest(spec.source, NAMES)}, or {PATHS}")
    form = form_of(spec, is_table=suffix in TABLES and not is_folder)
    check_fields(spec, form)
    found = load_form(spec, form, memory)
    if found is not None:
        return found
    if is_folder:
        return load_image_folder(path, size=spec.size, skip_bad=spec.skip_bad, memory=memory)
    if suffix == ".npz":
        return load_npz(path, task=spec.task, kind=spec.kind, skip_bad=spec.skip_bad)
    if suffix in TABLES:
        # pandas takes half a second to import, which other sources need not wait for
        from wellfit.data.table import load_table

        return load_table(
            path,
            target=spec.target,
            task=spec.task,
            skip_bad=spec.skip_bad,
            drop=spec.drop,
            categories=spec.categories,
            impute=spec.impute != "none",
            group=spec.group,
            time=spec.time,
        )
    raise DataError(shown(path), "a file of no kind that is read", PATHS)


def _checked(spec: DataSpec, dataset: Dataset) -> Dataset:
    """Refuse fields that say nothing about this data set, instead of ignoring them."""
    if spec.target is not None and spec.target not in dataset.targets:
        raise DataError(
            "data.target", f"received '{shown(spec.target)}', but {shown(spec.source)} is no table", "no target"
        )
    if spec.task is not None and spec.task != dataset.task:
        held = {"classification": "classes", "regression": "numbers", "segmentation": "masks"}[dataset.task]
        raise DataError("data.task", f"received {spec.task}, but {shown(spec.source)} holds {held}", dataset.task)
    if spec.kind is not None and spec.kind != dataset.kind:
        what = f"received {spec.kind}, but {shown(spec.source)} holds {dataset.kind}s"
        raise DataError("data.kind", what, dataset.kind)
    if spec.size is not None and dataset.kind != "image":
        raise DataError("data.size", f"received {list(spec.size)}, but {shown(spec.source)} holds no images", "no size")
    for field in ("drop", "categories", "impute", "indicate", "encode"):
        if field == "drop" and spec.id is not None:
            continue  # a long table leaves columns out too
        if not dataset.columns and getattr(spec, field) != DataSpec.model_fields[field].default:
            raise DataError(
                f"data.{field}", f"{shown(spec.source)} is no table of samples", "a table, or no such field"
            )
    if dataset.kind != "image" and (spec.equalize != "none" or spec.scale == "per_image"):
        field = "equalize" if spec.equalize != "none" else "scale"
        what = f"received {getattr(spec, field)}, but {shown(spec.source)} holds no images"
        raise DataError(f"data.{field}", what, "images, or another value")
    return dataset
