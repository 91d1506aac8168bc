"""Recordings for a model that was trained on some."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from tests.data.inputs.models import model_of
from wellfit.data.wav import FLOOR


def recording(path: Path, samples: int, *, seed: int, rate: int = 8000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(seed)
    wavfile.write(path, rate, draw.integers(-9999, 9999, samples, dtype=np.int16))
    return path


def talk(root: Path) -> Path:
    """Classes a and b, 6 recordings each, of 11 to 16 frames."""
    for i in range(12):
        recording(root / "ab"[i % 2] / f"{i:02}.wav", 1000 + 80 * (i // 2), seed=i)
    return root


@pytest.mark.parametrize(
    "fields",
    [
        {"length": 12},
        {"length": "longest"},
        {"length": "shortest", "scale": "minmax"},
        {"length": 500, "features": "raw", "rate": 4000},
        {"length": 900, "features": "raw", "scale": "none"},
    ],
)
def test_what_was_trained_on_is_read_the_same(tmp_path: Path, fields: dict[str, Any]) -> None:
    asked = model_of(talk(tmp_path / "talk"), **fields)
    expected = [f"{label}/{i:02}.wav" for label in "ab" for i in range("ab".index(label), 12, 2)]
    assert asked.names(tmp_path / "talk") == expected
    assert asked.names(tmp_path / "talk" / "b", slice(6, 12)) == [name[2:] for name in expected[6:]]
    assert asked.names(tmp_path / "talk" / "a" / "04.wav", slice(2, 3)) == ["04.wav"]


def test_any_layout_and_rates(tmp_path: Path) -> None:
    asked = model_of(talk(tmp_path / "talk"), length=12)
    assert asked.model.rate == 8000
    recording(tmp_path / "new" / "deep" / "er" / "b.wav", 300, seed=3)
    recording(tmp_path / "new" / "a.WAV", 3000, seed=4)
    (tmp_path / "new" / ".hidden").write_text("no recording")
    names, x = asked.read(tmp_path / "new")
    assert names == ["a.WAV", "deep/er/b.wav"]
    assert x.shape == (2, 12, 40)
    assert x[1, 3:].tolist() == torch.full((9, 40), float(np.log(FLOOR))).tolist()  # silence goes on
    fast = recording(tmp_path / "fast.wav", 3000, seed=5, rate=16_000)
    assert asked.refused(fast) == f"{fast}: 16,000 samples per second; expected 8,000, as the model was trained on"
    resampling = model_of(tmp_path / "talk", length=12, rate=8000)
    assert resampling.read(fast)[1].shape == (1, 12, 40)


def test_recordings_at_fault(tmp_path: Path) -> None:
    asked = model_of(talk(tmp_path / "talk"), length="longest")
    assert asked.dataset.shape == (16, 40)
    long = recording(tmp_path / "new" / "long.wav", 8000, seed=1)
    said = asked.refused(tmp_path / "new")
    assert (
        said == f"{long}: 98 time steps; expected at most 16, the longest it was trained on (data.length: longest;"
        " a number would cut)"
    )
    recording(tmp_path / "new" / "a.wav", 300, seed=1)
    (tmp_path / "new" / "text.wav").write_text("not a recording")
    skipped: list[str] = []
    names, x = asked.read(tmp_path / "new", skip_bad=True, skipped=skipped)
    assert (names, len(x)) == (["a.wav"], 1)
    assert [line.split(": ")[0] for line in skipped] == [
        f"{tmp_path / 'new' / name}" for name in ("text.wav", "long.wav")
    ]
    assert "text.wav: cannot be read" in asked.refused(tmp_path / "new" / "text.wav")
    (tmp_path / "empty").mkdir()
    assert "empty: holds no files; expected series" in asked.refused(tmp_path / "empty")
    (tmp_path / "empty" / "a.txt").write_text("x")
    assert "holds no recordings (.wav) and no series (.ts)" in asked.refused(tmp_path / "empty")
    assert "a.txt: no data for a model of sequences" in asked.refused(tmp_path / "empty" / "a.txt")
    (tmp_path / "new" / "out.wav").symlink_to(talk(tmp_path / "other") / "a" / "00.wav")
    assert "a link that leaves the folder" in asked.refused(tmp_path / "new")
    shortest = model_of(tmp_path / "talk", length="shortest")
    assert "expected at least 11, the shortest" in shortest.refused(recording(tmp_path / "s.wav", 400, seed=1))


def test_models_of_other_things(tmp_path: Path) -> None:
    path = recording(tmp_path / "a.wav", 300, seed=1)
    assert "a.wav: no data for a model of vectors" in model_of("iris").refused(path)
    assert "a.wav: not an image" in model_of("digits").refused(path)
    raw = model_of(talk(tmp_path / "talk"), length=900, features="raw")
    log_mel = model_of(tmp_path / "talk", length=12)
    np.save(tmp_path / "x.npy", raw.dataset.x.numpy())
    assert "expected sequences of shape (12, 40)" in log_mel.refused(tmp_path / "x.npy")
