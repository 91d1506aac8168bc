"""The search for copies: one for duplicates and leaks, over all pairs or over likely ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.data.audit.subjects import columns, images, noise
from wellfit.data.audit.copies import Told, search
from wellfit.data.audit.duplicates import find_duplicates
from wellfit.data.audit.forest import leaves
from wellfit.data.audit.leaks import find_leaks
from wellfit.data.audit.limits import find_limits
from wellfit.data.audit.neighbors import neighbors


def planted(count: int, pairs: int) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], set[tuple[int, int]]]:
    x = noise(count, seed=3)
    draw = np.random.default_rng(4)
    rows = draw.choice(count, 2 * pairs, replace=False)
    for one, other in zip(rows[:pairs], rows[pairs:], strict=True):
        x[other] = np.clip(x[one] + draw.normal(0, 3, x[one].shape), 0, 255).round()
    return x, {(int(min(pair)), int(max(pair))) for pair in zip(rows[:pairs], rows[pairs:], strict=True)}


def test_likely_pairs_are_those_of_the_whole_search() -> None:
    x, expected = planted(6000, 100)
    subject = images(x)
    whole, likely = search(subject), search(subject, most=100)
    for found in (whole, likely):
        assert {(min(a, b), max(a, b)) for a, b, _ in found.near} == expected
    assert [pair[2] for pair in likely.near] == sorted(pair[2] for pair in likely.near)


def test_leaves_part_all_rows() -> None:
    points = np.random.default_rng(0).normal(size=(1000, 8)).astype(np.float32)
    cut = leaves(points, most=100, draw=np.random.default_rng(1))
    assert max(map(len, cut)) <= 100
    np.testing.assert_array_equal(np.sort(np.concatenate(cut)), np.arange(1000))
    same = leaves(np.zeros((300, 2), np.float32), most=64, draw=np.random.default_rng(1))
    assert sorted(map(len, same))[-1] <= 64


def test_one_search_serves_duplicates_and_leaks() -> None:
    x = noise(300)
    x[250], x[251] = x[3], x[4]
    x[10] = np.clip(x[20] + 2.0, 0, 255)
    x[260] = np.clip(x[30] + 2.0, 0, 255)
    x[270] = x[260]
    x[280] = np.clip(x[281] + 2.0, 0, 255)  # both in test: sealed
    subject = images(x, test=60)
    copies = search(subject)
    duplicates = {one.kind: one.groups for one in find_duplicates(subject, copies)}
    assert duplicates == {"near_duplicates": (("s10", "s20"),)}
    found = {one.kind: set(one.groups) for one in find_leaks(subject, copies)}
    assert found == {
        "exact_leaks": {("s250", "s3"), ("s251", "s4")},
        "near_leaks": {("s260", "s30"), ("s270", "s30")},
    }


def test_rows_of_a_table_in_likely_pairs() -> None:
    x = np.random.default_rng(0).normal(size=(9000, 5))
    x[700] = x[7] * (1 + 1e-4)
    likely, whole = search(columns(x), most=1000), search(columns(x))
    assert {pair[:2] for pair in likely.near} == {pair[:2] for pair in whole.near}
    assert (7, 700) in {pair[:2] for pair in whole.near}


def test_a_query_is_no_neighbor_of_its_own() -> None:
    base = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    asked = np.concatenate([base[[7, 9]], base[[3]] + 1e-3])
    found = neighbors(base, asked, k=1, own=np.array([7, 9, -1]))
    assert found.rows[2, 0] == 3
    assert (found.squared[:2] > 0).all()


def test_what_is_not_searched_in_full_is_said() -> None:
    assert find_limits(images(noise(20))) == []
    (wide,) = find_limits(columns(np.zeros((4, 5001))))
    assert "collinear columns among 5,001" in wide.words
    many = images(np.zeros((100_001, 1, 1, 1), np.uint8))
    assert [one.kind for one in find_limits(many)] == ["not_searched", "not_searched"]


def test_a_long_search_says_how_far_it_is() -> None:
    said: list[str] = []
    told = Told(said.append, seconds=0)
    search(images(planted(600, 3)[0]), most=100, step=told)
    assert said[-1] == "duplicates and leaks, 100%"
    Told(said.append, seconds=60)(0.5)
    assert said[-1] == "duplicates and leaks, 100%"
