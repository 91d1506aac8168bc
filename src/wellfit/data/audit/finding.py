"""Finding: one fault of a data set, the samples that have it, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
ORDER: tuple[Severity, ...] = ("error", "warning", "note")
"""From what makes results wrong (``error``) over what makes them worse to what is only good to know."""


@dataclass(frozen=True)
class Finding:
    """One kind of fault that was found."""

    kind: str
    """Which fault: ``exact_duplicates``, ``missing``, ``label_errors``, ..."""
    severity: Severity
    words: str
    """What was found, in one sentence with its numbers."""
    advice: str
    """What to do."""
    where: tuple[str, ...] = ()
    """Names of the files, rows or columns, the most certain first; the whole list."""
    count: int = 0
    """How many there are; where ``groups`` are named, the samples that would go."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """The numbers behind it; a list runs along ``where`` (or along ``groups``, where there are some)."""
    groups: tuple[tuple[str, ...], ...] = ()
    """Samples that belong together (duplicates, leaks), the one to keep first."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def by_severity(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings, errors first; those of one severity keep their order."""
    return sorted(findings, key=lambda finding: ORDER.index(finding.severity))


def counted(count: int, one: str, many: str) -> str:
    """Return a number and what it counts, with its verb where that is part of it.

    >>> counted(1, "row holds", "rows hold"), counted(2300, "row holds", "rows hold")
    ('1 row holds', '2,300 rows hold')
    """
    return f"{count:,} {one if count == 1 else many}"
