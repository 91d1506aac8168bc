"""Each kind of fault by small samples whose faults are known, and by independent oracles."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from tests.data.audit.subjects import columns, images, noise
from wellfit.data.audit.collinear import correlations, find_collinear
from wellfit.data.audit.constant import commonest_share, find_constant
from wellfit.data.audit.copies import exact_groups, joined
from wellfit.data.audit.duplicates import find_duplicates
from wellfit.data.audit.imbalance import find_imbalance
from wellfit.data.audit.leaks import find_leaks
from wellfit.data.audit.missing import find_missing
from wellfit.data.audit.neighbors import neighbors
from wellfit.data.audit.outliers import far_values, find_outliers, lonely_rows
from wellfit.data.audit.pictures import find_pictures, measure_light, odd_sizes
from wellfit.data.audit.risk import Sizes, find_risk


@pytest.mark.parametrize(("count", "width", "k"), [(700, 12, 8), (65, 3, 8), (5, 2, 8), (300, 1, 3)])
def test_neighbors_are_those_of_scikit_learn(count: int, width: int, k: int) -> None:
    base = np.random.default_rng(0).normal(size=(count, width)).astype(np.float32)
    queries = np.random.default_rng(1).normal(size=(40, width)).astype(np.float32)
    for asked in (None, queries):
        found = neighbors(base, asked, k=k)
        oracle = NearestNeighbors(n_neighbors=found.squared.shape[1], algorithm="brute").fit(base)
        distance, rows = oracle.kneighbors(asked)
        np.testing.assert_allclose(np.sqrt(found.squared), distance, atol=2e-5)
        assert (found.rows == rows).mean() > 0.99  # ties


def test_exact_groups() -> None:
    x = np.array([[1, 2], [0.0, 3], [1, 2], [-0.0, 3], [5, 6], [1, 2]])
    assert exact_groups(x) == [[0, 2, 5], [1, 3]]
    assert exact_groups(x, y=np.array([1, 2, 1, 3, 4, 5])) == [[0, 2]]
    assert exact_groups(np.array([[np.nan, 1], [np.nan, 1]])) == [[0, 1]]
    assert joined([(3, 1), (1, 7), (4, 5)]) == [[1, 3, 7], [4, 5]]


def test_duplicates_name_their_groups_and_classes() -> None:
    x = noise(60)
    x[10], x[20], x[31] = x[2], x[2], x[4]
    x[50] = (x[5] * 0.9).astype(np.uint8)
    y = np.arange(60) % 2
    exact, near = find_duplicates(images(x, y))
    assert (exact.kind, exact.groups, exact.count) == ("exact_duplicates", (("s2", "s10", "s20"), ("s4", "s31")), 3)
    assert exact.evidence["classes_disagree"] == [False, True]
    assert (near.kind, near.groups) == ("near_duplicates", (("s5", "s50"),))


def test_rows_of_a_table_that_are_nearly_the_same() -> None:
    x = np.random.default_rng(0).normal(size=(100, 5))
    x[70] = x[7] * (1 + 1e-4)
    (near,) = find_duplicates(columns(x))
    assert near.groups == (("line 9", "line 72"),)
    y = np.arange(100.0)
    x[40] = x[4]  # measured twice, with other answers
    assert not any(one.kind == "exact_duplicates" for one in find_duplicates(columns(x, y)))


def test_leaks_are_errors_where_the_test_set_is_given() -> None:
    x = noise(80)
    x[70] = x[3]
    x[75] = np.clip(x[6].astype(int) + 2, 0, 255).astype(np.uint8)
    exact, near = find_leaks(images(x, test=20))
    assert (exact.kind, exact.severity, exact.groups) == ("exact_leaks", "error", (("s70", "s3"),))
    assert (near.kind, near.groups, near.where) == ("near_leaks", (("s75", "s6"),), ("s6",))


def test_a_given_test_set_is_sealed() -> None:
    x = noise(80)
    x[70] = 0
    x[71] = x[72]
    subject = images(x, test=20)
    assert find_pictures(subject) == []
    assert find_duplicates(subject) == []
    assert find_outliers(subject) == []


def test_missing_constant_and_collinear_columns() -> None:
    x = np.random.default_rng(0).normal(size=(200, 6))
    x[:, 1], x[:, 2] = 4.2, (np.arange(200) == 9)
    x[:, 4] = -2 * x[:, 0] + 1
    x[[3, 5], 3], x[:, 5] = np.nan, np.nan
    subject = columns(x)
    first, empty = find_missing(subject)
    assert (first.where, first.evidence["column"], first.severity) == (("line 5", "line 7"), "c3", "warning")
    assert (empty.count, empty.evidence["column"], empty.severity) == (200, "c5", "error")
    constant, nearly = find_constant(subject)
    assert (constant.where, nearly.where) == (("c1",), ("c2",))
    (again,) = find_collinear(subject)
    assert again.groups == (("c0", "c4"),)
    (disguise, _) = find_collinear(columns(x, 3 * x[:, 0] + 7))
    assert (disguise.kind, disguise.where) == ("target_leaks", ("c0", "c4"))


def test_correlations_are_those_of_numpy() -> None:
    x = np.random.default_rng(0).normal(size=(50, 4)) * [1, 1e6, 1e-6, 3] + [0, 5, 1, 1e3]
    np.testing.assert_allclose(correlations(x), np.corrcoef(x.T), atol=1e-9)
    assert commonest_share(np.array([[1.0, np.nan], [1, np.nan], [2, np.nan]])).tolist() == [2 / 3, 0]


def test_imbalance() -> None:
    x = noise(230)
    y = (np.arange(230) >= 215).astype(np.int64)
    uneven, tiny = find_imbalance(images(x, y))
    assert (uneven.where, uneven.severity, uneven.evidence["samples"]) == (("b",), "warning", {"a": 215, "b": 15})
    assert tiny.where == ("b",)
    assert find_imbalance(images(x)) == []


def test_outliers() -> None:
    x = np.random.default_rng(0).lognormal(size=(500, 3))
    assert far_values(x, far=10).mean() < 0.01
    x[17, 2] = 1e5
    (found,) = find_outliers(columns(x))
    assert "line 19" in found.where
    assert found.evidence["columns"][found.where.index("line 19")] == ["c2"]
    assert np.flatnonzero(lonely_rows(np.array([1.0, 1.1, 0.9, 1.05, 0.95] * 9 + [4.0]))).tolist() == [45]


def test_pictures() -> None:
    x = noise(60, channels=3)
    x[1], x[2], x[3] = x[1] // 10, 255 - x[2] // 10, 77
    ramp = np.linspace(0, 255, 16).astype(np.uint8)
    x[4] = ramp[None, None, :]
    found = {one.kind: one.where for one in find_pictures(images(x))}
    assert found == {
        "dark_pictures": ("s1",),
        "bright_pictures": ("s2",),
        "blank_pictures": ("s3",),
        "blurred_pictures": ("s4",),
    }


def test_light_by_hand() -> None:
    x = np.zeros((1, 1, 4, 4), np.uint8)
    x[0, 0, 1, 1] = 255
    light = measure_light(x)
    assert (light.low[0], light.high[0]) == (0, 1)
    assert light.variance[0] == pytest.approx(15 / 256)
    assert light.sharpness[0] == pytest.approx((16 + 1 + 1 + 0) / 4 / (15 / 256))


def test_odd_sizes() -> None:
    assert odd_sizes({f"{i}": (32, 32) for i in range(40)} | {"odd": (32, 33)}) == ["odd"]
    draw = np.random.default_rng(0)
    varied = {f"{i}": (int(draw.integers(200, 300)), int(draw.integers(200, 300))) for i in range(50)}
    assert odd_sizes(varied | {"strip": (20, 3000)}) == ["strip"]
    assert odd_sizes({}) == []


def test_risk_in_words() -> None:
    high = Sizes(200, 784, 100_000, 15, 0.2, "the default cnn")
    (found,) = find_risk(high)
    assert (found.evidence["level"], found.severity) == ("high", "warning")
    assert "100,000 parameters of the default cnn for 200 train samples (500.0 each)" in found.words
    (low,) = find_risk(Sizes(100_000, 10, 900, 30_000, 0.0, "the mlp", is_vector=True))
    assert (low.evidence["level"], low.severity) == ("low", "note")
