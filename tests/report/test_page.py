"""The page as text: whole, self-contained, valid and safe, whatever the study left out."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.report.layers import fine
from tests.report.pages import EVIL, Elements, fitted, nothing_yet, odd, one_seed, single_regression, usual
from tests.report.sample import arm_names, make_result, make_run, make_study
from wellfit.report import render

PAGES = [usual, odd, single_regression, one_seed, nothing_yet, fitted]
LAST = ("interactions-section", "weights", "activations")
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.__name__)


def figures(html: str) -> list[dict[str, Any]]:
    def refuse(word: str) -> float:
        raise AssertionError(f"{word} is not JSON")

    found: list[dict[str, Any]] = json.loads(Elements(html).scripts[0], parse_constant=refuse)
    return found


@every_page
def test_nothing_comes_from_elsewhere(page: Callable[[], str]) -> None:
    found = Elements(page())
    for tag, attributes in found.tags:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert attributes.get(name, "#").startswith(("#", "data:")), (tag, attributes)
    style = re.findall(r"<style>(.*?)</style>", page(), re.DOTALL)
    assert not re.search(r"url\(|@import|@font-face", "".join(style))


@every_page
def test_policy_allows_exactly_the_two_scripts_of_the_page(page: Callable[[], str]) -> None:
    found = Elements(page())
    policy = next(at["content"] for tag, at in found.tags if at.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; ")
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in found.scripts[1:]]
    assert hashes == allowed
    assert len(found.scripts) == 3
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]


@every_page
def test_figures_are_valid_json_and_each_has_its_place(page: Callable[[], str]) -> None:
    html = page()
    ids = [figure["id"] for figure in figures(html)]
    places = [at["id"] for tag, at in Elements(html).tags if at.get("class") == "plot"]
    assert sorted(ids) == sorted(places)
    assert len(set(ids)) == len(ids)
    for figure in figures(html):
        assert len(figure["data"]) == len(figure["when"])


@every_page
def test_size(page: Callable[[], str]) -> None:
    assert 4.5e6 < len(page().encode()) < 6e6


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (usual, {"verdict", "leaderboard", "curves", "gap-section", "contrasts", *LAST}),
        (one_seed, {"verdict", "leaderboard", "curves", "gap-section", "contrasts"}),
        (single_regression, {"verdict", "leaderboard", "curves", "gap-section"}),
        (nothing_yet, {"verdict", "leaderboard"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_sections_are_those_that_have_something_to_show(page: Callable[[], str], expected: set[str]) -> None:
    found = [at["id"] for tag, at in Elements(page()).tags if tag == "section"]
    assert set(found) - {"recipes", "provenance"} == expected
    links = [at["href"][1:] for tag, at in Elements(page()).tags if tag == "a"]
    assert set(links) == set(found)


def test_sections_come_in_their_order() -> None:
    found = [at["id"] for tag, at in Elements(usual()).tags if tag == "section"]
    assert found == ["verdict", "leaderboard", "curves", "gap-section", "contrasts", *LAST, "recipes", "provenance"]


def test_names_stay_names() -> None:
    html = odd()
    found = Elements(html)
    assert "<img" not in html.split("<script>")[0]
    assert {tag for tag, _ in found.tags} & {"img", "iframe", "object"} == set()
    assert html.count("</script>") == 3
    assert EVIL in [at["value"] for tag, at in found.tags if tag == "option"]


def test_plot_labels_hold_no_markup_of_names() -> None:
    text = json.dumps([figure for figure in figures(odd()) if figure["id"] == "forest-0"])
    assert "&lt;img" in text
    assert "<img" not in text
    assert "<a " not in text


def test_curves_share_one_y_axis_and_mark_the_best_epochs() -> None:
    result, runs, _ = make_study(seeds=3, epochs=12)
    panels = [figure for figure in figures(render(result, runs, None)) if re.fullmatch(r"curve-\d+", figure["id"])]
    assert len(panels) == 8
    assert len({json.dumps(panel["variants"]) for panel in panels}) == 1
    first = panels[0]
    marks = next(
        trace
        for when, trace in zip(first["when"], first["data"], strict=True)
        if trace.get("mode") == "markers" and when["quantity"] == "loss"
    )
    assert marks["x"] == [run.best_epoch for run in runs if run.arm == "plain"]


def test_mean_is_dotted_once_seeds_have_stopped() -> None:
    runs = [make_run(seed=0, epochs=20), make_run(seed=1, epochs=12, status="stopped")]
    figure = next(one for one in figures(render(make_result(runs), runs, None)) if one["id"] == "curve-0")
    means = [trace for trace in figure["data"] if trace.get("line", {}).get("width") == 2.2]
    lengths = {(trace["line"]["color"], trace["line"].get("dash", "solid")[:3]): len(trace["y"]) for trace in means}
    assert lengths["@validation", "sol"] == 12
    assert lengths["@validation", "1px"] == 20


def test_long_runs_are_thinned_and_many_seeds_left_out() -> None:
    runs = [make_run(seed=seed, epochs=1000) for seed in range(2)]
    found = figures(render(make_result(runs), runs, None))
    assert max(len(trace["y"]) for figure in found if figure["id"] == "curve-0" for trace in figure["data"]) <= 400


def test_verdict_sentence_is_the_heading() -> None:
    assert re.search(r"<h1>dropout\+l2 beats plain by 0\.\d+ val_loss \[", usual())


def test_interrupted_study_says_so_and_shows_no_test_column() -> None:
    html = single_regression()
    assert "<strong>interrupted</strong>" in html
    board = html.split('<table class="board">')[1].split("</table>")[0]
    assert "test_loss" not in board
    assert "val_accuracy" not in board
    assert "<h1>Interrupted after" in html or "with one seed no interval is possible" in html


def test_best_arm_is_only_called_best_where_it_won() -> None:
    assert re.search(r'class="tag tag-best">best</span>', usual())
    assert re.search(r'class="tag tag-best">best mean</span>', one_seed())


def test_activations_are_shown_with_what_stands_out() -> None:
    section = usual().split('<section id="activations">')[1].split("</section>")[0]
    assert "1 of 64 units is distinct in all 5 hidden layers, at the start and at the end" in section
    quiet = re.search(r"Nothing stands out in</dt><dd>([^<]*)<", section)
    assert quiet is not None
    names = {name for name in arm_names() if name not in ("plain", "l2")}
    assert set(quiet.group(1).split(", ")) == names
    assert section.count('<tr class="group">') == 8
    assert len(re.findall(r'<td class=" ?(?:first )?marked">1</td>', section)) == 10
    lines = {one["id"]: one["data"] for one in figures(usual()) if one["id"].startswith("signal-")}
    assert {name: len(data) for name, data in lines.items()} == {"signal-start": 8, "signal-end": 8}
    plain = next(line for line in lines["signal-end"] if line["text"] == "plain")
    assert plain["y"] == pytest.approx([0.1, 0.01, 1e-3, 1e-4, 1e-5])


def test_a_run_that_handed_nothing_over_has_no_end() -> None:
    found = {one["id"]: one for one in figures(odd())}
    assert len(found["signal-start"]["data"]) == 2
    assert [line["text"] for line in found["signal-end"]["data"]] == ["plain"]
    assert odd().count("no weights were handed over") == 1


def test_healthy_activations_are_a_sentence_and_a_folded_table() -> None:
    result, runs, _ = make_study(seeds=2, epochs=4)
    for arm in result["arms"]:
        arm["activations"] = fine()
    html = render(result, runs, None)
    assert "Nothing stands out: units differ" in html
    assert "Every layer in numbers" in html
    assert not [one for one in figures(html) if one["id"].startswith("signal-")]


def test_advice_stands_below_the_verdict() -> None:
    verdict = usual().split('<section id="verdict"')[1].split("</section>")[0]
    assert 'l2 does little inside adam <span class="small inline">in l2 and dropout+l2</span>' in verdict
    assert "little or nothing" not in one_seed()


def test_recipes_show_the_base_and_what_arms_change() -> None:
    html = usual()
    assert "optimizer: {kind: sgd, lr: 0.1, momentum: 0.0}" in html
    assert '<span class="dim">dropout.rate:</span> <ins>0.4</ins>' in html


def test_same_study_gives_the_same_page() -> None:
    assert usual() == usual()


def test_neither_torch_nor_graph_objects_are_imported() -> None:
    code = (
        "import sys, wellfit.report as report;"
        "report.render({'metric': 'val_loss', 'arms': []}, [], None);"
        "print([name for name in ('torch', 'plotly.graph_objects') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
