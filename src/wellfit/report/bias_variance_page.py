"""Bias and variance over complexity as one HTML file that opens offline."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping
from typing import Any

import jinja2
from markupsafe import Markup

from wellfit.report.draw_bias_variance import bias_variance_figure
from wellfit.report.safe import as_json, as_script, script_hash
from wellfit.views.bias_variance import Board, axis_of, board, setting

SHORT = {"squared": "squared", "brier": "Brier", "error": "0-1"}


def render_bias_variance(result: Mapping[str, Any]) -> str:
    """Return the page of what ``wellfit.bias_variance`` found."""
    figure = bias_variance_figure(result)
    plotly = importlib.resources.files("plotly").joinpath("package_data/plotly.min.js").read_text(encoding="utf-8")
    scripts = {"plotly": as_script(plotly), "page": as_script(_part("page.js"))}
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(_part("bias_variance.html")).render(
        result=result,
        title=axis_of(result).title,
        setting=setting(result),
        turns=[_told(board(result, loss)) for loss in result["losses"]],
        figure=figure,
        figures=Markup(as_json([figure.to_dict()])),
        style=Markup(_part("style.css")),
        scripts={name: Markup(source) for name, source in scripts.items()},
        script_sources=" ".join(script_hash(source) for source in scripts.values()),
    )


def _told(one: Board) -> dict[str, Any]:
    rows = [{"value": f"{value:g}", "cells": cells, "lowest": value == one.lowest} for value, cells in one.rows]
    about = {"loss": one.loss, "short": SHORT[one.loss], "title": one.title[0].upper() + one.title[1:]}
    return {**about, "words": one.words, "columns": one.columns, "rows": rows}


def _part(name: str) -> str:
    return importlib.resources.files("wellfit.report").joinpath(name).read_text(encoding="utf-8")
