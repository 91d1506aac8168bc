"""Unreadable: files and rows that are damaged, truncated or not what they say."""

from __future__ import annotations

from wellfit.data.audit.finding import Finding
from wellfit.data.audit.subject import Subject


def find_unreadable(subject: Subject) -> list[Finding]:
    """Return the files or rows that could not be read."""
    count = len(subject.unreadable)
    if not count:
        return []
    total = len(subject) + len(set(subject.unreadable).difference(subject.names))  # a row of a bad cell is in both
    return [
        Finding(
            kind="unreadable",
            severity="error",
            words=f"{count:,} of {total:,} files or rows cannot be read",
            advice="drop them, or get them again; data.skip_bad leaves them out of a training",
            where=tuple(subject.unreadable),
            count=count,
            evidence={"reasons": list(subject.unreadable.values())},
        )
    ]
