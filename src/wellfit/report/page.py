"""The report: one HTML file with everything in it, from the result of a study."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from wellfit.record import RunRecord, better_sign
from wellfit.report.activation_tables import activation_tables, remark_list
from wellfit.report.draw_activations import signal_figures
from wellfit.report.draw_curves import Curves, curve_overview, curve_panels, shows_seeds, shows_spread
from wellfit.report.draw_forest import contrast_lines, effect_lines, forest_figure
from wellfit.report.draw_gap import gap_figure
from wellfit.report.draw_histograms import histogram_figures
from wellfit.report.draw_interactions import interaction_figure
from wellfit.report.facts import cards, facts, plan_facts, recipe_changes, recipe_yaml
from wellfit.report.figure import arm_legend, arm_styles
from wellfit.report.fit_section import fit_section
from wellfit.report.safe import as_json, as_script, script_hash
from wellfit.report.tables import badge, contrast_table, leaderboard_table, pair_table
from wellfit.views.activations import activations
from wellfit.views.advice import advice
from wellfit.views.cleaning import cleaning, plan_text
from wellfit.views.contrasts import contrasted_metrics
from wellfit.views.curves import ArmCurves, Quantity, curves
from wellfit.views.forest import forest
from wellfit.views.gap import gaps
from wellfit.views.headline import headline
from wellfit.views.histograms import histograms, layers
from wellfit.views.interactions import effects
from wellfit.views.leaderboard import LeaderboardRow, best_arm, leaderboard
from wellfit.views.pairs import pairs
from wellfit.views.racing import race_text

Weights = Mapping[str, Mapping[str, NDArray[Any]]]

QUANTITIES: dict[Quantity, str] = {"loss": "Loss", "accuracy": "Accuracy", "iou": "IoU"}
"""What curves are drawn of, and what it is called there."""


def render(result: Mapping[str, Any], runs: Sequence[RunRecord], weights: Weights | None) -> str:
    """Return the report of a study as one HTML page that opens offline: no request leaves it.

    Parameters
    ----------
    result
        The values of ``result.json``; metric blocks, intervals and p may be ``None``.
    runs
        The records behind it: curves and per-seed values are drawn from these.
    weights
        Arm -> parameter -> array of any shape, of the arm's best seed; ``None``: no histograms.

    """
    rows = leaderboard(result)
    fit = fit_section(result)
    verdict = fit.headline if fit else headline(result)
    board = leaderboard_table(rows, metric=str(result["metric"]))
    sections = {
        "curves": _curves(result, runs, rows),
        "gap": _gap(runs, rows),
        "contrasts": _contrasts(result, runs, rows),
        "interactions": _interactions(result),
        "weights": _weights(result, weights, rows),
        "activations": _activations(result, rows),
    }
    drawn = [
        *(fit.figures if fit else ()),
        *(one for section in sections.values() for one in section.get("figures", ())),
    ]
    scripts = {"plotly": as_script(_plotly()), "page": as_script(_part("page.js"))}
    return _template().render(
        study=_study(result),
        headline=verdict,
        fit=fit,
        cards=fit.cards if fit else cards(result, rows, tone=verdict.tone),
        advice=advice(result),
        cleaning=cleaning(result),
        plan=plan_text(result),
        leaderboard=board,
        race=race_text(result),
        badges={row.arm: badge(row) for row in rows},
        values={line["row"].arm: line["cells"][0].text for line in board["rows"] if line["row"].metric is not None},
        lower_is_better=better_sign(str(result["metric"])) < 0,
        sections=sections,
        recipes=_recipes(result),
        provenance=_provenance(result),
        style=Markup(_part("style.css") + (fit.style if fit else "")),
        figures=Markup(as_json([figure.to_dict() for figure in drawn])),
        scripts={name: Markup(source) for name, source in scripts.items()},
        script_sources=" ".join(script_hash(source) for source in scripts.values()),
    )


def _study(result: Mapping[str, Any]) -> dict[str, str]:
    environment = result.get("environment") or {}
    return {
        "name": str(result.get("name") or "study"),
        "status": str(result.get("status")),
        "metric": str(result["metric"]),
        "control": str(result.get("control")),
        "started": str(environment.get("started") or "")[:10],
        "version": str(environment.get("wellfit") or ""),
    }


@lru_cache(maxsize=1)
def _plotly() -> str:
    """Return plotly.js, 4.8 MB, as the plotly package ships it."""
    return importlib.resources.files("plotly").joinpath("package_data/plotly.min.js").read_text(encoding="utf-8")


def _part(name: str) -> str:
    return importlib.resources.files("wellfit.report").joinpath(name).read_text(encoding="utf-8")


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(_part("template.html"))


def _order(rows: Sequence[LeaderboardRow]) -> list[str]:
    """Return the control first, then the arms from best to worst."""
    return [row.arm for row in sorted(rows, key=lambda row: not row.is_control)]


def _curves(result: Mapping[str, Any], runs: Sequence[RunRecord], rows: Sequence[LeaderboardRow]) -> dict[str, Any]:
    """Return the panels: the control first, then the arms from best to worst."""
    found: dict[str, Sequence[ArmCurves]] = {q: made for q in QUANTITIES if (made := curves(runs, quantity=q))}
    if not found:
        return {}
    control = str(result.get("control"))
    drawn = {arm.arm for arms in found.values() for arm in arms}
    order = [arm for arm in _order(rows) if arm in drawn]
    panels = curve_panels(found, order=order, control=control)
    styles = {arm: style for arm, style in arm_styles(_order(rows), control=control).items() if arm in drawn}
    overview = curve_overview(found, styles=styles, best=best_arm(result)) if len(order) > 1 else None
    return {
        "figures": [*([overview] if overview else []), *panels.values()],
        "overview": overview,
        "panels": panels,
        "control": control if control in panels and len(order) > 1 else None,
        "quantities": list(found),
        "shown": [(quantity, name) for quantity, name in QUANTITIES.items() if quantity in found],
        "quantity": shown if (shown := str(result["metric"]).removeprefix("val_")) in found else "loss",
        "spreads": _spreads(found),
    }


def _spreads(found: Curves) -> list[tuple[str, str]]:
    """Return what the reader can choose to see of the seeds."""
    if not shows_spread(found):
        return []
    seeds = [("seeds", "Each seed")] if shows_seeds(found) else []
    return [("range", "Min to max"), ("interval", "95 % interval"), *seeds]


def _gap(runs: Sequence[RunRecord], rows: Sequence[LeaderboardRow]) -> dict[str, Any]:
    place = {row.arm: index for index, row in enumerate(rows)}
    found = [row for row in gaps(runs) if row.best.count or row.last.count]
    if not found:
        return {}
    figure = gap_figure(sorted(found, key=lambda row: place.get(row.arm, len(place))))
    return {"figures": [figure], "figure": figure}


def _contrasts(result: Mapping[str, Any], runs: Sequence[RunRecord], rows: Sequence[LeaderboardRow]) -> dict[str, Any]:
    """Return a forest plot for each metric that has contrasts, arms always in the order of the leaderboard."""
    place = {row.arm: index for index, row in enumerate(rows)}
    blocks = []
    for index, metric in enumerate(contrasted_metrics(result)):
        found = sorted(forest(result, runs, metric=metric), key=lambda row: place.get(row.contrast.arm, len(place)))
        title = f"Differences in {metric} to the control"
        figure = forest_figure(contrast_lines(found), metric=metric, figure_id=f"forest-{index}", title=title)
        table = pairs(runs, metric=metric, control=str(result.get("control")))
        numbers, seeds = contrast_table(found, metric=metric), pair_table(table)
        blocks.append({"metric": metric, "figure": figure, "numbers": numbers, "pairs": seeds})
    return {"figures": [block["figure"] for block in blocks], "blocks": blocks} if blocks else {}


def _interactions(result: Mapping[str, Any]) -> dict[str, Any]:
    metric = str(result["metric"])
    found = effects(result, metric=metric)
    if found is None:
        return {}
    lines = effect_lines([*found.main, *found.pairs])
    title = f"Main effects and interactions in {metric}"
    beside = forest_figure(lines, metric=metric, figure_id="effects", title=title)
    cells = interaction_figure(found, height=beside.height)
    return {"figures": [cells, beside], "map": cells, "forest": beside}


def _weights(result: Mapping[str, Any], weights: Weights | None, rows: Sequence[LeaderboardRow]) -> dict[str, Any]:
    named: dict[str, dict[str, NDArray[np.floating]]] = {
        row.arm: dict(weights[row.arm]) for row in rows if weights and row.arm in weights
    }
    if not named:
        return {}
    control = str(result.get("control"))
    parameters, total = layers(named)
    found = histograms(named, parameters=parameters)
    figures = histogram_figures(found, control=control)
    choices = [arm for arm in named if arm != control]
    best = best_arm(result)
    return {
        "figures": figures,
        "panels": list(zip(found, figures, strict=True)),
        "total": total,
        "control": control if control in named else None,
        "choices": choices,
        "chosen": best if best in choices else next(iter(choices), None),
    }


def _activations(result: Mapping[str, Any], rows: Sequence[LeaderboardRow]) -> dict[str, Any]:
    """Return what stands out, a table, and where something does the signal of all arms; the control first."""
    control = str(result.get("control"))
    order = _order(rows)
    arms = sorted(activations(result), key=lambda arm: order.index(arm.arm))
    if not arms:
        return {}
    styles = arm_styles(order, control=control)
    found = remark_list(arms)
    figures = signal_figures(arms, styles=styles) if found["loud"] else {}
    return {
        "figures": list(figures.values()),
        "signals": figures,
        "legend": arm_legend({arm.arm: styles[arm.arm] for arm in arms}),
        "remarks": found,
        **activation_tables(arms),
    }


def _recipes(result: Mapping[str, Any]) -> dict[str, Any]:
    arms = [arm for arm in result.get("arms") or () if arm.get("recipe")]
    control = next((arm for arm in arms if arm["name"] == result.get("control")), arms[0] if arms else None)
    if control is None:
        return {}
    others = [
        {"arm": arm["name"], "changes": recipe_changes(control["recipe"], arm["recipe"])}
        for arm in arms
        if arm is not control
    ]
    return {"base": control["name"], "yaml": recipe_yaml(control["recipe"]), "others": others}


def _provenance(result: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    titles = {"data": "Data", "environment": "Environment", "certificate": "Certificate"}
    environment = dict(result.get("environment") or {})
    libraries = environment.pop("libraries", None) or {}
    known = {**result, "environment": {**environment, **libraries}}
    made = [(title, facts(known.get(key))) for key, title in titles.items()]
    made.insert(2, ("Plan", plan_facts(result.get("plan"))))
    return [(title, found) for title, found in made if found]
