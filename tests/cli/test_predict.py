"""``wellfit predict``: what the saved model says, computed here by hand, comes out as CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import load_file
from scipy.io import wavfile

from tests.cli.calling import call, write_images, write_table
from wellfit.data import load
from wellfit.recipe import DataSpec
from wellfit.study.trained import load_model

FAST = ("--quiet", "--set", "epochs=3", "--set", "batch_size=8", "--set", "model={kind: mlp, hidden: [8]}")
Array = NDArray[np.float64]


def by_hand(card: Path, x: Array) -> Array:
    """Scale, then linear, relu, linear, in NumPy; ``x`` (N, D) or (N, C, H, W) on [0, 1]."""
    about: dict[str, Any] = json.loads(card.read_text())
    weights = [w.astype(np.float64) for _, w in sorted(load_file(card.with_suffix(".safetensors")).items())]
    matrices = sorted((w for w in weights if w.ndim == 2), key=lambda w: w.shape[1], reverse=x.ndim > 2)
    if x.ndim == 2:
        matrices = sorted(matrices, key=lambda w: w.shape[0] != 8)
    biases = {len(w): w for w in weights if w.ndim == 1}
    scaler = about["scaler"]
    mean, std = (np.array(scaler[name]).reshape(scaler["shape"]) for name in ("mean", "std"))
    hidden = ((x - mean) / std).reshape(len(x), -1) @ matrices[0].T + biases[8]
    z: Array = np.maximum(hidden, 0) @ matrices[1].T + biases[len(matrices[1])]
    return z


def softmax(z: Array) -> Array:
    e: Array = np.exp(z - z.max(1, keepdims=True))
    chances: Array = e / e.sum(1, keepdims=True)
    return chances


@pytest.fixture
def photos(capsys: pytest.CaptureFixture[str], folder: Path) -> Path:
    write_images(folder / "photos", {"a": 20, "b, c": 20, "d": 20})
    assert call(capsys, "train", "photos", *FAST).code == 0
    write_images(folder / "new", {"x": 5, "y": 4})
    return folder / "new"


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_images_to_csv(capsys: pytest.CaptureFixture[str], photos: Path) -> None:
    done = call(capsys, "predict", "runs/photos", "new")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith('name,label,probability,p_a,"p_b, c",p_d\n')
    rows = rows_of(done.out)
    names = [f"x/{i}.png" for i in range(5)] + [f"y/{i}.png" for i in range(4)]
    assert [row["name"] for row in rows] == names
    pixels = np.stack([np.asarray(Image.open(photos / name), dtype=np.float64)[None] / 255 for name in names])
    expected = softmax(by_hand(Path("runs/photos/models/plain/0.json"), pixels))
    found = np.array([[float(row[f"p_{label}"]) for label in ("a", "b, c", "d")] for row in rows])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    for row, chances in zip(rows, expected, strict=True):
        assert row["label"] == ("a", "b, c", "d")[int(chances.argmax())]
        assert float(row["probability"]) == pytest.approx(chances.max(), abs=1e-5)


def test_to_a_file_and_as_json(capsys: pytest.CaptureFixture[str], photos: Path) -> None:
    printed = call(capsys, "predict", "runs/photos", "new").out
    to_file = call(capsys, "predict", "runs/photos", "new", "-o", "deep/labels.csv")
    assert (to_file.code, to_file.out) == (0, "")
    assert Path("deep/labels.csv").read_text(encoding="utf-8") == printed
    document = json.loads(call(capsys, "predict", "runs/photos", "new", "--json").out)
    assert document["model"] == "runs/photos/models/plain/0.safetensors"
    for row, line in zip(document["predictions"], rows_of(printed), strict=True):
        assert (row["name"], row["label"]) == (line["name"], line["label"])
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-6)


def test_every_name_of_a_model(capsys: pytest.CaptureFixture[str], photos: Path) -> None:
    by_study = call(capsys, "predict", "runs/photos", "new")
    for model in (
        "runs/photos/models/plain",
        "runs/photos/models/plain/0.json",
        "runs/photos/models/plain/0.safetensors",
    ):
        assert call(capsys, "predict", model, "new") == by_study


def test_a_corrupt_image(capsys: pytest.CaptureFixture[str], photos: Path) -> None:
    (photos / "x/2.png").write_bytes(b"no image")
    refused = call(capsys, "predict", "runs/photos", "new", "-o", "labels.csv")
    assert refused.code == 2
    assert "new/x/2.png" in refused.line
    assert not Path("labels.csv").exists()
    done = call(capsys, "predict", "runs/photos", "new", "--skip-bad", "--json")
    assert done.code == 0
    assert "left out: new/x/2.png" in done.err
    document = json.loads(done.out)
    assert len(document["predictions"]) == 8
    assert len(document["skipped"]) == 1


def test_numbers_come_in_the_targets_units(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    write_table(folder / "houses.csv")
    text = (folder / "houses.csv").read_text()
    (folder / "numbers.csv").write_text("\n".join(line.rpartition(",")[0] for line in text.splitlines()) + "\n")
    assert call(capsys, "train", "numbers.csv", "--target", "price", *FAST).code == 0
    done = call(capsys, "predict", "runs/numbers", "numbers.csv")
    rows = rows_of(done.out)
    assert list(rows[0]) == ["name", "price"]
    table = rows_of(text)
    x = np.array([[float(row["x1"]), float(row["x2"])] for row in table])
    card = Path("runs/numbers/models/plain/0.json")
    scaler = json.loads(card.read_text())["target_scaler"]
    expected = by_hand(card, x)[:, 0] * scaler["std"][0] + scaler["mean"][0]
    np.testing.assert_allclose([float(row["price"]) for row in rows], expected, rtol=1e-5)
    document = json.loads(call(capsys, "predict", "runs/numbers", "numbers.csv", "--json").out)
    assert document["predictions"][0] == {
        "name": rows[0]["name"],
        "price": pytest.approx(expected[0], rel=1e-5),
    }


def test_recordings(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    draw = np.random.default_rng(0)
    for i in range(20):
        path = folder / "talk" / "ab"[i % 2] / f"{i}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        wavfile.write(path, 8000, draw.integers(-99, 99, 900 + 10 * i, dtype=np.int16))
    assert call(capsys, "train", "talk", *FAST, "--set", "data.length=8").code == 0
    rows = rows_of(call(capsys, "predict", "runs/talk", "talk").out)
    assert [row["name"] for row in rows[:2]] == ["a/0.wav", "a/10.wav"]
    model = load_model(Path("runs/talk/models/plain/0.json"))
    expected = model.predict(load(DataSpec(source="talk", length=8)).x)
    np.testing.assert_allclose([float(row["p_a"]) for row in rows], expected[:, 0].numpy(), atol=1e-6)
    one = json.loads(call(capsys, "predict", "runs/talk", "talk/b/3.wav", "--json").out)["predictions"]
    assert [row["name"] for row in one] == ["3.wav"]
    wavfile.write(folder / "fast.wav", 16_000, np.zeros(999, np.int16))
    refused = call(capsys, "predict", "runs/talk", "fast.wav")
    assert refused.code == 2
    assert refused.line == "wellfit: fast.wav: 16,000 samples per second; expected 8,000, as the model was trained on"
    said = " ".join(call(capsys, "predict", "--help").out.split())
    assert all(word in said for word in (".ts", ".wav", ".npz", ".npy", "data.id"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere", "new"], "nowhere: no such file or folder"),
        (["new", "new"], "new: no saved model"),
        (["runs/photos", "nowhere"], "nowhere: no such file or folder"),
        (["runs/photos", "new", "-o", "new"], "-o: 'new' is a folder"),
        (["runs/photos", "new", "-o", "new/x/0.png/labels.csv"], "0.png' is a file, not a folder"),
        (["runs/photos", "new/x/0.png", "-o", "new/x/0.png"], "-o: 'new/x/0.png' is the data; expected another path"),
    ],
)
def test_bad_paths(capsys: pytest.CaptureFixture[str], photos: Path, arguments: list[str], said: str) -> None:
    done = call(capsys, "predict", *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.line
