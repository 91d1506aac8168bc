"""The simple model, against scikit-learn called by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, mean_squared_error

from wellfit.fitting.simple import simple_model
from wellfit.recipe_file import parse_study
from wellfit.study.prepare import design, prepare
from wellfit.train.replicate import Replicate

CPU = torch.device("cpu")


def replicates(**values: object) -> tuple[object, dict[int, Replicate]]:
    spec = parse_study({"model": {"hidden": [4]}, "study": {"seeds": 2}, **values})
    made = prepare(spec, design(spec))
    return made.arms[0].recipe, dict(next(iter(made.replicates.values())))


def parts(one: Replicate) -> list[np.ndarray]:
    found = [one.scale(one.gather(rows, device=CPU)).numpy() for rows in (one.split.train, one.split.validation)]
    return [*found, *(one.targets(rows, device=CPU).numpy() for rows in (one.split.train, one.split.validation))]


def test_classes_by_logistic_regression() -> None:
    recipe, made = replicates(data="wine")
    found = simple_model(recipe, made, (0, 1))  # type: ignore[arg-type]
    assert found is not None
    assert found.kind == "logistic regression"
    x, x_val, y, y_val = parts(made[1])
    losses = [log_loss(y_val, LogisticRegression(C=c).fit(x, y).predict_proba(x_val)) for c in (1.0, 0.01)]
    assert found.val_loss[1] == pytest.approx(min(losses), rel=1e-3)
    assert found.to_dict()["val_loss"] == pytest.approx(sum(found.val_loss.values()) / 2)


def test_numbers_by_ridge_regression() -> None:
    recipe, made = replicates(data="diabetes")
    found = simple_model(recipe, made, (0,))  # type: ignore[arg-type]
    assert found is not None
    assert found.kind == "ridge"
    x, x_val, y, y_val = parts(made[0])
    losses = [mean_squared_error(y_val, Ridge(alpha=a).fit(x, y).predict(x_val)) for a in (1, 100)]
    assert found.val_loss[0] == pytest.approx(min(losses), rel=1e-3)


def test_nothing_where_the_loss_asks_for_no_probabilities() -> None:
    recipe, made = replicates(data="wine", loss="multiclass_hinge")
    assert simple_model(recipe, made, (0,)) is None  # type: ignore[arg-type]
