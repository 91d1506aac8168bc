"""The pages of examinations: whole, self-contained, and names stay names."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from tests.views.test_examinations import case, result, size
from wellfit.report.learning_curve_page import render_learning_curve
from wellfit.report.random_labels_page import render_random_labels

EVIL = "<script>alert(1)</script>"


def figure(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    (one,) = json.loads(found[1])
    return dict(one)


def outside(page: str) -> str:
    """Return the page without its scripts, which name addresses that nobody asks."""
    return re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def test_a_learning_curve() -> None:
    band = [{"samples": n, "error": n**-0.5, "ci95": [0.9 * n**-0.5, 1.1 * n**-0.5]} for n in (100, 1000, 10_000)]
    page = render_learning_curve(result(data={"name": EVIL}, band=band))
    assert EVIL not in page
    assert "Twice the train data (2,000)" in page
    assert "://" not in outside(page)
    drawn = figure(page)
    assert len(drawn["data"]) == 6  # band, law, seeds, train, means
    assert drawn["layout"]["xaxis"]["range"][1] > 4


def test_a_learning_curve_without_forecast_or_value() -> None:
    nothing = size(100, [0.3], 0.1, error=None, val_loss=None, train_loss=None)
    changes: dict[str, Any] = {"no_forecast": {"reason": "flat", "words": "flat"}, "forecasts": [], "band": []}
    for sizes in ([nothing, size(1000, [0.3, 0.2], 0.0)], [nothing, nothing]):
        page = render_learning_curve(result(sizes=sizes, last_step=None, law=None, halving=None, **changes))
        assert "No forecast" in page
        assert "The last rows are forecasts" not in page


def test_random_labels() -> None:
    found = case("memorizes", "reached", [2, 2], [1.0, 1.0], parameters=9)
    found["recipe"] = {"optimizer": {"kind": "sgd", "lr": 0.1}}
    found["enough"] = 0.99
    for block in found["labels"].values():
        block["curves"] = {"share": [[0.5, 1.0], [0.4, math.nan]]}
    page = render_random_labels({**found, "data": {**found["data"], "name": EVIL}})
    assert EVIL not in page
    assert "://" not in outside(page)
    assert figure(page)["data"][0]["y"] == [50, 100]
