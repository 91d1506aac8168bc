"""A diagnosis as lines of plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from wellfit.diagnosis.verdict import Diagnosis

MOST_REMEDIES = 3
"""Shown for a finding; the diagnosis has all."""


def diagnosis_lines(diagnosis: Diagnosis, width: int) -> Iterator[str]:
    """Yield verdict, words and findings, each with evidence and the first remedies; remarks are not among them."""
    yield f"  {diagnosis.verdict}, confidence {diagnosis.confidence:.0%}"
    yield from filled(diagnosis.words, width, "  ", hang="")
    for finding in diagnosis.findings:
        yield ""
        title = f"{finding.name.replace('_', ' ')}, at {finding.epoch}, confidence {finding.confidence:.0%}"
        yield from filled(title, width, "  ")
        if finding.words != diagnosis.words:
            yield from filled(finding.words, width, "    ", hang="")
        evidence = ", ".join(f"{name} {value:.3g}" for name, value in finding.evidence.items())
        yield from filled(f"evidence: {evidence or 'the mark of the run'}", width, "    ")
        for remedy in finding.remedies[:MOST_REMEDIES]:
            yield from filled(f"try: {_plain(remedy.step, remedy.change)}. {remedy.reason}", width, "    ")


def _plain(step: str, change: str) -> str:
    """Return a change in words: ``lower optimizer.lr``; a field of a recipe keeps its name."""
    return f"{step} {change if '.' in change else change.replace('_', ' ')}"


def filled(text: str, width: int, indent: str, hang: str = "  ") -> list[str]:
    """Return a text in lines of at most ``width`` characters."""
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent + hang, break_on_hyphens=False)
