"""What training is taken to need."""

from __future__ import annotations

import pytest

from wellfit.fitting.pace import Pace
from wellfit.recipe import MlpSpec, Recipe
from wellfit.train.member import Member


def member(width: int, epochs: int = 10) -> Member:
    return Member("a", 0, Recipe(data={"source": "digits"}, model=MlpSpec(hidden=(width,)), epochs=epochs))


def test_what_was_measured_counts_else_the_nearest_size() -> None:
    sizes = {8: 100.0, 16: 200.0, 64: 800.0, 4: 50.0}
    pace = Pace(lambda one: sizes[one.recipe.model.hidden[0]])  # type: ignore[union-attr]
    assert pace.run(member(8)) == 0  # nothing is known yet
    for seconds in (9.0, 1.0, 2.0, 2.0, 2.0, 3.0):  # the first, a warm-up, is forgotten
        pace.note(member(8), seconds)
    pace.note(member(64), 10.0)
    assert pace.epoch(member(8)) == 2
    assert pace.run(member(8), done=4, extra=0.5) == pytest.approx(13)
    assert pace.epoch(member(16)) == pytest.approx(4)  # twice the work of the nearest
    assert pace.epoch(member(4)) == 2  # a smaller one is not surely faster
    assert pace.runs([member(8), member(8, epochs=20)]) == pytest.approx(60)
