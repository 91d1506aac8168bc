"""The audit as one HTML file that opens offline, with thumbnails of what was found."""

from __future__ import annotations

import base64
import importlib.resources
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from PIL import Image

from wellfit.report.tile import picture, sequence

MOST_TILES = 36
"""Samples, or groups of them, that a finding shows."""
MOST_IN_GROUP = 6
MOST_NAMES = 200
"""Names that a finding lists; the JSON beside the page has all."""
SIDE = 96
SIGNS = {"error": "diverged", "warning": "unconverged", "note": "underfit"}
"""Severity -> the style of its badge."""


def render_audit(
    audit: Mapping[str, Any], findings: Sequence[Any], *, x: npt.NDArray[Any], kind: str, rows: Mapping[str, int]
) -> str:
    """Return the page.

    Parameters
    ----------
    audit
        What ``audit.json`` holds.
    findings
        The same findings as objects.
    x, kind
        All samples, for the thumbnails: uint8 images ``(N, C, H, W)``, sequences ``(N, T, C)``; vectors have none.
    rows
        Name of a sample -> its row in ``x``.

    """
    ends = (float(x.min()), float(x.max())) if kind == "sequence" and x.size else (0.0, 1.0)
    made: dict[int, str] = {}

    def tile(name: str) -> str | None:
        row = rows.get(name)
        if row is None or kind == "vector":
            return None
        if row not in made:
            made[row] = _tile(x[row], kind, ends)
        return made[row]

    sections = [_section(finding, tile) for finding in findings]
    faults = [finding for finding in findings if finding.kind != "overfitting_risk"]
    return _template().render(
        audit=audit,
        shape=" x ".join(str(size) for size in audit["shape"]),
        headline=_headline(faults),
        network=f"{audit['network']}, {'inferred' if audit['network_inferred'] else 'as the recipe says'}",
        columns=_kinds(audit["columns"]),
        tone="worse" if any(one.severity == "error" for one in faults) else "unclear" if faults else "better",
        counts={severity: sum(one.severity == severity for one in findings) for severity in SIGNS},
        sections=sections,
        signs=SIGNS,
        style=Markup(_part("style.css")),
    )


def _headline(faults: Sequence[Any]) -> str:
    if not faults:
        return "No fault was found."
    kinds = ", ".join(dict.fromkeys(one.kind.replace("_", " ") for one in faults))
    return f"Found: {kinds}."


def _kinds(columns: Sequence[Mapping[str, str]]) -> str:
    """Return how many columns there are of each kind."""
    counts = Counter(column["kind"] for column in columns)
    return ", ".join(f"{count} x {kind}" for kind, count in counts.items())


def _section(finding: Any, tile: Any) -> dict[str, Any]:
    groups = [[(name, tile(name)) for name in group[:MOST_IN_GROUP]] for group in finding.groups[:MOST_TILES]]
    notes = [""] * len(finding.where)
    if finding.kind == "label_errors":
        told = zip(finding.evidence["given"], finding.evidence["suggested"], strict=True)
        notes = [f"{given}, rather {suggested}" for given, suggested in told]
    reasons = [f" ({why})" for why in finding.evidence.get("reasons", ())] or [""] * len(finding.where)
    named = [name + why for name, why in zip(finding.where, reasons, strict=True)]
    singles = (
        []
        if groups
        else [(name, tile(name), note) for name, note in zip(finding.where[:MOST_TILES], notes, strict=False)]
    )
    return {
        "finding": finding,
        "title": finding.kind.replace("_", " ").capitalize(),
        "groups": groups if any(shown for group in groups for _, shown in group) else [],
        "singles": singles if any(shown for _, shown, _ in singles) else [],
        "names": [" = ".join(group) for group in (finding.groups or zip(named, strict=True))][:MOST_NAMES],
        "more": max(0, len(finding.groups or finding.where) - MOST_NAMES),
        "numbers": {
            key: f"{value:.4g}" if isinstance(value, float) else value
            for key, value in finding.evidence.items()
            if value != "" and isinstance(value, int | float | str)
        },
    }


def _tile(sample: npt.NDArray[Any], kind: str, ends: tuple[float, float]) -> str:
    """Return a sample as a ``data:`` address."""
    if kind == "image":
        image = picture(np.ascontiguousarray(sample.transpose(1, 2, 0)))
        small = max(sample.shape[1:]) <= SIDE
        image.thumbnail((SIDE, SIDE), Image.Resampling.NEAREST if small else Image.Resampling.LANCZOS)
    else:
        image = sequence(sample, low=ends[0], high=ends[1])
    file = io.BytesIO()
    image.save(file, "png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _part(name: str) -> str:
    return importlib.resources.files("wellfit.report").joinpath(name).read_text(encoding="utf-8")


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(_part("audit.html"))
