"""A simple model beside the network: what the classes' frequencies, or a linear model, reach on the same samples."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wellfit.recipe import Recipe
from wellfit.recipe.loss import CrossEntropySpec, FocalSpec, LossSpec
from wellfit.study.circumstances import class_counts
from wellfit.train.evaluate import measure_of
from wellfit.train.losses import measured
from wellfit.train.losses.spec import FOR_NUMBERS
from wellfit.train.replicate import Replicate

MOST_ROWS, MOST_CELLS = 2000, 2_000_000
"""Train samples, and numbers in them, that the linear model is fitted on: it must not cost what the network does."""
STRENGTHS = (1.0, 0.01)
"""Of scikit-learn's C; the better on validation is taken."""
STEPS = 100


@dataclass(frozen=True)
class Simple:
    """The simple models' validation losses by seed, in the units of the network's."""

    kind: str
    """The better of the two: ``logistic regression`` or ``majority``; of a regression ``ridge`` or ``mean``."""
    val_loss: Mapping[int, float]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": self.kind, "val_loss": fmean(self.val_loss.values())}


def simple_model(recipe: Recipe, replicates: Mapping[int, Replicate], seeds: Iterable[int]) -> Simple | None:
    """Fit a linear model and a constant on each seed's train samples, prepared as for the network; return the better.

    Logistic regression (L2, C = 1 and 0.01) and the class frequencies, or ridge regression (penalty 1 and 100) and the
    mean, by scikit-learn. ``None`` for masks, and for losses that ask for no probabilities.
    """
    used = {seed: replicates[seed] for seed in seeds}
    spec = measured(cast(LossSpec, recipe.measure or recipe.loss))
    if not isinstance(spec, (CrossEntropySpec, FocalSpec, *FOR_NUMBERS)) or next(iter(used.values())).pixels:
        return None
    constant = {seed: _loss(recipe, one, _constant(one)) for seed, one in used.items()}
    linear = {seed: min(_loss(recipe, one, answer) for answer in _linear(one)) for seed, one in used.items()}
    is_numbers = isinstance(spec, FOR_NUMBERS)
    if fmean(linear.values()) < fmean(constant.values()):
        return Simple("ridge" if is_numbers else "logistic regression", linear)
    return Simple("mean" if is_numbers else "majority", constant)


def _loss(recipe: Recipe, replicate: Replicate, answers: Tensor) -> float:
    truth = replicate.targets(replicate.split.validation, device=torch.device("cpu"))
    return float(measure_of(recipe, pixels=False)(answers[None], truth[None]).double().mean())


def _constant(replicate: Replicate) -> Tensor:
    count = len(replicate.split.validation)
    dataset = replicate.dataset
    if dataset.task == "regression":
        return torch.zeros(count, dataset.outputs)  # the mean of targets in standard deviations
    counts = torch.tensor(class_counts(dataset, replicate.split.train), dtype=torch.float32)
    return ((counts + 1) / (counts + 1).sum()).log().expand(count, -1)


def _linear(replicate: Replicate) -> list[Tensor]:
    """Return the answers on validation of the linear model with each strength of its penalty."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge

    parts = replicate.split
    most = min(MOST_ROWS, max(50, MOST_CELLS // int(np.prod(replicate.shape))))
    chosen = parts.train[torch.linspace(0, len(parts.train) - 1, min(most, len(parts.train))).long()]
    x, x_val = _inputs(replicate, chosen), _inputs(replicate, parts.validation)
    y = replicate.targets(chosen, device=torch.device("cpu")).numpy()
    answers = []
    for strength in STRENGTHS:
        if replicate.dataset.task == "regression":
            found = Ridge(alpha=1 / strength).fit(x, y).predict(x_val)
            answers.append(torch.from_numpy(np.asarray(found, np.float32)).reshape(len(x_val), -1))
            continue
        if len(np.unique(y)) < 2:
            return [_constant(replicate)]
        model = LogisticRegression(C=strength, max_iter=STEPS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a rough fit is enough
            model.fit(x, y)
        logs = np.full((len(x_val), replicate.dataset.outputs), np.log(1e-6), np.float32)
        logs[:, model.classes_] = model.predict_log_proba(x_val).clip(np.log(1e-6))
        answers.append(torch.from_numpy(logs))
    return answers


def _inputs(replicate: Replicate, rows: Tensor) -> NDArray[np.float32]:
    x = replicate.scale(replicate.gather(rows, device=torch.device("cpu"))).flatten(1)
    inputs: NDArray[np.float32] = np.nan_to_num(x.numpy())
    return inputs
