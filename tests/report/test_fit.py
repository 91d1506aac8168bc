"""The part of the page that tells a fit."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.report.fit_sample import fit_study, gain, make_fit, make_round, part, remedy, usual_fit
from wellfit.report import render
from wellfit.report.draw_remedies import remedy_figure
from wellfit.report.fit_section import fit_section
from wellfit.views.remedies import Fit, read_fit


def fit_of(block: dict[str, Any]) -> Fit:
    found = read_fit({"metric": "val_loss", "fit": block})
    assert found is not None
    return found


def html_of(block: dict[str, Any]) -> str:
    result, _ = fit_study(block)
    section = fit_section(result)
    assert section is not None
    return str(section.html)


def test_a_study_has_no_such_part() -> None:
    result, runs = fit_study(usual_fit())
    del result["fit"]
    assert fit_section(result) is None
    page = render(result, runs, None)
    assert 'id="fit"' not in page
    assert "wellfit study report" in page
    assert ".way" not in page


def test_the_page_of_a_fit_answers_by_the_sealed_test_set() -> None:
    result, runs = fit_study(usual_fit())
    page = render(result, runs, None)
    assert "wellfit fit report" in page
    heading = page.split("<h1>")[1].split("</h1>")[0]
    assert heading == (
        "dropout=0.3 + epochs x2 takes the place of plain, from overfit to well-fit: test_loss 0.318 instead of 0.412, "
        "a gain of 0.09 [0.06, 0.12] on the sealed test set."
    )
    assert page.index('id="fit"') < page.index('id="leaderboard"')


def test_every_remedy_has_its_row_with_outcome_gain_and_when_it_left() -> None:
    html = html_of(usual_fit())
    first = html.split("Round 1:")[1].split("Round 2:")[0]
    rows = first.split("<tbody>")[1].split("</tbody>")[0].split("<tr")[1:]
    outcomes = [row.split('class="badge outcome-')[1].split("</span> ")[1].split("<")[0] for row in rows]
    assert outcomes == ["CURED", "BETTER", "NO GAIN", "WORSE", "WORSE", "INCONCLUSIVE"]
    assert "kept" in rows[0]
    assert "+0.060 [0.040, 0.080]" in rows[0]
    assert "left after 3 seeds: clearly behind another arm" in rows[3]
    assert "<dt>no time was left</dt><dd>wider</dd>" in html
    assert "Harm of dropout=0.3." in html.split("What to watch in the model")[1]
    assert "Harm of l2=0.001." not in html.split("What to watch in the model")[1]


def test_risks_are_said_once() -> None:
    rounds = [make_round(number, "plain", [remedy("a", "NO GAIN", 0.0)]) for number in (1, 2)]
    assert html_of(make_fit(*rounds)).count("Only 360 samples") == 1


def test_the_plot_has_a_row_for_each_remedy_that_was_measured() -> None:
    figure = remedy_figure(fit_of(usual_fit()))
    assert figure is not None
    labels = figure.layout["yaxis"]["ticktext"]
    assert labels[0] == "<b>Round 1, over plain</b>"
    assert labels[-2:] == ["<b>In all, over plain</b>", "dropout=0.3 + epochs<br>x2"]
    assert len(labels) == 1 + 6 + 1 + 1 + 2
    drawn = {place: trace["name"] for _, trace in figure.traces[1:] for place in trace["y"]}
    assert [drawn[place] for place in (1, 2, 3, 4, 5, 6)] == [
        "better",
        "better",
        "unclear",
        "worse",
        "worse",
        "unclear",
    ]
    assert len(figure.traces[0][1]["x"]) == 5 + 5 + 5 + 3 + 3 + 5 + 5 + 5


def test_an_arm_that_broke_does_not_flatten_the_others() -> None:
    figure = remedy_figure(fit_of(usual_fit()))
    assert figure is not None
    low, high = figure.layout["xaxis"]["range"]
    assert -1 < low < 0 < 0.124 < high
    worse = next(trace for _, trace in figure.traces if trace["name"] == "worse")
    assert worse["marker"]["symbol"] == ["square", "triangle-left"]
    assert worse["x"][1] == pytest.approx(low)
    assert worse["error_x"]["array"][1] == worse["error_x"]["arrayminus"][1] == 0
    assert "\N{MINUS SIGN}10 [" in worse["text"][1]


def test_shares_are_shown_in_percentage_points() -> None:
    tried = [remedy("a", "BETTER", 0.02, 0.01, metric="test_accuracy")]
    block = make_fit(
        make_round(1, "plain", tried, winner="a"), final={**part("a", "well-fit", 0.3, 0.9), "gain": gain(0.02, 0.01)}
    )
    figure = remedy_figure(fit_of(block))
    assert figure is not None
    assert next(trace for _, trace in figure.traces if trace["name"] == "better")["x"][0] == pytest.approx(2.0)
    assert "+2.0 [1.0, 3.0]" in html_of(block)
    assert "points of test_accuracy" in html_of(block)


@pytest.mark.parametrize(
    "block",
    [
        make_fit(final={**part("plain", "overfit", 0.4, 0.8), "gain": None}, ended="budget"),
        make_fit(
            make_round(1, "plain", []), make_round(2, "plain", [remedy("a", "INCONCLUSIVE", 0.1, None, test=None)])
        ),
        make_fit(make_round(1, "plain", [remedy("a", "INCONCLUSIVE", 0.0, 0.0)])),
        make_fit(make_round(1, "plain", [remedy("a", "BETTER", math.inf)]), simple=None, advice=[], budget=None),
        {},
        {"rounds": None, "final": 3, "baseline": [], "advice": "x", "simple": 1},
    ],
    ids=["nothing tried", "nothing measured", "no spread", "infinite", "empty", "broken"],
)
def test_whatever_is_missing_the_page_stands(block: dict[str, Any]) -> None:
    result, runs = fit_study(block)
    page = render(result, runs, None)
    assert 'id="fit"' in page
    assert "nan" not in html_of(block)
    assert "None" not in html_of(block)
