"""The examination as a whole: what is trained, on what, and what comes out."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from wellfit.data import load
from wellfit.errors import InputError
from wellfit.examine.bias_variance import bias_variance
from wellfit.examine.neighbors import neighbor_predictions
from wellfit.examine.resample import draw
from wellfit.recipe import DataSpec
from wellfit.train.replicate import Replicate, make_replicate

QUICK = {"optimizer": {"kind": "adam", "lr": 0.01}, "batch_size": 64, "epochs": 3}
IRIS = {"data": "iris", **QUICK}


@pytest.fixture(scope="module")
def replicate() -> Replicate:
    spec = DataSpec(source="iris")
    return make_replicate(load(spec), spec, 0)


def means(row: dict[str, Any], loss: str) -> tuple[float, float, float]:
    return row[loss]["loss"]["mean"], row[loss]["bias2"]["mean"], row[loss]["variance"]["mean"]


def test_neighbors_are_scikit_learns() -> None:
    generator = np.random.default_rng(0)
    x, wanted = generator.normal(size=(60, 5)), generator.normal(size=(25, 5))
    y, labels = generator.normal(size=(60, 2)), generator.integers(0, 3, 60)
    rows = generator.integers(0, 60, 60)  # a resample, with repetitions
    ks = (1, 4, 30)
    numbers = neighbor_predictions(x[rows], y[rows], wanted, ks)
    shares = neighbor_predictions(x[rows], np.eye(3)[labels[rows]], wanted, ks)
    for k, ours, votes in zip(ks, numbers, shares, strict=True):
        np.testing.assert_allclose(ours, KNeighborsRegressor(k).fit(x[rows], y[rows]).predict(wanted))
        theirs = KNeighborsClassifier(k).fit(x[rows], labels[rows]).predict_proba(wanted)
        np.testing.assert_allclose(votes, theirs)


def test_resamples_are_of_train_and_predict_validation_alone(replicate: Replicate) -> None:
    drawn = draw(replicate, bootstraps=20, seed=0, vary="data", limited=False)
    train, test = set(replicate.split.train.tolist()), set(replicate.split.test.tolist())
    assert set(drawn.evaluation.tolist()) == set(replicate.split.validation.tolist())
    for rows in drawn.resamples:
        assert len(rows) == len(train)
        assert set(rows.tolist()) <= train
    unique = np.mean([len(set(rows.tolist())) / len(rows) for rows in drawn.resamples])
    assert unique == pytest.approx(1 - np.exp(-1), abs=0.03)
    for view in drawn.views().values():
        assert not len(view.split.test)
        used = {*view.split.train.tolist(), *view.split.validation.tolist(), *view.probe.tolist()}
        assert not used & test


def test_large_sets_are_limited_unless_the_recipe_does(replicate: Replicate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wellfit.examine.resample.MOST_SAMPLES", 10)
    few = draw(replicate, bootstraps=3, seed=0, vary="data", limited=False)
    assert len(few.resamples[0]) == len(few.evaluation) == 10
    every = draw(replicate, bootstraps=3, seed=0, vary="data", limited=True)
    assert len(every.resamples[0]) == len(replicate.split.train)


def test_one_start_for_all_or_many_starts_for_one_train_set(replicate: Replicate) -> None:
    alike = draw(replicate, bootstraps=4, seed=3, vary="data", limited=False)
    assert set(alike.seeds) == {3}
    starts = draw(replicate, bootstraps=4, seed=3, vary="init", limited=False)
    assert len(set(starts.seeds)) == 4
    assert all(torch.equal(rows, replicate.split.train) for rows in starts.resamples)


def test_k_on_digits_has_more_variance_and_less_train_error_towards_one() -> None:
    found = bias_variance({"data": {"source": "digits", "limit": 300}}, over="k", values=[1, 9, 60], bootstraps=8)
    brier = [means(row, "brier") for row in found["values"]]
    for total, bias2, variance in brier:
        assert total == pytest.approx(bias2 + variance, rel=1e-12)
    assert brier[0][2] > brier[1][2] > brier[2][2]
    assert brier[0][1] < brier[2][1]
    assert found["values"][0]["train"] == {"brier": 0.0, "error": 0.0}
    for row in found["values"]:
        main = row["main_prediction"]
        assert means(row, "error")[0] == pytest.approx(main["bias"]["mean"] + main["net"]["mean"], abs=1e-12)
        assert row["brier"]["uncorrected"]["bias2"] >= row["brier"]["bias2"]["mean"]
    assert found["simpler_up"]
    assert found["seconds"] > 0


def test_all_strengths_and_resamples_are_one_population() -> None:
    from wellfit.train.events import Event, PopulationStarted

    heard: list[Event] = []
    values = [1e-4, 1.0, 10.0]
    found = bias_variance(
        {"data": "diabetes", **QUICK, "epochs": 30}, over="lambda", values=values, bootstraps=4, listen=heard.append
    )
    (started,) = [event for event in heard if isinstance(event, PopulationStarted)]
    assert len(started.members) == 12
    assert "stacked" in started.how
    variances = [means(row, "squared")[2] for row in found["values"]]
    assert all(more > less for more, less in pairwise(variances))  # a strong penalty leaves nothing to vary
    assert found["values"][2]["squared"]["loss"]["mean"] == pytest.approx(1, abs=0.4)  # nearly the mean


def test_width_of_one_start_varies_less_than_of_many() -> None:
    one = bias_variance(IRIS, over="width", values=[4], bootstraps=6)["values"][0]
    many = bias_variance(IRIS, over="width", values=[4], bootstraps=6, vary="data,init")["values"][0]
    assert means(one, "brier")[2] < means(many, "brier")[2]


def test_same_seed_same_result() -> None:
    first, second = (bias_variance(IRIS, over="depth", values=[0, 1], bootstraps=3) for _ in range(2))
    assert first["values"] == second["values"]


def test_a_training_that_diverges_is_left_out_and_said() -> None:
    recipe = {"data": "diabetes", "optimizer": {"kind": "sgd", "lr": 1e6}, "epochs": 2}
    found = bias_variance(recipe, over="width", values=[4], bootstraps=3)
    (row,) = found["values"]
    assert row["diverged"] == 3
    assert row["squared"] is None
    assert "diverged" in found["notes"][0]
    assert found["turn"] == {}


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"over": "breadth"}, "one of k, width, depth, lambda"),
        ({"over": "k", "values": [0]}, "whole numbers of at least 1"),
        ({"over": "k", "values": [1.5]}, "whole numbers"),
        ({"over": "k", "values": [5000]}, "train samples"),
        ({"over": "lambda", "values": [-1]}, "at least 0"),
        ({"over": "width", "values": []}, "received 0 values"),
        ({"over": "depth", "values": [99999]}, "received 99999 for depth; expected at most 50"),
        ({"over": "width", "values": [1e6]}, "at most 10,000"),
        ({"over": "k", "bootstraps": 2}, "3 to 1000"),
        ({"over": "k", "vary": "init"}, "neighbors have no start"),
        ({"over": "width", "vary": "weather"}, "data, init or data,init"),
        ({"over": "width", "overrides": ["study.seeds=3"]}, "without 'study'"),
        ({"over": "width", "overrides": ["model.kind=unet"]}, "unet"),
    ],
)
def test_bad_input_is_one_line(options: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError, match=line) as error:
        bias_variance("iris", **options)
    assert "\n" not in str(error.value)


def test_a_recipe_file_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text("data: iris\nmodel: {kind: mlp, hidden: [3]}\noptimizer: {kind: adam}\nepochs: 2\n")
    found = bias_variance(path, over="depth", values=[1, 2], bootstraps=3)
    assert found["network"] == "mlp 3 to mlp 3-3, 2 epochs of adam"
