import math

import pytest

from wellfit.errors import InputError
from wellfit.stats.intervals import Interval
from wellfit.stats.outcome import margin_of, outcome


@pytest.mark.parametrize(
    ("low", "high", "cured", "expected"),
    [
        (0.001, 0.02, False, "BETTER"),
        (0.001, 0.02, True, "CURED"),
        (-0.02, -0.001, False, "WORSE"),
        (-0.02, -0.001, True, "WORSE"),
        (-0.02, 0.004, True, "NO GAIN"),
        (-0.02, 0.005, False, "NO GAIN"),
        (-0.02, 0.0051, True, "INCONCLUSIVE"),
        (0.0, 0.02, True, "INCONCLUSIVE"),
        (-0.02, 0.0, False, "NO GAIN"),
        (0.0, 0.0, True, "NO GAIN"),
        (math.nan, 0.1, False, "INCONCLUSIVE"),
        (0.001, math.inf, False, "INCONCLUSIVE"),
    ],
)
def test_every_interval_has_its_word(low: float, high: float, cured: bool, expected: str) -> None:
    assert outcome(Interval(low, high), margin=0.005, cured=cured) == expected


def test_without_an_interval_nothing_is_claimed() -> None:
    assert outcome(None, margin=0.005, cured=True) == "INCONCLUSIVE"


def test_margin_is_half_a_point_or_a_part_of_the_loss() -> None:
    assert margin_of("test_accuracy", 0.91) == margin_of("val_iou", math.nan) == 0.005
    assert margin_of("test_loss", 0.4) == pytest.approx(0.02)
    assert margin_of("test_loss", -0.4) == pytest.approx(0.02)


@pytest.mark.parametrize("margin", [-0.1, math.nan, math.inf])
def test_margin_is_checked(margin: float) -> None:
    with pytest.raises(InputError, match="margin: received"):
        outcome(Interval(0.1, 0.2), margin=margin, cured=False)
