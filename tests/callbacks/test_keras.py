from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

from wellfit.callbacks.keras import WellfitCallback  # noqa: E402 - needs the backend to be set

pytestmark = pytest.mark.filterwarnings("ignore")  # of Keras itself
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype("float32")
Y = (X.sum(1) > 0).astype("int64")


def fitted(callback: Any, *, lr: float = 0.1, epochs: int = 4) -> tuple[Any, dict[str, list[float]]]:
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [keras.layers.Dense(8, activation="relu"), keras.layers.Dropout(0.5), keras.layers.Dense(2)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(lr), loss, metrics=["accuracy"])
    data = {"validation_data": (X[40:], Y[40:]), "batch_size": 20, "verbose": 0}
    history = model.fit(X[:40], Y[:40], epochs=epochs, callbacks=[callback] if callback else [], **data)
    return model, history.history


def test_it_keeps_what_keras_logs_and_says_how_it_was_measured() -> None:
    said: list[str] = []
    callback = WellfitCallback(say=said.append)
    _, logged = fitted(callback)
    curves = callback.watch.curves
    assert curves["epoch"] == [1, 2, 3, 4]
    for ours, theirs in {"train_loss": "loss", "val_loss": "val_loss", "val_accuracy": "val_accuracy"}.items():
        assert curves[ours] == pytest.approx(logged[theirs])
    assert curves["lr"] == pytest.approx([0.1] * 4)
    assert callback.watch.measured == "train"
    assert len(said) == 1
    assert "wellfit, 4 epochs" in said[0]
    assert "measured in training mode" in " ".join(said[0].split())


def test_a_probe_is_measured_as_validation_is_and_changes_nothing() -> None:
    callback = WellfitCallback(probe=(X[:40], Y[:40]), say=lambda text: None)
    model, logged = fitted(callback)
    plain, _ = fitted(None)
    for one, other in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    last = model.evaluate(X[:40], Y[:40], verbose=0, return_dict=True)
    assert callback.watch.curves["train_loss"][-1] == pytest.approx(last["loss"], rel=1e-5)
    assert callback.watch.curves["train_accuracy"][-1] == pytest.approx(last["accuracy"])
    assert callback.watch.curves["val_loss"] == pytest.approx(logged["val_loss"])
    assert callback.watch.measured == "eval"
    assert "note: The train loss is measured" not in callback.watch.verdict()


@pytest.mark.parametrize("stop", [True, False])
def test_it_stops_a_run_that_diverged(stop: bool) -> None:
    said: list[str] = []
    _, logged = fitted(WellfitCallback(say=said.append, stop_on_divergence=stop), lr=1e30)
    assert len(logged["loss"]) == (1 if stop else 4)
    assert said[0].startswith("wellfit: training was stopped: the ") == stop
    assert "diverged" in said[-1]


def test_a_second_fit_begins_anew() -> None:
    said: list[str] = []
    callback = WellfitCallback(say=said.append)
    fitted(callback)
    fitted(callback, epochs=2)
    assert callback.watch.curves["epoch"] == [1, 2]
    assert len(said) == 2
