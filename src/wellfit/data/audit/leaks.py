"""Leaks: a sample of the test set that stands, the same or nearly, in the train set."""

from __future__ import annotations

import numpy as np

from wellfit.data.audit.descriptor import descriptors
from wellfit.data.audit.duplicates import MOST, K, distinct, exact_groups, near_pairs
from wellfit.data.audit.finding import Finding
from wellfit.data.audit.neighbors import neighbors
from wellfit.data.audit.subject import Subject

ADVICE = {
    True: "drop the train samples (never choose among test samples by what they are): the test result counts what was"
    " memorized",
    False: "deduplicate before the split is drawn, or split by group",
}


def find_leaks(subject: Subject) -> list[Finding]:
    """Return the samples of the test set (given, or as the default split draws it) that train holds too."""
    test = subject.test
    train = np.setdiff1d(subject.train, test)
    if not len(test) or not len(train):
        return []
    both = np.concatenate([train, test])
    y = subject.y[both] if subject.task == "regression" else None
    found, held = [], set(test.tolist())
    seen: set[int] = set()
    pairs: list[tuple[int, int]] = []
    for group in exact_groups(subject.x[both], y):
        rows = [int(both[i]) for i in group]
        inside, outside = [row for row in rows if row in held], [row for row in rows if row not in held]
        if inside and outside:
            seen.update(inside)
            pairs += [(one, outside[0]) for one in inside]
            pairs += [(inside[0], other) for other in outside[1:]]
    if pairs:
        found.append(_finding(subject, pairs, "exact_leaks"))
    rest = distinct(subject.x, subject.kind, test[~np.isin(test, sorted(seen))])
    known = distinct(subject.x, subject.kind, train)
    if len(both) <= MOST and len(rest) and len(known):
        scaled = descriptors(subject.x[np.concatenate([known, rest])], subject.kind)
        near = neighbors(scaled[: len(known)], scaled[len(known) :], k=K)
        close = [(left, right) for left, right, _ in near_pairs(subject.x, subject.kind, near, known, rest)]
        if close:
            found.append(_finding(subject, close, "near_leaks"))
    return found


def _finding(subject: Subject, pairs: list[tuple[int, int]], kind: str) -> Finding:
    tested = len({left for left, _ in pairs})
    how = "are also" if kind == "exact_leaks" else "are nearly the same as one"
    drawn = "" if subject.test_is_given else ", as the default split draws it,"
    labels = subject.labels
    torn = [labels is not None and int(labels[left]) != int(labels[right]) for left, right in pairs]
    words = f"{tested:,} of {len(subject.test):,} samples of the test set{drawn} {how} in train"
    if any(torn):
        words += f"; {sum(torn):,} of the {len(pairs):,} pairs disagree on the class"
    return Finding(
        kind=kind,
        severity="error" if subject.test_is_given else "warning",
        words=words,
        advice=ADVICE[subject.test_is_given],
        where=subject.named(list(dict.fromkeys(right for _, right in pairs))),
        count=tested,
        evidence={"share_of_test": tested / len(subject.test), "classes_disagree": torn},
        groups=tuple(subject.named(pair) for pair in pairs),
    )
