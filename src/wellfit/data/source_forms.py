"""What form a source has, which fields of a recipe's ``data`` say something about it, and how the rarer ones load."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from wellfit.data import hub, torchvision_sets
from wellfit.data.dataset import Dataset
from wellfit.data.mask_folder import load_mask_folder
from wellfit.data.mask_pairs import LAYOUT, is_mask_folder
from wellfit.data.named_series import LENGTHS, SPOKEN
from wellfit.data.naming import shown
from wellfit.data.npy import is_npy_folder, load_npy
from wellfit.data.ts_file import is_ts_folder, load_ts
from wellfit.data.wav_folder import Sound, is_wav_folder, load_wav_folder
from wellfit.errors import DataError
from wellfit.recipe import DataSpec

Form = Literal[
    "table",
    "long table",
    "series",
    "recordings",
    "spoken digits",
    "arrays",
    "hub",
    "torchvision",
    "images and masks",
    "other",
]

FIELDS: dict[Form, tuple[str, ...]] = {
    "table": ("group", "time"),
    "long table": ("group", "time", "id", "length"),
    "series": ("length",),
    "recordings": ("group", "length", "rate", "features", "label_from"),
    "spoken digits": ("length", "rate", "features"),
}
"""Fields that say something about a form and not about all; other forms have none."""

EXPECTED = {
    "group": "a table, or recordings with data.group: name",
    "time": "a table",
    "id": "a table of one row per time step",
    "length": "sequences: a table with data.id, .ts files, or recordings",
    "rate": "recordings",
    "features": "recordings",
    "label_from": "a folder of recordings",
}


def form_of(spec: DataSpec, *, is_table: bool) -> Form:
    """Return the form of a source; ``is_table``: whether it is a file whose name ends like a table's."""
    if spec.source.startswith(hub.PREFIX):
        return "hub"
    if spec.source.startswith(torchvision_sets.PREFIX):
        return "torchvision"
    if spec.source == SPOKEN:
        return "spoken digits"
    if spec.source in LENGTHS:
        return "series"
    path = Path(spec.source).expanduser()
    suffix = path.suffix.lower()
    if path.is_dir():
        # said to be a classification, "images" and "masks" are two classes
        if spec.task == "segmentation" or (spec.task != "classification" and is_mask_folder(path)):
            return "images and masks"
        if is_npy_folder(path):
            return "arrays"
        return "series" if is_ts_folder(path) else "recordings" if is_wav_folder(path) else "other"
    if is_table:
        return "table" if spec.id is None else "long table"
    return "arrays" if suffix == ".npy" else "series" if suffix == ".ts" else "other"


def check_fields(spec: DataSpec, form: Form) -> None:
    """Refuse fields that say nothing about a form, instead of ignoring them.

    Raises
    ------
    DataError
        The first such field; or a column that the split does not use, which would leak silently.

    """
    for field, expected in EXPECTED.items():
        value = getattr(spec, field)
        if value is not None and field not in FIELDS.get(form, ()):
            what = f"received {value if isinstance(value, int) else shown(value)}, which says nothing about {form}"
            if form == "other":
                what = f"received {value if isinstance(value, int) else shown(value)} for {shown(spec.source)}"
            raise DataError(f"data.{field}", what, expected)
    if spec.task == "segmentation" and form != "images and masks":
        what = f"received segmentation, but {shown(spec.source)} is no folder of images and masks"
        raise DataError("data.task", what, LAYOUT)
    kind = spec.split.kind
    if spec.group is not None and kind not in ("grouped", "k_fold"):
        raise DataError("data.split.kind", f"received {kind}, with data.group", "grouped or k_fold, or no data.group")
    if spec.time is not None and spec.id is None and kind != "time":
        raise DataError("data.split.kind", f"received {kind}, with data.time", "time, or no data.time")


def left_out(spec: DataSpec) -> dict[str, tuple[str, ...]]:
    """Return the columns that a recipe takes out of a table's features, by the field that names them."""
    roles = {"drop": spec.drop, "id": (spec.id,), "group": (spec.group,), "time": (spec.time,)}
    named = {f"data.{field}": tuple(name for name in names if name is not None) for field, names in roles.items()}
    return {field: names for field, names in named.items() if names}


def sound_of(spec: DataSpec) -> Sound:
    """Return how recordings become sequences."""
    return Sound(spec.length, spec.rate, spec.features or "log_mel")


def load_form(spec: DataSpec, form: Form, memory: int | None = None) -> Dataset | None:
    """Load a source of a rarer form; ``None`` for the others."""
    path = Path(spec.source).expanduser()
    if form == "images and masks":
        return load_mask_folder(path, size=spec.size, skip_bad=spec.skip_bad, memory=memory)
    if form == "hub":
        return hub.load_hub(spec.source, target=spec.target, task=spec.task, size=spec.size, skip_bad=spec.skip_bad)
    if form == "torchvision":
        return torchvision_sets.load_torchvision(spec.source, size=spec.size)
    if form == "arrays":
        return load_npy(path, task=spec.task, kind=spec.kind, skip_bad=spec.skip_bad)
    if form == "series" and spec.source not in LENGTHS:
        return load_ts(path, length=spec.length, task=spec.task, skip_bad=spec.skip_bad)
    if form == "recordings":
        return load_wav_folder(
            path,
            sound_of(spec),
            label_from=spec.label_from or "folder",
            group=spec.group,
            skip_bad=spec.skip_bad,
        )
    if form == "long table":
        # pandas takes half a second to import, which other sources need not wait for
        from wellfit.data.long_table import load_long_table

        return load_long_table(
            path,
            target=spec.target,
            id=spec.id or "",
            time=spec.time,
            group=spec.group,
            length=spec.length,
            task=spec.task,
            skip_bad=spec.skip_bad,
            drop=spec.drop,
        )
    return None
