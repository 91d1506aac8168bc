"""Duplicates: the same sample twice, byte by byte or nearly."""

from __future__ import annotations

from collections.abc import Sequence

from wellfit.data.audit.copies import MOST, Copies, K, distinct, joined, search
from wellfit.data.audit.finding import Finding
from wellfit.data.audit.subject import Subject

__all__ = ["MOST", "K", "distinct", "find_duplicates"]


def find_duplicates(subject: Subject, copies: Copies | None = None) -> list[Finding]:
    """Return exact and near duplicates among the samples that are no given test.

    ``copies`` is what ``copies.search`` found; ``None``: it is searched for.
    """
    copies = search(subject) if copies is None else copies
    known = set(subject.train.tolist())
    # two rows of a regression with other targets are two measurements
    groups = [[row for row in group if row in known] for group in copies.exact]
    groups = [group for group in groups if len(group) > 1]
    found = [_finding(subject, groups, "exact_duplicates")] if groups else []
    close = joined((left, right) for left, right, _ in copies.near if left in known and right in known)
    if close:
        found.append(_finding(subject, close, "near_duplicates"))
    return found


def torn_text(torn: Sequence[bool], what: str) -> str:
    """Say how many groups or pairs are meant."""
    return "they" if len(torn) == 1 else f"{sum(torn):,} of the {len(torn):,} {what}"


def _finding(subject: Subject, groups: list[list[int]], kind: str) -> Finding:
    count = sum(len(group) - 1 for group in groups)
    torn = [subject.disagree(group, exactly=kind == "exact_duplicates") for group in groups]
    how = "the same as" if kind == "exact_duplicates" else "nearly the same as"
    words = f"{count:,} of {len(subject.train):,} samples are {how} another one"
    if any(torn):
        words += f"; {torn_text(torn, 'groups')} disagree on the {subject.answer}"
    return Finding(
        kind=kind,
        severity="warning" if kind == "exact_duplicates" or any(torn) else "note",
        words=words,
        advice="keep one of each group (deduplicate): copies that fall in train and validation make both look good"
        + (f"; where they disagree on the {subject.answer}, look and correct one" if any(torn) else ""),
        where=subject.named([row for group in groups for row in group[1:]]),
        count=count,
        evidence={"groups": len(groups), "classes_disagree": torn},
        groups=tuple(subject.named(group) for group in groups),
    )
