"""Read a source as a subject of the audit: faults are kept and named instead of refused."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from wellfit.data.audit.read_folder import read_folder
from wellfit.data.audit.subject import Rows, Subject
from wellfit.data.dataset import Dataset
from wellfit.data.named import NAMES
from wellfit.data.naming import shown
from wellfit.data.sources import TABLES, load
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
    if spec.source not in NAMES and path.is_dir():
        return _with_test(read_folder(path, size=spec.size), spec.split)
    if spec.source not in NAMES and path.is_file() and path.suffix.lower() in TABLES:
        # pandas takes half a second to import
        from wellfit.data.audit.read_table import read_table_subject

        return _with_test(read_table_subject(path, target=spec.target, task=spec.task), spec.split)
    subject = _of_dataset(load(whole), spec.source)
    if spec.source not in NAMES and path.is_file():
        subject = replace(subject, fingerprint=file_fingerprint(path))
    return _with_test(subject, spec.split)


def file_fingerprint(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _of_dataset(dataset: Dataset, source: str) -> Subject:
    """Return the subject of what is loaded; samples are numbered as in the source, from 0, those left out too."""
    count = len(dataset)
    test = np.zeros(0, np.int64) if dataset.given_test is None else dataset.given_test.numpy()
    held = np.isin(np.arange(count), test)
    given = dataset.given_test is not None
    gone: dict[bool, set[int]] = {False: set(), True: set()}
    unreadable = {}
    for message in dataset.skipped:
        found = re.search(r", (?:(x_test) [^:]*|[^:,]*)sample (\d+): (.*)$", message)
        if found is not None:
            gone[found[1] is not None].add(int(found[2]))
            part = "" if not given else "test " if found[1] else "train "
            unreadable[f"{part}sample {found[2]}"] = found[3]
        else:
            unreadable[message] = "left out"
    names: list[str] = [""] * count
    for is_test in (False, True):
        rows = np.flatnonzero(held == is_test)
        left = (number for number in range(len(rows) + len(gone[is_test])) if number not in gone[is_test])
        prefix = "" if not given else "test " if is_test else "train "
        for row, number in zip(rows.tolist(), left, strict=True):
            names[row] = f"{prefix}sample {number}"
    y = dataset.y.numpy()
    return Subject(
        name=dataset.name,
        source=source,
        kind=dataset.kind,
        task=dataset.task,
        names=tuple(names),
        x=dataset.x.numpy() if dataset.kind != "vector" else dataset.x.double().numpy(),
        y=y if dataset.task == "classification" else y.astype(np.float64),
        classes=dataset.classes,
        train=np.flatnonzero(~held),
        test=np.sort(test),
        test_is_given=given,
        features=dataset.features,
        unreadable=unreadable,
        fingerprint=dataset.fingerprint,
    )


def _with_test(subject: Subject, spec: SplitSpec) -> Subject:
    """Fill in the test set that the split would draw, where none is given and one can be drawn."""
    return subject if subject.test_is_given else replace(subject, test=_drawn(subject, spec))


def _drawn(subject: Subject, spec: SplitSpec) -> Rows:
    labels = subject.labels
    if subject.task is None:
        return np.zeros(0, np.int64)
    known = np.flatnonzero(labels >= 0 if labels is not None else np.isfinite(subject.y).all(axis=1))
    y = torch.from_numpy(subject.y[known])
    stand_in = Dataset(
        name=shown(subject.name),
        task=subject.task,
        kind="vector",
        x=torch.zeros(len(known), 1),
        y=y if labels is not None else y.float(),
        classes=subject.classes,
        given_test=None,
    )
    try:
        drawn: Rows = known[test_indices(stand_in, spec).numpy()]
    except DataError:  # too few samples, or groups that only the whole data set has
        return np.zeros(0, np.int64)
    return drawn
