"""Every form of source is read as a subject whose samples have names that a person finds again."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from wellfit.data.audit import Subject, read_subject
from wellfit.data.audit import read_folder as folders
from wellfit.data.audit.read_folder import folder_fingerprint, read_folder
from wellfit.errors import DataError
from wellfit.recipe import DataSpec


def subject(path: Path, **fields: object) -> Subject:
    return read_subject(DataSpec.model_validate({"source": str(path), **fields}))


def write_wav(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = (np.random.default_rng(seed).normal(size=1600) * 3000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(values.tobytes())


def test_a_folder_of_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(30, 5, 2)).astype(np.float32))
    np.save(tmp_path / "y.npy", np.arange(30) % 2)
    for path in (tmp_path, tmp_path / "x.npy"):
        found = subject(path)
        assert (found.kind, len(found), found.names[4]) == ("sequence", 30, "sample 4")


@pytest.mark.parametrize("label_from", ["folder", "name"])
def test_recordings_are_called_by_their_files(tmp_path: Path, label_from: str) -> None:
    for i in range(8):
        name = f"{'ab'[i % 2]}/{i}.wav" if label_from == "folder" else f"{'ab'[i % 2]}_{i}.wav"
        write_wav(tmp_path / name, i)
    bad = tmp_path / ("a/bad.wav" if label_from == "folder" else "a_bad.wav")
    bad.write_bytes(b"nothing")
    found = subject(tmp_path, label_from=label_from, length=16)
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.wav") if path != bad)
    assert sorted(found.names) == files
    assert list(found.unreadable) == [bad.relative_to(tmp_path).as_posix()]
    assert found.classes == ("a", "b")
    by_name = {name: found.classes[label] for name, label in zip(found.names, found.y, strict=True)}
    assert all(name[0] == label for name, label in by_name.items())
    assert found.fingerprint == folder_fingerprint(tmp_path)


def test_sequences_of_a_long_table_are_called_by_their_ids(tmp_path: Path) -> None:
    rows = [(f"s{i}", t, i + 0.1 * t, "ab"[i % 2]) for i in (3, 1, 2, 0) for t in range(4)]
    pd.DataFrame(rows, columns=["who", "t", "v", "y"]).to_csv(tmp_path / "l.csv", index=False)
    found = subject(tmp_path / "l.csv", target="y", id="who", time="t")
    assert (found.kind, found.x.shape) == ("sequence", (4, 4, 1))
    assert found.names == ("series s3", "series s1", "series s2", "series s0")
    np.testing.assert_allclose(found.x[:, 0, 0], [3, 1, 2, 0])


def test_named_series_and_their_given_test(tmp_path: Path) -> None:
    for part in ("TRAIN", "TEST"):
        lines = [f"{','.join(str(i + 0.5 * t) for t in range(6))}:{i % 2}" for i in range(6)]
        head = "@problemName P\n@timeStamps false\n@univariate true\n@classLabel true 0 1\n@data\n"
        (tmp_path / f"P_{part}.ts").write_text(head + "\n".join(lines) + "\n")
    found = subject(tmp_path)
    assert (found.test_is_given, found.names[0], found.names[-1]) == (True, "train sample 0", "test sample 5")


def test_the_drawn_test_set_is_that_of_the_groups(tmp_path: Path) -> None:
    rows = [(f"p{i % 12}", i * 1.5, "ab"[i % 2]) for i in range(120)]
    pd.DataFrame(rows, columns=["who", "v", "y"]).to_csv(tmp_path / "g.csv", index=False)
    found = subject(tmp_path / "g.csv", target="y", group="who", split={"kind": "grouped"})
    held = set(found.x[found.test, 0].tolist())
    assert len(found.test)
    assert not held & set(np.delete(found.x[:, 0], found.test).tolist())
    with pytest.raises(DataError, match=r"data\.split\.kind: received stratified, with data\.group"):
        subject(tmp_path / "g.csv", target="y", group="who")


def write_pictures(root: Path, count: int) -> None:
    draw = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (root / label).mkdir(parents=True)
        for i in range(count):
            Image.fromarray(draw.integers(0, 255, (8, 8), dtype=np.uint8)).save(root / label / f"{i}.png")
    (root / "cat" / "bad: not.png").write_bytes(b"nothing")
    whole = (root / "dog" / "1.png").read_bytes()
    (root / "dog" / "cut.png").write_bytes(whole[: len(whole) // 2])


def test_a_second_audit_reads_no_image_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WELLFIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(folders, "WORTH", 1)
    monkeypatch.setattr("wellfit.data.ingest.WORTH", 1)
    root = tmp_path / "photos"
    write_pictures(root, 20)
    first = read_folder(root)
    assert set(first.unreadable) == {"cat/bad: not.png", "dog/cut.png"}
    assert "not an image" in first.unreadable["cat/bad: not.png"]
    with monkeypatch.context() as patch:
        patch.setattr(folders, "_headers", None)
        patch.setattr("wellfit.data.ingest.decode_into", None)
        second = read_folder(root)
    assert (second.names, second.unreadable, second.sizes) == (first.names, first.unreadable, first.sizes)
    assert (second.classes, second.fingerprint) == (first.classes, folder_fingerprint(root))
    np.testing.assert_array_equal(second.x, first.x)
    np.testing.assert_array_equal(second.y, first.y)
    Image.fromarray(np.full((8, 8), 9, np.uint8)).save(root / "dog" / "3.png")
    os.utime(root / "dog" / "3.png", ns=(1, 1))
    third = read_folder(root)
    assert third.x[third.names.index("dog/3.png")].max() == 9
    assert third.fingerprint == folder_fingerprint(root) != first.fingerprint
