"""What samples are called where the source names them: recordings by their files, sequences of a long table by id."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wellfit.data.audit.read_folder import file_name
from wellfit.data.dataset import Dataset
from wellfit.data.image_folder import image_files, labelled_files
from wellfit.data.naming import shown
from wellfit.recipe import DataSpec

Named = tuple[tuple[str, ...], dict[str, str]]
"""Names of the samples, and of what was left out as corrupt, with the reason."""


def recording_names(root: Path, spec: DataSpec, dataset: Dataset) -> Named:
    """Return the files of a folder of recordings, which ``load(spec)`` gave."""
    if spec.label_from == "name":
        files = image_files(root)
    else:
        train, test = labelled_files(root)
        files = [path for path, _ in (*train, *(test or ()))]
    bad = {}
    for message in dataset.skipped:
        for path in files:
            if message.startswith(f"{shown(path)}: "):
                bad[path] = message.removeprefix(f"{shown(path)}: ").partition("; expected")[0]
    names = tuple(file_name(path, root) for path in files if path not in bad)
    return names, {file_name(path, root): why for path, why in bad.items()}


def series_names(path: Path, spec: DataSpec, dataset: Dataset) -> Named:
    """Return the ids of the sequences of a long table, which ``load(spec)`` gave, and the lines that were left out."""
    # pandas takes half a second to import
    from wellfit.data.columns import read_table

    prefix = f"{shown(path)}, "
    bad = {}
    for message in dataset.skipped:
        line, _, why = message.removeprefix(prefix).partition(": ")
        bad[line] = why
    table = read_table(path, text_column=spec.target, skip_bad=True)
    ids = dict.fromkeys(
        _text(value)
        for line, value in zip(table.rows, table.frame[spec.id or ""].tolist(), strict=True)
        if line not in bad
    )
    return series_called(list(ids)), bad


def series_called(ids: Sequence[str]) -> tuple[str, ...]:
    """Return what sequences are called by their ids."""
    return tuple(f"series {shown(one)}" for one in ids)


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
