"""The page in a browser: every plot is drawn, nothing is fetched, choices, themes, phones and paper work."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.support.wait import WebDriverWait

from tests.report.pages import EVIL, fitted, nothing_yet, odd, one_seed, single_regression, usual
from wellfit.report import write

pytestmark = pytest.mark.browser

PAGES = [usual, odd, single_regression, one_seed, nothing_yet, fitted]
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.__name__)

# What was drawn: traces that should show beside the marks of their kind in the SVG.
DRAWN = """
return [...document.querySelectorAll('.plot')].map(place => ({
  id: place.id,
  svgs: place.querySelectorAll('.main-svg').length,
  traces: place.data.length,
  visible: place._fullData.filter(trace => trace.visible === true).length,
  marks: place.querySelectorAll('.scatterlayer > .trace, .barlayer > .trace, .heatmaplayer > .hm').length,
  width: place.clientWidth, height: place.clientHeight,
}))
"""


def show(
    browser: webdriver.Chrome, html: str, folder: Path, *, width: int = 1280, theme: str = "light"
) -> list[dict[str, Any]]:
    """Open the page at a width and theme, wait until all is drawn, and return what was drawn."""
    path = folder / "report.html"
    write(path, html)
    feature = {"name": "prefers-color-scheme", "value": theme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    for log in ("browser", "performance"):
        browser.get_log(log)  # type: ignore[no-untyped-call]
    browser.get(path.as_uri())
    wait(browser, "return document.documentElement.dataset.drawn !== undefined")
    found: list[dict[str, Any]] = browser.execute_script(DRAWN)
    return found


def wait(browser: webdriver.Chrome, script: str) -> None:
    WebDriverWait(browser, 20).until(lambda driver: driver.execute_script(script))


def errors(browser: webdriver.Chrome) -> list[dict[str, Any]]:
    return [one for one in browser.get_log("browser") if one["level"] in ("SEVERE", "WARNING")]  # type: ignore[no-untyped-call]


def requests(browser: webdriver.Chrome) -> list[str]:
    messages = [json.loads(one["message"])["message"] for one in browser.get_log("performance")]  # type: ignore[no-untyped-call]
    return [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]


def expected_traces(html: str) -> dict[str, int]:
    text = html.split('<script type="application/json" id="figures">')[1].split("</script>")[0]
    return {figure["id"]: len(figure["data"]) for figure in json.loads(text)}


@every_page
def test_every_plot_is_drawn_without_errors_and_without_a_network(
    page: Callable[[], str], browser: webdriver.Chrome, tmp_path: Path
) -> None:
    html = page()
    drawn = show(browser, html, tmp_path)
    assert {plot["id"]: plot["traces"] for plot in drawn} == expected_traces(html)
    for plot in drawn:
        assert plot["svgs"] >= 1, plot
        assert plot["marks"] == plot["visible"] > 0, plot
        assert plot["width"] > 100, plot
        assert plot["height"] > 100, plot
    assert errors(browser) == []
    urls = requests(browser)
    assert (tmp_path / "report.html").as_uri() in urls
    assert [url for url in urls if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.mark.parametrize(
    ("page", "width"),
    [*((page, width) for page in PAGES for width in (400, 1920)), (odd, 320), (odd, 760)],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_page_never_scrolls_sideways(
    page: Callable[[], str], width: int, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    drawn = show(browser, page(), tmp_path, width=width)
    inner, outer = browser.execute_script("return [innerWidth, document.documentElement.scrollWidth]")
    assert inner == width
    assert outer <= inner
    assert all(plot["width"] <= width for plot in drawn)
    for fold in ("open = true", "open = false"):
        browser.execute_script(f"for (const fold of document.querySelectorAll('details')) fold.{fold}")
        assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")


def test_names_are_shown_as_they_are_and_do_nothing(browser: webdriver.Chrome, tmp_path: Path) -> None:
    show(browser, odd(), tmp_path)
    assert browser.execute_script("return document.images.length") == 0
    assert browser.execute_script("return document.querySelectorAll('a[*|href^=\"http\"], .plot a').length") == 0
    assert EVIL in browser.execute_script("return document.querySelector('#leaderboard').textContent")
    ticks = browser.execute_script(
        "return [...document.querySelectorAll('#forest-0 .ytick text')].map(tick => tick.textContent)"
    )
    assert any(tick.startswith("<img src=x") for tick in ticks)


def test_choices_change_what_is_shown(browser: webdriver.Chrome, tmp_path: Path) -> None:
    show(browser, usual(), tmp_path)

    def state() -> list[Any]:
        script = (
            "const p = document.getElementById('curve-0'); return [p._fullLayout.yaxis.type, p._fullLayout.yaxis.range,"
        )
        found: list[Any] = browser.execute_script(script + "p._fullData.filter(trace => trace.visible).length]")
        return found

    def choose(name: str, value: str) -> None:
        before = state()
        browser.execute_script(f"document.querySelector('[name={name}][value={value}]').click()")
        WebDriverWait(browser, 20).until(lambda _: state() != before)

    kind, loss_range, with_band = state()
    choose("scale", "log")
    assert state()[0] == "log"
    choose("quantity", "accuracy")
    assert state()[0] == kind == "linear"
    assert 0 < state()[1][0] < state()[1][1] < 1.2
    choose("quantity", "loss")
    choose("scale", "linear")
    assert state() == [kind, loss_range, with_band]
    choose("spread", "seeds")
    assert state()[2] == with_band - 4 + 10  # two bands of two edges give way to five seeds of two curves
    assert errors(browser) == []


def test_chosen_arm_is_drawn_over_the_control(browser: webdriver.Chrome, tmp_path: Path) -> None:
    show(browser, usual(), tmp_path)
    script = "return document.getElementById('weights-0')._fullData.filter(one => one.visible).map(one => one.name)"
    assert browser.execute_script(script) == ["plain", "dropout+l2"]
    browser.execute_script(
        "const s = document.querySelector('select[data-choice=arm]'); s.value = 'l2';"
        "s.dispatchEvent(new Event('change', {bubbles: true}))"
    )
    WebDriverWait(browser, 20).until(lambda driver: driver.execute_script(script) == ["plain", "l2"])


def test_theme_follows_the_reader_even_while_the_page_is_open(browser: webdriver.Chrome, tmp_path: Path) -> None:
    script = (
        "const tick = document.querySelector('#gap .ytick text');"
        "return [getComputedStyle(document.body).backgroundColor, getComputedStyle(tick).fill]"
    )
    show(browser, usual(), tmp_path, theme="light")
    light = browser.execute_script(script)
    feature = {"name": "prefers-color-scheme", "value": "dark"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    WebDriverWait(browser, 20).until(lambda driver: driver.execute_script(script)[1] != light[1])
    dark = browser.execute_script(script)

    def brightness(color: str) -> int:
        return sum(int(part) for part in color.removeprefix("rgb(").removesuffix(")").split(","))

    assert brightness(light[0]) > 600 > 200 > brightness(light[1])
    assert brightness(dark[0]) < 200 < 600 < brightness(dark[1])


def test_printing_opens_what_is_folded_and_puts_it_back(browser: webdriver.Chrome, tmp_path: Path) -> None:
    show(browser, usual(), tmp_path, theme="dark")
    browser.execute_script(
        "window.seen = []; addEventListener('beforeprint', () => {"
        " for (const fold of document.querySelectorAll('details')) seen.push(fold.open);"
        " seen.push(getComputedStyle(document.documentElement).getPropertyValue('--surface').trim()) })"
    )
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    assert base64.b64decode(printed["data"]).startswith(b"%PDF")
    assert browser.execute_script("return window.seen") == [True, True, True, True, "#ffffff"]
    assert browser.execute_script("return document.querySelectorAll('details[open]').length") == 0
    wait(
        browser,
        "const p = document.getElementById('gap'); return p.querySelector('.main-svg').clientWidth === p.clientWidth",
    )
