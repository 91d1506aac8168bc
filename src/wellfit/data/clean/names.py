"""Names to rows: which samples of a loaded data set the names of a plan mean."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path

from wellfit.data.audit.read import file_fingerprint
from wellfit.data.audit.read_folder import file_name, folder_fingerprint
from wellfit.data.audit.sample_names import sample_names
from wellfit.data.dataset import Dataset
from wellfit.data.image_folder import labelled_files
from wellfit.data.named import NAMES
from wellfit.data.naming import shown
from wellfit.data.source_forms import form_of
from wellfit.data.sources import REMOTE, TABLES, load
from wellfit.errors import DataError
from wellfit.recipe import DataSpec


@dataclass(frozen=True, eq=False)
class Names:
    """The samples of a source by the names that the audit gives them."""

    row_of: Mapping[str, int]
    """Name -> row of the data set."""
    absent: frozenset[str]
    """Names of samples that the source has and the data set lacks: corrupt ones, and those beyond ``limit``."""
    fingerprints: frozenset[str]
    """What the audit may have written as the fingerprint of this source."""


def names_of(dataset: Dataset, spec: DataSpec) -> Names:
    """Return the names of the samples of ``dataset``, which ``load(spec)`` gave; files are listed again, not decoded.

    Raises
    ------
    DataError
        A kind of source that the audit has no names for, or one that has changed since it was loaded.

    """
    path = Path(spec.source).expanduser()
    is_path = spec.source not in NAMES and not spec.source.startswith(REMOTE)
    is_table = is_path and path.is_file() and path.suffix.lower() in TABLES
    form = form_of(spec, is_table=is_table)
    if form == "long table" or dataset.task == "segmentation" or (is_path and path.is_dir() and form != "other"):
        what = f"the samples of {shown(spec.source)} have no names that a plan could give"
        raise DataError("data.clean", what, "a folder of images, a table of a row per sample, an archive or a name")
    if is_path and path.is_dir():
        names, gone, prints = *_of_folder(path, dataset), {folder_fingerprint(path)}
    elif is_table:
        names, gone, prints = *_of_table(path, spec, dataset), {file_fingerprint(path)}
    else:
        whole = dataset if dataset.rows is None else load(spec.model_copy(update={"limit": None, "clean": None}))
        names, left_out = sample_names(whole)
        gone = set(left_out)
        prints = {file_fingerprint(path)} if is_path else _prints(whole, spec)
    rows = range(len(names)) if dataset.rows is None else dataset.rows.tolist()
    if len(rows) != len(dataset) or any(row >= len(names) for row in rows):
        raise DataError(shown(spec.source), "has changed since it was loaded", "data that stays as it is")
    row_of = {names[at]: row for row, at in enumerate(rows)}
    return Names(row_of, frozenset(gone).union(names).difference(row_of), frozenset(prints))


def _of_folder(root: Path, dataset: Dataset) -> tuple[tuple[str, ...], set[str]]:
    """Return the names of the files that were read, in their order, and of those left out as corrupt."""
    train, test = labelled_files(root)
    files = [path for path, _ in (*train, *(test or ()))]
    called = {shown(path) for path in files}  # as messages call them
    bad = {_head(message, called) for message in dataset.skipped}
    kept = tuple(file_name(path, root) for path in files if shown(path) not in bad)
    return kept, {file_name(path, root) for path in files if shown(path) in bad}


def _of_table(path: Path, spec: DataSpec, dataset: Dataset) -> tuple[tuple[str, ...], set[str]]:
    # pandas takes half a second to import
    from wellfit.data.columns import read_table

    table = read_table(path, text_column=spec.target, skip_bad=True)
    prefix = f"{shown(path)}, "
    bad = {message.removeprefix(prefix).partition(":")[0] for message in (*dataset.skipped, *table.dropped)}
    return tuple(name for name in table.rows if name not in bad), bad


def _head(message: str, known: Container[str]) -> str:
    """Return the name with which a message begins; it may hold a colon itself."""
    at = message.find(": ")
    while at >= 0:
        if message[:at] in known:
            return message[:at]
        at = message.find(": ", at + 1)
    return message


def _prints(whole: Dataset, spec: DataSpec) -> set[str]:
    """Return the fingerprints of a data set with a name: as it was loaded, and as it is without other fields."""
    found = {whole.fingerprint}
    if spec.size is not None or spec.equalize != "none":
        found.add(load(spec.source).fingerprint)
    return found
