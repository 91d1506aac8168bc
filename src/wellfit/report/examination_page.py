"""An examination as one HTML file that opens offline: what it says, a picture, the numbers."""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence
from dataclasses import dataclass

import jinja2
from markupsafe import Markup

from wellfit.report.figure import Figure
from wellfit.report.safe import as_json, as_script, script_hash


@dataclass(frozen=True)
class Page:
    """The words and cells of the page."""

    data: str
    title: str
    tone: str
    """``better``, ``worse`` or ``unclear``."""
    headline: str
    words: Sequence[str]
    doubts: Sequence[str]
    setting: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    faint: int
    """Rows at the end that are no measurements."""
    footnote: str


def render_examination(page: Page, figure: Figure) -> str:
    """Return the page; no request leaves it."""
    plotly = importlib.resources.files("plotly").joinpath("package_data/plotly.min.js").read_text(encoding="utf-8")
    scripts = {"plotly": as_script(plotly), "page": as_script(_part("page.js"))}
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(_part("examination.html")).render(
        page=page,
        figure=figure,
        figures=Markup(as_json([figure.to_dict()])),
        style=Markup(_part("style.css")),
        scripts={name: Markup(source) for name, source in scripts.items()},
        script_sources=" ".join(script_hash(source) for source in scripts.values()),
    )


def _part(name: str) -> str:
    return importlib.resources.files("wellfit.report").joinpath(name).read_text(encoding="utf-8")
