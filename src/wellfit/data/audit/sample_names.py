"""What the samples of arrays are called: ``sample 3``, or ``train sample 3`` and ``test sample 3``."""

from __future__ import annotations

import re

import numpy as np

from wellfit.data.dataset import Dataset


def sample_names(dataset: Dataset) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the names of a whole data set's samples, and of those left out as corrupt with the reason.

    Samples are numbered as in the source, from 0, those left out too; where a test set is given, each part has its own
    numbers.
    """
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
    return tuple(names), unreadable
