"""Before anything is trained: what does nothing is said once, by name; what cannot be compared is refused."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wellfit import run_study
from wellfit.errors import RecipeError
from wellfit.recipe_file import parse_study
from wellfit.study.prepare import design, prepare


def advice(caplog: pytest.LogCaptureFixture, recipe: dict[str, Any]) -> list[str]:
    """What is logged while a study is prepared."""
    spec = parse_study({"data": "digits", "epochs": 2, **recipe})
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="wellfit"):
        prepared = prepare(spec, design(spec))
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == len(prepared.advice)
    return lines


PLAIN = "(arm plain)"
FLAT = {"kind": "mlp", "hidden": []}
MLP = {"kind": "mlp", "hidden": [8]}
SAID: dict[str, tuple[dict[str, Any], list[str]]] = {
    "dropout without hidden layers": (
        {"model": FLAT, "study": {"seeds": 2, "factors": {"dropout": {}}}},
        ["dropout does nothing: the network has no hidden activations (arm dropout)"],
    ),
    "l2 inside adam": (
        {"model": MLP, "optimizer": "adam", "study": {"factors": {"l2": {}, "l1": {}}}},
        ["l2 does little inside adam, which divides its gradient by its own scale: use weight_decay (arm l2, l2+l1)"],
    ),
    "mixup and a hinge": (
        {"model": MLP, "loss": "multiclass_hinge", "regularizers": {"mixup": {}}},
        ["mixup does little: multiclass_hinge takes no soft targets, the largest share counts as the class PLAIN"],
    ),
    "spatial dropout of vectors": (
        {"model": MLP, "regularizers": {"spatial_dropout": {}}},
        ["spatial_dropout does nothing: no place that it reaches has the axes it acts on PLAIN"],
    ),
    "colors of gray images": (
        {"model": MLP, "regularizers": {"saturation": {}}},
        ["saturation does nothing: the images have no colors PLAIN"],
    ),
    "patience": (
        {"model": MLP, "regularizers": {"early_stopping": {"patience": 9}}},
        ["early_stopping does nothing: its patience of 9 is as long as the 2 epochs PLAIN"],
    ),
    "sparsity of relu": (
        {"model": MLP, "regularizers": {"sparsity": {}}},
        ["sparsity does little with relu: it is meant for activations between 0 and 1 PLAIN"],
    ),
    "nothing to say": ({"model": MLP, "regularizers": {"dropout": {}, "l2": {}, "rotation": {}}}, []),
    "off": ({"model": FLAT, "regularizers": {"dropout": {"rate": 0}}}, []),
}


@pytest.mark.parametrize("case", SAID)
def test_what_does_nothing_is_said_once_by_name(case: str, caplog: pytest.LogCaptureFixture) -> None:
    recipe, lines = SAID[case]
    assert sorted(advice(caplog, recipe)) == sorted(line.replace("PLAIN", PLAIN) for line in lines)


def test_mixup_on_a_regression(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    path = tmp_path / "numbers.npz"
    x = np.random.default_rng(0).normal(size=(120, 4)).astype(np.float32)
    np.savez(path, x=x, y=x.sum(1) + 0.5)
    said = advice(caplog, {"data": str(path), "regularizers": {"mixup": {}}})
    assert said[0].startswith("mixup does little for a regression")
    with pytest.raises(RecipeError, match=r"label_smoothing: the targets are numbers; expected classes"):
        advice(caplog, {"data": str(path), "regularizers": {"label_smoothing": {}}})


def test_batch_norm_of_one_sample_is_refused_where_it_has_no_variance(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RecipeError, match=r"batch_size: received 1: .* the last batch has 1"):
        advice(caplog, {"model": {**MLP, "norm": "batch"}, "batch_size": 1})
    images = {"kind": "cnn", "channels": [4], "norm": "batch"}
    said = advice(caplog, {"model": images, "batch_size": 1})
    assert said == [f"batch norm does not see a batch: with batch_size 1 it normalizes each sample by itself {PLAIN}"]


def test_losses_that_differ_are_not_compared(caplog: pytest.LogCaptureFixture) -> None:
    arms = {"focal": {"loss": {"kind": "focal"}}}
    with pytest.raises(
        RecipeError, match=r"study\.metric: val_loss is cross_entropy in arm plain and focal in arm focal"
    ):
        advice(caplog, {"model": MLP, "study": {"arms": arms}})
    assert advice(caplog, {"model": MLP, "measure": "cross_entropy", "study": {"arms": arms}}) == []
    assert advice(caplog, {"model": MLP, "study": {"arms": arms, "metric": "val_accuracy"}}) == []
    smooth = {"smooth": {"loss": {"kind": "cross_entropy", "smoothing": 0.1}}}
    assert advice(caplog, {"model": MLP, "study": {"arms": smooth}}) == []  # curves report it without smoothing


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({"loss": "mse"}, r"arm plain, loss: mse for classification; expected cross_entropy for classes"),
        ({"loss": "hinge"}, r"arm plain, loss: hinge .*; expected multiclass_hinge for 10 classes"),
        ({"loss": {"kind": "cross_entropy", "class_weights": [1, 2]}}, r"expected 10 class weights"),
        (
            {"regularizers": {"l2": {"on": "head.*"}}},
            r"l2: no parameter is named head\.\*; expected one of 1",
        ),
        ({"regularizers": {"freezing": {"plan": {"x": 1}}}}, r"regularizers\.freezing: no parameter is named x"),
        (
            {"regularizers": {"dropout": {"at": "act"}}},
            r"dropout\.at: no module is named act; expected one",
        ),
        (
            {"regularizers": {"feature_dropout": {}}},
            r"feature_dropout: the data are images; expected vectors",
        ),
        ({"regularizers": {"ema": {}, "swa": {}}}, r"regularizers: ema and swa: one set of weights is handed over"),
    ],
)
def test_what_cannot_be_is_one_line(caplog: pytest.LogCaptureFixture, recipe: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        advice(caplog, {"model": MLP, **recipe})


def test_balanced_weights_are_numbers_in_the_study_that_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    loss = {"kind": "cross_entropy", "class_weights": "balanced"}
    spec = parse_study({"data": "digits", "loss": loss})
    (arm,) = prepare(spec, design(spec)).arms
    weights = arm.recipe.to_dict()["loss"]["class_weights"]
    assert len(weights) == 10
    assert all(0.9 < weight < 1.1 for weight in weights)  # digits has about as many of each


def test_the_result_holds_advice_and_activations(tmp_path: Path) -> None:
    """Equal weights stay equal: one distinct unit from the start to the end."""
    result = run_study(
        {
            "data": "digits",
            "model": {"kind": "mlp", "hidden": [16, 16]},
            "epochs": 2,
            "study": {"arms": {"equal": {"init": {"kind": "constant", "value": 0.1}}}},
        },
        out=tmp_path / "out",
    )
    assert result["advice"] == []
    plain, equal = (arm["activations"] for arm in result["arms"])
    assert [layer["distinct"] for layer in equal["start"] + equal["end"]] == [1, 1, 1, 1]
    assert all(layer["distinct"] > 8 for layer in plain["start"] + plain["end"])
    assert plain["start"][0]["units"] == 16
