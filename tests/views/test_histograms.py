"""Histograms over common bins."""

from __future__ import annotations

import numpy as np
import pytest

from tests.report.sample import make_weights
from wellfit.views.histograms import BINS, histograms, layers


def test_shares_are_percent_over_common_symmetric_bins() -> None:
    weights = make_weights(("plain", "l2"))
    found = histograms(weights, parameters=["layers.0.weight"])
    (layer,) = found
    edges = np.array(layer.edges)
    assert edges.size == BINS + 1
    assert edges == pytest.approx(-edges[::-1])
    widest = max(np.abs(named["layers.0.weight"]).max() for named in weights.values())
    assert edges[-1] == pytest.approx(widest)
    for arm in layer.arms:
        values = weights[arm.arm]["layers.0.weight"].astype(np.float64).ravel()
        expected = np.histogram(values, bins=edges)[0] / values.size * 100
        assert arm.share == pytest.approx(expected)
        assert sum(arm.share) == pytest.approx(100)
        assert arm.std == pytest.approx(values.std())
        assert arm.near_zero == pytest.approx(np.mean(np.abs(values) < 1e-3))


def test_zero_has_a_bin_of_its_own_center() -> None:
    weights = {"l1": {"w": np.array([[0.0, 0.0, 0.0, 1.0]])}}
    (layer,) = histograms(weights, parameters=["w"])
    assert layer.arms[0].share[BINS // 2] == pytest.approx(75)
    assert layer.arms[0].near_zero == 0.75


def test_arms_of_other_structure_and_broken_weights_are_left_out() -> None:
    weights = {
        "plain": {"a.weight": np.ones((2, 2))},
        "wide": {"b.weight": np.ones((3, 3))},
        "hot": {"a.weight": np.full((2, 2), np.nan)},
    }
    names, total = layers(weights)
    assert (names, total) == (("a.weight", "b.weight"), 2)
    first, second = histograms(weights, parameters=names)
    assert [arm.arm for arm in first.arms] == ["plain"]
    assert [arm.arm for arm in second.arms] == ["wide"]


def test_layer_without_finite_weights_and_all_zero_layer() -> None:
    weights = {"hot": {"a": np.full((2, 2), np.inf), "b": np.zeros((2, 2))}}
    (layer,) = histograms(weights, parameters=["a", "b"])
    assert layer.parameter == "b"
    assert layer.edges[-1] == 1.0


def test_layers_prefer_matrices_and_are_thinned_evenly() -> None:
    deep = {"plain": {f"{kind}{index}": np.ones((2, 2)[: 1 + (kind == "w")]) for index in range(60) for kind in "wb"}}
    names, total = layers(deep, most=12)
    assert total == 60
    assert len(names) == 12
    assert (names[0], names[-1]) == ("w0", "w59")
    assert layers({"plain": {"bias": np.ones(3)}}) == (("bias",), 1)
    assert layers({}) == ((), 0)
