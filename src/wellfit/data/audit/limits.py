"""Limits: what the audit did not search in full, said instead of passed over."""

from __future__ import annotations

from wellfit.data.audit.collinear import MOST_COLUMNS
from wellfit.data.audit.copies import MOST
from wellfit.data.audit.finding import Finding
from wellfit.data.audit.subject import Subject


def find_limits(subject: Subject) -> list[Finding]:
    """Return a finding for each search that the size of the data limits."""
    found = []
    samples = len(subject.train)
    if max(samples, len(subject)) > MOST:
        found.append(
            _limit(
                f"near duplicates among {len(subject):,} samples: only likely pairs are compared (all up to {MOST:,});"
                " about 1 in 100 is missed",
                "nothing, where one in a hundred does not matter; else audit parts of the data",
            )
        )
    if subject.kind != "vector" and samples > MOST:
        found.append(_limit(f"outliers among {samples:,} samples (up to {MOST:,})", "audit a part of the data"))
    if subject.kind == "vector" and subject.x.shape[1] > MOST_COLUMNS:
        what = f"collinear columns among {subject.x.shape[1]:,} (up to {MOST_COLUMNS:,})"
        found.append(_limit(what, "audit some of the columns"))
    return found


def _limit(what: str, advice: str) -> Finding:
    return Finding(kind="not_searched", severity="note", words=f"not searched in full: {what}", advice=advice)
