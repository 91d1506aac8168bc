"""The part of the report that tells a fit: what each remedy brought, round after round, and what to watch."""

from __future__ import annotations

import importlib.resources
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
from markupsafe import Markup

from wellfit.record import is_share
from wellfit.report.draw_remedies import remedy_figure
from wellfit.report.facts import Card, test_card
from wellfit.report.figure import Figure
from wellfit.views.fit_story import fit_headline, gain_places, gain_text, left_text, unit_text
from wellfit.views.headline import Headline, with_interval
from wellfit.views.metric_value import number
from wellfit.views.numbers import MISSING, duration_text, shown_decimals, value_text
from wellfit.views.remedies import Attempt, Fit, Round, read_fit

SIGNS = {"CURED": "\N{CHECK MARK}", "BETTER": "\N{UPWARDS ARROW}", "WORSE": "\N{DOWNWARDS ARROW}", "NO GAIN": "="}
SIGNS["INCONCLUSIVE"] = "?"
MEANINGS = {
    "CURED": "better beyond chance, and what it was tried for is gone",
    "BETTER": "better beyond chance",
    "NO GAIN": "no gain that matters is left possible",
    "WORSE": "worse beyond chance",
    "INCONCLUSIVE": "a gain that matters is possible, and so is none",
}
NO_TIME = "no time was left"
ENDED = {
    "well-fit": "the last arm is well-fit",
    "budget": "the budget",
    "nothing helped": "nothing helped",
    "no remedy left": "no remedy was left to try",
}


@dataclass(frozen=True)
class FitSection:
    """What the page shows of a fit."""

    headline: Headline
    """On the sealed test set; a study's own is about validation, by which a fit chose."""
    cards: list[Card]
    html: Markup
    style: str
    figures: tuple[Figure, ...]


def fit_section(result: Mapping[str, Any]) -> FitSection | None:
    """Return the section of a fit; ``None`` where the result is a study's."""
    fit = read_fit(result)
    if fit is None:
        return None
    figure = remedy_figure(fit)
    places = gain_places(fit.attempts)
    html = _template().render(
        fit=fit,
        figure=figure,
        rounds=[
            _round(each, places, known={words for other in fit.rounds[:index] for words in other.risks})
            for index, each in enumerate(fit.rounds)
        ],
        unit=unit_text(fit.metric),
        signs=SIGNS,
        meanings={one: MEANINGS[one] for one in MEANINGS if any(each.outcome == one for each in fit.attempts)},
        ended=ENDED.get(fit.ended, fit.ended),
        untried=[(NO_TIME if why == "budget" else why, names) for why, names in fit.untried],
        simple=None if fit.simple is None else (fit.simple[0], value_text("val_loss", fit.simple[1])),
    )
    figures = () if figure is None else (figure,)
    return FitSection(fit_headline(fit), _cards(fit, result), Markup(html), _part("fit.css"), figures)


def _cards(fit: Fit, result: Mapping[str, Any]) -> list[Card]:
    """Return the key numbers of a fit; what the arms came to is said on the sealed test set."""
    last = fit.final
    note = f"{last.verdict}, {'the baseline itself' if not fit.is_changed else f'instead of {fit.baseline.arm}'}"
    made = [Card("The model", last.arm, note.removeprefix(", "))]
    for metric, value in last.tested[:2]:
        size, _, interval = with_interval(metric, value).partition(" [")
        before = fit.baseline.value(metric)
        was = f"baseline {with_interval(metric, before)}" if before is not None and fit.is_changed else ""
        made.append(Card(metric, size, "; ".join(one for one in (interval and f"95 % [{interval}", was) if one)))
    if fit.gain is not None and fit.is_changed:
        size, _, interval = gain_text(fit.gain, fit.metric).partition(" [")
        made.append(Card("Gain", size, f"{unit_text(fit.metric)}{interval and f', 95 % [{interval}'}"))
    rounds = f"in {len(fit.rounds)} round{'' if len(fit.rounds) == 1 else 's'}" if fit.rounds else ""
    made.append(Card("Remedies tried", str(len(fit.attempts)), rounds))
    budget = duration_text(fit.budget)
    made.append(
        Card("Wall time", duration_text(number(result.get("seconds"))), f"of {budget}" if budget != MISSING else "")
    )
    made.append(test_card(result.get("data") or {}))
    return made


def _round(each: Round, places: int | None, *, known: Collection[str]) -> dict[str, Any]:
    """Return a round for the template; ``known``: risks that an earlier round has named."""
    validation = [one.validation.half_width for one in each.attempts if one.validation is not None]
    metric = "val_accuracy" if each.attempts and is_share(each.attempts[0].metric) else "val_loss"
    by_validation = shown_decimals(metric, validation)
    return {
        "round": each,
        "risks": [words for words in each.risks if words not in known],
        "rows": [_row(one, places, metric, by_validation) for one in each.attempts],
        "why": _explained(each.attempts),
    }


def _row(one: Attempt, places: int | None, metric: str, by_validation: int) -> dict[str, Any]:
    return {
        "one": one,
        "finding": one.finding.replace("_", " "),
        "test": gain_text(one.test, one.metric, places=places),
        "validation": gain_text(one.validation, metric, places=by_validation),
        "left": left_text(one),
    }


def _explained(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Return an attempt for each reason: doses of one remedy share it."""
    return list({(one.reason, one.harm): one for one in reversed(attempts) if one.reason or one.harm}.values())[::-1]


def _part(name: str) -> str:
    return importlib.resources.files("wellfit.report").joinpath(name).read_text(encoding="utf-8")


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(_part("fit.html"))
