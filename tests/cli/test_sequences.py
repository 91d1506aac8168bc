"""Sequences from the data file to predictions: trained, saved, loaded, asked about new ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.calling import call
from tests.support import tiny_sequences


def test_train_and_predict(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    waves = tiny_sequences(240, length=12, channels=2)
    names = np.array(waves.classes)[waves.y.numpy()]
    x = waves.x.numpy() * 3 + 50  # 0 is far off until it is scaled
    np.savez(folder / "waves.npz", x=x[:200], y=names[:200])
    np.savez(folder / "new.npz", x=x[200:])
    sets = ["epochs=20", "batch_size=16", "optimizer={kind: adam, lr: 0.005}"]
    sets += ["regularizers={time_shift: {fraction: 0.1}, time_masking: {count: 2}, gaussian_noise: {std: 0.05}}"]
    options = [part for text in sets for part in ("--set", text)]
    done = call(capsys, "train", "waves.npz", "--quiet", *options)
    assert done.code == 0, done.err
    card = json.loads(Path("runs/waves/models/plain/0.json").read_text())
    assert (card["data"]["kind"], card["data"]["shape"]) == ("sequence", [12, 2])
    assert (card["recipe"]["model"]["kind"], card["recipe"]["model"]["cell"]) == ("rnn", "lstm")
    assert card["scaler"]["shape"] == [2]
    assert card["scaler"]["mean"] == pytest.approx([50, 50], abs=1)
    rows = json.loads(call(capsys, "predict", "runs/waves", "new.npz", "--json").out)["predictions"]
    found = np.array([row["label"] for row in rows])
    assert float((found == names[200:]).mean()) > 0.8
    np.savez(folder / "new.npz", x=x[200:, :10])
    refused = call(capsys, "predict", "runs/waves", "new.npz")
    assert refused.code == 2
    assert "expected sequences of shape (12, 2), as the model was trained on" in refused.line


def test_what_does_not_suit_sequences(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    waves = tiny_sequences(60)
    np.savez(folder / "waves.npz", x=waves.x.numpy(), y=waves.y.numpy())
    for change, said in [
        ("regularizers.rotation.degrees=5", "regularizers.rotation: the data are sequences; expected images"),
        ("regularizers.feature_dropout.rate=0.1", "the data are sequences; expected vectors"),
        ("model.kind=unet", "model.kind: a unet for sequences of shape (8, 3); expected 'rnn', or images"),
        ("data.size=[8,8]", "data.size: received [8, 8], but waves.npz holds no images"),
    ]:
        refused = call(capsys, "train", "waves.npz", "--quiet", "--set", "batch_size=8", "--set", change)
        assert refused.code == 2
        assert said in refused.line
