"""Read a source as a subject of the audit: faults are kept and named instead of refused."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from wellfit.data.audit.read_folder import folder_fingerprint, read_folder
from wellfit.data.audit.read_pairs import read_pairs
from wellfit.data.audit.sample_names import sample_names
from wellfit.data.audit.source_names import recording_names, series_names
from wellfit.data.audit.subject import Rows, Subject
from wellfit.data.dataset import Dataset
from wellfit.data.named import NAMES
from wellfit.data.naming import shown
from wellfit.data.source_forms import check_fields, form_of
from wellfit.data.sources import REMOTE, TABLES, load
from wellfit.data.split import test_indices
from wellfit.errors import DataError
from wellfit.recipe import DataSpec, SplitSpec


def read_subject(spec: DataSpec) -> Subject:
    """Read a source with its faults. Fields of the spec that limit or scale the data are not used.

    Raises
    ------
    DataError
        The source is not found, or nothing in it can be read.

    """
    whole = spec.model_copy(update={"limit": None, "skip_bad": True})
    path = Path(spec.source).expanduser()
    is_path = spec.source not in NAMES and not spec.source.startswith(REMOTE) and path.exists()
    is_table = is_path and path.is_file() and path.suffix.lower() in TABLES
    form = form_of(spec, is_table=is_table)
    if is_path:
        check_fields(spec, form)
    if form == "images and masks":
        return _with_test(read_pairs(path, size=spec.size), spec)
    if is_path and path.is_dir() and form == "other":
        return _with_test(read_folder(path, size=spec.size), spec)
    if form == "table":
        # pandas takes half a second to import
        from wellfit.data.audit.read_table import read_table_subject

        table = read_table_subject(path, target=spec.target, task=spec.task, categories=spec.categories)
        return _with_test(table, spec)
    dataset = load(whole)
    subject = _of_dataset(dataset, spec.source)
    if is_path and path.is_file():
        subject = replace(subject, fingerprint=file_fingerprint(path))
    if form in ("recordings", "long table"):
        names, unreadable = (recording_names if form == "recordings" else series_names)(path, spec, dataset)
        subject = replace(subject, unreadable=unreadable)
        if len(names) == len(subject):
            subject = replace(subject, names=names)
    if form == "recordings":
        subject = replace(subject, fingerprint=folder_fingerprint(path))
    return subject if subject.test_is_given else replace(subject, test=_test_of(dataset, spec.split))


def file_fingerprint(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _of_dataset(dataset: Dataset, source: str) -> Subject:
    """Return the subject of what is loaded; samples are numbered as in the source, from 0, those left out too."""
    count = len(dataset)
    test = np.zeros(0, np.int64) if dataset.given_test is None else dataset.given_test.numpy()
    held = np.isin(np.arange(count), test)
    names, unreadable = sample_names(dataset)
    y = dataset.y.numpy()
    return Subject(
        name=dataset.name,
        source=source,
        kind=dataset.kind,
        task=dataset.task,
        names=names,
        x=dataset.x.numpy() if dataset.kind != "vector" else dataset.x.double().numpy(),
        y=y if dataset.task == "classification" else y.astype(np.float64),
        classes=dataset.classes,
        train=np.flatnonzero(~held),
        test=np.sort(test),
        test_is_given=dataset.given_test is not None,
        features=dataset.features,
        unreadable=unreadable,
        fingerprint=dataset.fingerprint,
    )


def _with_test(subject: Subject, spec: DataSpec) -> Subject:
    """Fill in the test set that the split would draw, where none is given and one can be drawn."""
    return subject if subject.test_is_given else replace(subject, test=_drawn(subject, spec))


def _drawn(subject: Subject, spec: DataSpec) -> Rows:
    labels = subject.labels
    if subject.task is None:
        return np.zeros(0, np.int64)
    answers = subject.y.reshape(len(subject), -1)
    known = np.flatnonzero(labels >= 0 if labels is not None else np.isfinite(answers).all(axis=1))
    y = torch.from_numpy(subject.y[known])
    groups, order = _column(subject, spec.group), _column(subject, spec.time)
    stand_in = Dataset(
        name=shown(subject.name),
        task=subject.task,
        kind="vector",
        x=torch.zeros(len(known), 1),
        y=y.float() if subject.task == "regression" else y,
        classes=subject.classes,
        given_test=None,
        groups=None if groups is None else torch.from_numpy(np.unique(groups, return_inverse=True)[1][known]),
        order=None if order is None else torch.from_numpy(order[known]),
    )
    drawn: Rows = known[_test_of(stand_in, spec.split)]
    return drawn


def _column(subject: Subject, name: str | None) -> npt.NDArray[np.float64] | None:
    """Return a column of a table; the codes of texts are in their order, as those of dates in ISO form."""
    if name is None or shown(name) not in subject.features:
        return None
    found: npt.NDArray[np.float64] = subject.x[:, subject.features.index(shown(name))]
    return found


def _test_of(dataset: Dataset, spec: SplitSpec) -> Rows:
    try:
        drawn: Rows = test_indices(dataset, spec).numpy()
    except DataError:  # too few samples
        return np.zeros(0, np.int64)
    return drawn
