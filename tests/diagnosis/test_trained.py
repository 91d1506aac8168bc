"""Curves that were really trained: a network of one hidden layer in NumPy, spoilt on purpose."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wellfit

CHANCE = math.log(2)


def train(
    *,
    samples: int = 400,
    wrong: float = 0.0,
    units: int = 30,
    lr: float = 0.5,
    batch: int = 50,
    epochs: int = 60,
    bias: float = 0.0,
    scale: float = 1.0,
    key: int = 0,
) -> dict[str, list[float]]:
    """Train ReLU units on whether x . w > 0 in 20 dimensions; ``wrong`` is the share of turned train labels."""
    rng = np.random.default_rng(key)
    truth = rng.normal(size=20)
    x, x_val = rng.normal(size=(samples, 20)), rng.normal(size=(500, 20))
    y, y_val = (x @ truth > 0).astype(float), (x_val @ truth > 0).astype(float)
    y = np.where(rng.random(samples) < wrong, 1 - y, y)
    y_val = np.where(rng.random(500) < wrong, 1 - y_val, y_val)
    w, b = scale * rng.normal(size=(20, units)) * math.sqrt(2 / 20), np.full(units, bias)
    v, c = rng.normal(size=units) * math.sqrt(1 / units), 0.0
    made: dict[str, list[float]] = {k: [] for k in ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "dead")}
    for _ in range(epochs):
        for part in np.array_split(rng.permutation(samples), max(1, samples // batch)):
            h = np.maximum(x[part] @ w + b, 0)
            error = (1 / (1 + np.exp(-np.clip(h @ v + c, -500, 500))) - y[part]) / len(part)
            back = np.outer(error, v) * (h > 0)
            v, c = v - lr * h.T @ error, c - lr * error.sum()
            w, b = w - lr * x[part].T @ back, b - lr * back.sum(0)
        for name, (inputs, labels) in {"train": (x, y), "val": (x_val, y_val)}.items():
            z = np.maximum(inputs @ w + b, 0) @ v + c
            made[f"{name}_loss"].append(float((np.logaddexp(0, z) - labels * z).mean()))
            made[f"{name}_accuracy"].append(float(((z > 0) == labels).mean()))
        made["dead"].append(float((x @ w + b <= 0).all(0).mean()))
    return made


@pytest.mark.parametrize("key", range(3))
def test_enough_data_and_short_training_is_healthy(key: int) -> None:
    found = wellfit.diagnose(train(samples=3000, epochs=25, lr=0.3, key=key), chance_loss=CHANCE)
    assert found.verdict in ("well-fit", "unconverged"), found.words
    assert not {f.name for f in found.findings} & {"lr_too_high", "dead_units", "overconfidence", "label_noise"}


@pytest.mark.parametrize("key", range(3))
def test_few_samples_with_wrong_labels_overfit(key: int) -> None:
    found = wellfit.diagnose(train(samples=80, wrong=0.2, units=100, epochs=150, key=key), chance_loss=CHANCE)
    assert found.verdict == "overfit", found.words
    assert "missed_early_stopping" in {f.name for f in found.findings}


@pytest.mark.parametrize("key", range(3))
def test_random_labels_and_tiny_steps_are_near_chance(key: int) -> None:
    found = wellfit.diagnose(train(wrong=0.5, units=2, lr=1e-3, epochs=15, scale=0.1, key=key), chance_loss=CHANCE)
    assert found.verdict in ("underfit", "unconverged"), found.words


@pytest.mark.parametrize("key", range(3))
def test_small_steps_are_too_small(key: int) -> None:
    found = wellfit.diagnose(train(lr=0.002, epochs=20, key=key), chance_loss=CHANCE)
    low = next(f for f in found.findings if f.name == "lr_too_low")
    assert (low.remedies[0].change, low.remedies[0].step) == ("optimizer.lr", "raise")


@pytest.mark.parametrize("key", range(3))
def test_huge_steps_diverge(key: int) -> None:
    found = wellfit.diagnose(train(lr=4.0, batch=10, epochs=30, wrong=0.1, key=key), chance_loss=CHANCE)
    assert found.verdict == "diverged", found.words
    assert (found.findings[0].remedies[0].change, found.findings[0].remedies[0].step) == ("optimizer.lr", "lower")


@pytest.mark.parametrize("key", range(3))
def test_units_that_start_far_below_zero_are_dead(key: int) -> None:
    found = wellfit.diagnose(train(bias=-8.0, key=key), chance_loss=CHANCE)
    assert "dead_units" in {f.name for f in found.findings}
