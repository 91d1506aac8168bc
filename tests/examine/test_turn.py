"""Where the lowest total lies, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from wellfit.examine.complexity import Axis
from wellfit.examine.decompose import Squared
from wellfit.examine.turn import find_turn


def constant(bias2: float, variance: float, *, noise: float = 0.0) -> Squared:
    draw = np.random.default_rng(round(1e6 * (bias2 + variance)))
    table = np.full((6, 40), bias2) + draw.normal(0, noise, (6, 40)) if noise else np.full((6, 40), bias2)
    return Squared(table + variance, table, np.full((6, 40), variance))


def axis(pairs: Sequence[tuple[float, float]], values: Sequence[float]) -> list[tuple[float, Squared]]:
    return [(value, constant(*pair)) for value, pair in zip(values, pairs, strict=True)]


@pytest.mark.parametrize(
    ("over", "pairs", "words"),
    [
        ("width", [(5, 0), (2, 1), (1, 3), (1, 4)], "Variance takes over beyond width 2: 2 of 4 values, 2 of them"),
        ("k", [(1, 4), (1, 3), (2, 1), (5, 0)], "Variance takes over below k 4: 2 of 4 values, 2 of them"),
        ("depth", [(5, 0), (4, 0), (3, 0), (1, 1)], "It is the most complex value tried: variance has not taken over"),
        ("lambda", [(3, 0), (2, 0), (1, 0), (4, 0)], "it is so by bias^2"),
    ],
)
def test_words(over: Axis, pairs: list[tuple[float, float]], words: str) -> None:
    turn = find_turn(over, axis(pairs, [1, 2, 4, 8]))
    assert words in turn.words(over, 4)


def test_what_is_within_noise_is_not_worse() -> None:
    found = [(1.0, constant(1.0, 0.0, noise=2)), (2.0, constant(0.9, 0.05, noise=2)), (4.0, constant(9.0, 8.0))]
    turn = find_turn("width", found)
    assert turn.worse == (4.0,)
    assert turn.by_variance == ()  # bias rose as much
    assert len(turn.like_lowest) == 1
    assert "within noise also" in turn.words("width", 3)


def test_one_value_has_no_turn() -> None:
    assert "no axis" in find_turn("width", [(4.0, constant(1, 1))]).words("width", 1)
