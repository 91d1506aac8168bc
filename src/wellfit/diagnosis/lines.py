"""A diagnosis as lines of plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator

from wellfit.diagnosis.remedy import Remedy
from wellfit.diagnosis.verdict import Diagnosis

MOST_REMEDIES = 3
"""Shown for a finding; the diagnosis has all."""


def _nothing(remedy: Remedy) -> str:
    """Return what is typed where no recipe is known."""
    return ""


def diagnosis_lines(diagnosis: Diagnosis, width: int, *, typed: Callable[[Remedy], str] = _nothing) -> Iterator[str]:
    """Yield verdict, words and findings, each with evidence and the first remedies; remarks are not among them.

    ``typed`` says how a remedy is typed, where a recipe is known.
    """
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
            what = " ".join(filter(None, [_plain(remedy.step, remedy.change), typed(remedy)]))
            yield from filled(f"try: {what}. {remedy.reason}", width, "    ")
            yield from filled(remedy.harm, width, "      ")


def _plain(step: str, change: str) -> str:
    """Return a change in words: ``lower optimizer.lr``; a field of a recipe keeps its name."""
    return f"{step} {change if '.' in change else change.replace('_', ' ')}"


def filled(text: str, width: int, indent: str, hang: str = "  ") -> list[str]:
    """Return a text in lines of at most ``width`` characters."""
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent + hang, break_on_hyphens=False)
