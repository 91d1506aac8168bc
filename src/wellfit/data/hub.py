"""Data sets of the Hugging Face hub, ``hf:owner/name``, through the library ``datasets`` (an extra)."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import torch

from wellfit.data.dataset import Dataset, Task
from wellfit.data.decode import decode
from wellfit.data.naming import nearest_column, shown
from wellfit.data.picture import Picture, Size
from wellfit.data.targets import FEW, FEW_LABELS, make_targets
from wellfit.errors import DataError

PREFIX = "hf:"
NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def load_hub(
    source: str,
    *,
    target: str | None = None,
    task: Task | None = None,
    size: Size | None = None,
    skip_bad: bool = False,
) -> Dataset:
    """Load a data set with one column of images, or with columns of numbers only; its split ``test`` is the given test.

    ``target`` is the column to predict (``None``: ``label``). No code of the repository is run.

    Raises
    ------
    DataError
        The extra is not installed, no such data set, no split ``train``, no such column, columns of other kinds.

    """
    name = source.removeprefix(PREFIX)
    if not NAME.fullmatch(name):
        raise DataError("data.source", f"received '{shown(source)}'", "hf:owner/name")
    try:
        import datasets  # type: ignore[import-not-found]  # an extra
    except ImportError:
        what = "needs the library 'datasets', which is not installed"
        raise DataError(shown(source), what, "pip install 'wellfit[hub]'") from None
    try:
        found = datasets.load_dataset(name)
    except Exception as error:  # of the network, the hub or the files: whatever the library raises
        text = shown(str(error) or type(error).__name__, longest=200)
        raise DataError(shown(source), f"cannot be loaded ({text})", "a public data set of the hub") from None
    if "train" not in found:
        raise DataError(shown(source), f"has the splits {', '.join(shown(one) for one in found)}", "a split 'train'")
    parts = [found[part] for part in ("train", "test") if part in found]
    columns = list(parts[0].column_names)
    target = target or "label"
    if target not in columns:
        raise DataError("data.target", f"{shown(source)} has no column '{shown(target)}'", nearest_column("", columns))
    return _dataset(source, parts, target, [name for name in columns if name != target], task, size, skip_bad)


def _dataset(
    source: str,
    parts: list[Any],
    target: str,
    others: list[str],
    task: Task | None,
    size: Size | None,
    skip_bad: bool,
) -> Dataset:
    where = shown(source)
    images = [name for name in others if type(parts[0].features[name]).__name__ == "Image"]
    if len(images) > 1:
        raise DataError(where, f"has the image columns {', '.join(images[:8])}", "one column of images")
    y = np.concatenate([np.asarray(part[target]) for part in parts])
    features: tuple[str, ...] = ()
    if images:
        pictures = [
            Picture(f"{where}, row {row}", _encoded(one))
            for part in parts
            for row, one in enumerate(part[images[0]], 1)
        ]
        decoded = decode(pictures, where=where, size=size, skip_bad=skip_bad)
        x, kept, skipped = decoded.x, np.array(decoded.kept, dtype=np.int64), decoded.skipped
    else:
        x, features = torch.from_numpy(_numbers(parts, others, where)), tuple(others)
        kept, skipped = np.arange(len(y)), ()
    made = make_targets(y[kept], where=f"{where}, '{shown(target)}'", task=task, few=FEW_LABELS if images else FEW)
    names = getattr(parts[0].features[target], "names", None)
    classes = made.classes
    if names and made.task == "classification" and all(one.isdigit() and int(one) < len(names) for one in classes):
        classes = tuple(shown(str(names[int(one)])) for one in classes)
    first_test = int((kept < len(parts[0])).sum())
    return Dataset(
        name=shown(source.removeprefix(PREFIX)),
        task=made.task,
        kind="image" if images else "vector",
        x=x,
        y=made.y,
        classes=classes,
        given_test=torch.arange(first_test, len(kept)) if len(parts) > 1 else None,
        features=features,
        targets=(target,),
        skipped=skipped,
    )


def _encoded(image: Any) -> bytes:
    """Return an image as bytes that wellfit decodes itself, without loss."""
    buffer = io.BytesIO()
    image.save(buffer, "png")
    return buffer.getvalue()


def _numbers(parts: list[Any], names: list[str], where: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    if not names:
        raise DataError(where, "holds the target only", "a column of images, or columns of numbers")
    columns = []
    for name in names:
        try:
            columns.append(np.concatenate([np.asarray(part[name], dtype=np.float32) for part in parts]))
        except (ValueError, TypeError):
            raise DataError(where, f"'{shown(name)}' is no column of numbers", "images, or numbers only") from None
        if columns[-1].ndim != 1 or not np.isfinite(columns[-1]).all():
            raise DataError(where, f"'{shown(name)}' holds lists or missing values", "finite numbers")
    return np.stack(columns, axis=1)
