"""Main effects and interactions as a matrix."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.report.sample import make_result, make_run, make_study
from wellfit.views.interactions import effects, largest


def raw(difference: float, p_holm: float, **extra: Any) -> dict[str, Any]:
    ends = [difference - 0.001, difference + 0.001]
    return {"metric": "val_loss", "difference": difference, "ci95": ends, "p": p_holm, "p_holm": p_holm, **extra}


def test_diagonal_holds_main_effects_and_the_lower_half_the_pairs() -> None:
    result, _, _ = make_study(seeds=3, epochs=12)
    found = effects(result, metric="val_loss")
    assert found is not None
    assert found.labels == ("dropout", "l2", "augmentation")
    by_factor = {one["factor"]: one["difference"] for one in result["main_effects"]}
    by_pair = {tuple(one["factors"]): one["difference"] for one in result["interactions"]}
    for row, first in enumerate(found.labels):
        for column, second in enumerate(found.labels):
            cell = found.cells[row][column]
            if column > row:
                assert cell is None
            else:
                assert cell is not None
                expected = by_factor[first] if row == column else by_pair[second, first]
                assert cell.difference == expected
                assert cell.gain == -expected
    assert largest(found) == max(abs(value) for value in (*by_factor.values(), *by_pair.values()))


def test_pair_named_in_the_other_order_stands_in_the_same_cell() -> None:
    mains = [raw(-0.02, 0.01, factor="a", level="on"), raw(0.01, 0.2, factor="b", level="on")]
    found = effects({"main_effects": mains, "interactions": [raw(0.005, 0.3, factors=["b", "a"])]}, metric="val_loss")
    assert found is not None
    cell = found.cells[1][0]
    assert cell is not None
    assert cell.difference == 0.005
    assert found.main[0].outcome == "better"
    assert found.main[1].outcome == "unclear"


def test_factor_of_several_levels_has_one_label_for_each() -> None:
    mains = [raw(size, 0.5, factor="dropout", level=f"rate={rate}") for size, rate in ((-0.01, 0.2), (-0.02, 0.4))]
    mains.append(raw(0.0, 1.0, factor="l2", level="on"))
    crossed = [raw(0.003, 0.5, factors=["dropout", "l2"], levels=["rate=0.4", "on"])]
    found = effects({"main_effects": mains, "interactions": crossed}, metric="val_loss")
    assert found is not None
    assert found.labels == ("dropout=0.2", "dropout=0.4", "l2")
    cell = found.cells[2][1]
    assert cell is not None
    assert cell.difference == 0.003


@pytest.mark.parametrize("result", [{}, {"main_effects": [], "interactions": []}, make_result([make_run()])])
def test_study_without_factors_has_none(result: dict[str, Any]) -> None:
    assert effects(result, metric="val_loss") is None


def test_effect_without_numbers_is_unclear() -> None:
    null = {"factor": "a", "metric": "val_loss", "difference": None, "ci95": None, "p": None, "p_holm": None}
    found = effects({"main_effects": [null]}, metric="val_loss")
    assert found is not None
    assert math.isnan(found.main[0].difference)
    assert found.main[0].outcome == "unclear"
    assert largest(found) == 0
