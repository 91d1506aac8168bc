"""Leaks: a sample of the test set that stands, the same or nearly, in the train set."""

from __future__ import annotations

from wellfit.data.audit.copies import Copies, search
from wellfit.data.audit.duplicates import torn_text
from wellfit.data.audit.finding import Finding
from wellfit.data.audit.subject import Subject

ADVICE = {
    True: "drop the train samples (never choose among test samples by what they are): the test result counts what was"
    " memorized",
    False: "deduplicate before the split is drawn, or split by group",
}


def find_leaks(subject: Subject, copies: Copies | None = None) -> list[Finding]:
    """Return the samples of the test set (given, or as the default split draws it) that train holds too.

    ``copies`` is what ``copies.search`` found; ``None``: it is searched for.
    """
    held = set(subject.test.tolist())
    train = set(subject.train.tolist()) - held
    if not held or not train:
        return []
    copies = search(subject) if copies is None else copies
    found = []
    seen: set[int] = set()
    pairs: list[tuple[int, int]] = []
    same: dict[int, list[int]] = {}
    for group in copies.exact:
        same |= dict.fromkeys(group, group)
        inside, outside = [row for row in group if row in held], [row for row in group if row in train]
        if inside and outside:
            seen.update(inside)
            pairs += [(one, outside[0]) for one in inside]
            pairs += [(inside[0], other) for other in outside[1:]]
    if pairs:
        found.append(_finding(subject, pairs, "exact_leaks"))
    close: dict[tuple[int, int], None] = {}
    for left, right, _ in copies.near:
        for one, other in ((left, right), (right, left)):  # one stands for all that equal it
            inside = [row for row in same.get(one, [one]) if row in held and row not in seen]
            outside = [row for row in same.get(other, [other]) if row in train]
            close |= dict.fromkeys((row, outside[0]) for row in inside if outside)
    if close:
        found.append(_finding(subject, list(close), "near_leaks"))
    return found


def _finding(subject: Subject, pairs: list[tuple[int, int]], kind: str) -> Finding:
    tested = len({left for left, _ in pairs})
    how = "are also" if kind == "exact_leaks" else "are nearly the same as one"
    drawn = "" if subject.test_is_given else ", as the default split draws it,"
    torn = [subject.disagree(pair, exactly=kind == "exact_leaks") for pair in pairs]
    words = f"{tested:,} of {len(subject.test):,} samples of the test set{drawn} {how} in train"
    if any(torn):
        words += f"; {torn_text(torn, 'pairs')} disagree on the {subject.answer}"
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
