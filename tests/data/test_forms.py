"""Sources beside images and tables: arrays, long tables, .ts files, recordings, sets of other libraries."""

import gzip
import math
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.signal
import sklearn.datasets
import torch
from PIL import Image
from scipy.io import wavfile

from wellfit.data import load, split
from wellfit.data.npy import read_npy
from wellfit.data.series import equal_lengths
from wellfit.data.wav import BANDS, log_mel, mel_filters, read_wav, resampled
from wellfit.errors import DataError
from wellfit.recipe import DataSpec, SplitSpec


def spec(source: Path | str, **fields: Any) -> DataSpec:
    return DataSpec.model_validate({"source": str(source), **fields})


def message(source: Path | str, **fields: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(spec(source, **fields))
    assert str(caught.value).isprintable()
    return str(caught.value)


# .npy


def test_npy_equals_npz(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).integers(0, 256, (12, 5, 6), dtype=np.uint8), np.array(["a", "b"] * 6)
    np.savez(tmp_path / "a.npz", x=x, y=y)
    (tmp_path / "arrays").mkdir()
    for name, values in (("x", x), ("y", y)):
        np.save(tmp_path / "arrays" / f"{name}.npy", values)
    packed = load(str(tmp_path / "a.npz"))
    for source in (tmp_path / "arrays", tmp_path / "arrays" / "x.npy"):
        found = load(str(source))
        assert (found.fingerprint, found.classes, found.name) == (packed.fingerprint, ("a", "b"), "arrays")
    (tmp_path / "arrays" / "x.npy").unlink()
    for part, rows in (("train", slice(0, 8)), ("test", slice(8, 12))):
        np.save(tmp_path / "arrays" / f"x_{part}.npy", x[rows])
        np.save(tmp_path / "arrays" / f"y_{part}.npy", y[rows])
    given = load(str(tmp_path / "arrays"))
    assert given.given_test is not None
    assert given.given_test.tolist() == [8, 9, 10, 11]
    assert given.fingerprint == packed.fingerprint


def test_npy_is_mapped_and_never_written(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((20, 3), np.float32))
    np.save(tmp_path / "y.npy", np.arange(20) % 2)
    before = (tmp_path / "x.npy").read_bytes()
    assert isinstance(read_npy(tmp_path / "x.npy").base, np.memmap)
    data = load(str(tmp_path))
    data.x.add_(1)
    assert (tmp_path / "x.npy").read_bytes() == before


def test_npy_at_fault(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((4, 2)))
    assert "'y.npy' is missing" in message(tmp_path)
    np.save(tmp_path / "y.npy", np.array([{}, 1, 2, 3], dtype=object), allow_pickle=True)
    assert "y.npy: holds Python objects; expected plain numbers" in message(tmp_path)
    whole = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(whole[:-8])
    assert "its header claims 64 bytes, there are 56" in message(tmp_path)
    (tmp_path / "x.npy").write_bytes(b"no array")
    assert "cannot be read" in message(tmp_path)
    np.save(tmp_path / "mine.npy", np.zeros(3))
    assert "a file called 'mine.npy'" in message(tmp_path / "mine.npy")


# sequences of a long table


def long_frame() -> pd.DataFrame:
    draw = np.random.default_rng(1)
    rows = [
        {"series": f"s{i}", "t": t, "a": draw.normal(), "b": draw.normal(), "label": "uv"[i % 2], "who": i // 4}
        for i in range(12)
        for t in range(4 + i % 2)
    ]
    return pd.DataFrame(rows)


def test_a_long_table_equals_its_pivot(tmp_path: Path) -> None:
    frame = long_frame()
    frame.sample(frac=1, random_state=0).to_csv(tmp_path / "x.csv", index=False)
    data = load(
        spec(tmp_path / "x.csv", target="label", id="series", time="t", group="who", length="shortest",
             split={"kind": "grouped"})
    )  # fmt: skip
    shuffled = pd.read_csv(tmp_path / "x.csv")
    assert (data.kind, data.task, data.classes, data.shape) == ("sequence", "classification", ("u", "v"), (4, 2))
    for row, name in enumerate(shuffled["series"].unique()):
        one = frame[frame["series"] == name].sort_values("t")
        np.testing.assert_allclose(data.x[row], one[["a", "b"]].to_numpy(dtype=np.float32)[:4])
        assert data.classes[int(data.y[row])] == one["label"].iloc[0]
    assert data.groups is not None
    assert len(data.groups.unique()) == 3  # type: ignore[no-untyped-call]
    longest = load(spec(tmp_path / "x.csv", target="label", id="series", time="t", length="longest", drop=[]))

    assert longest.shape == (5, 3)  # "who" is a channel where it is no group
    assert torch.equal(longest.x[:, :4, :2], data.x)


def test_numbers_to_predict_from_a_long_table(tmp_path: Path) -> None:
    frame = long_frame().assign(label=lambda f: f["series"].str[1:].astype(float) / 3)
    frame.to_csv(tmp_path / "x.csv", index=False)
    data = load(spec(tmp_path / "x.csv", target="label", id="series", length=6))
    assert (data.task, data.shape) == ("regression", (6, 4))
    np.testing.assert_allclose(data.y[:, 0], np.arange(12) / 3, rtol=1e-6)
    assert (data.x[:, 5] == 0).all()


def test_columns_of_a_long_table_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    long_frame().assign(note="text").to_csv(path, index=False)
    roles = {"target": "label", "id": "series", "time": "t", "length": 4}
    assert "the column 'note' is no column of numbers" in message(path, **roles)
    assert load(spec(path, **roles, drop=["note", "b"])).features == ("a", "who")
    assert "has no column 'notes'; expected 'note' (nearest)" in message(path, **roles, drop=["notes"])
    assert "data.drop: 't' has another role" in message(path, **roles, drop=["t"])


def test_recordings_without_class_folders(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "0_a_0.wav").write_bytes(b"RIFF")
    assert "recordings without class folders; expected root/<class>/<recording>" in message(tmp_path / "r")
    assert "data.label_from: name (<class>_<...>.wav)" in message(tmp_path / "r")


def test_long_tables_at_fault(tmp_path: Path) -> None:
    path, frame = tmp_path / "x.csv", long_frame()
    frame.to_csv(path, index=False)
    roles = {"target": "label", "id": "series", "time": "t"}
    assert "sequences of 4 to 5 time steps; expected data.length" in message(path, **roles)
    assert "no column 'tt'; expected 't' (nearest)" in message(path, **{**roles, "time": "tt"})
    frame.assign(t=0).to_csv(path, index=False)
    assert "line 3: a second row for the same time of the same series" in message(path, **roles)
    frame.assign(label=["u", "v"] * 27).to_csv(path, index=False)
    assert "line 3: another value in 'label' than in other rows of its series" in message(path, **roles)
    frame.assign(a=frame["a"].where(frame.index != 5)).to_csv(path, index=False)
    assert "line 7: no value in the column 'a'" in message(path, **roles)
    assert load(spec(path, **roles, skip_bad=True, length=4)).skipped


def test_lengths() -> None:
    values = [np.ones((2, 1), np.float32), np.full((3, 1), 2, np.float32)]
    assert equal_lengths(values, "longest", where="x", pad=-1)[:, :, 0].tolist() == [[1, 1, -1], [2, 2, 2]]
    assert equal_lengths(values, "shortest", where="x").shape == (2, 2, 1)
    assert equal_lengths(values, 4, where="x")[1, :, 0].tolist() == [2, 2, 2, 0]
    with pytest.raises(DataError, match=r"x: sequences of 1 to 2 channels"):
        equal_lengths([*values, np.ones((2, 2), np.float32)], 2, where="x")


# groups and times of a plain table


def test_a_table_with_groups_and_times(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": range(40), "who": [f"p{i % 8}" for i in range(40)], "y": range(40)})
    frame["day"] = pd.date_range("2024-01-01", periods=40).strftime("%Y-%m-%d")[::-1]
    frame.to_csv(tmp_path / "a.csv", index=False)
    fields: dict[str, Any] = {"target": "y", "task": "regression"}
    data = load(spec(tmp_path / "a.csv", **fields, group="who", drop=["day"], split={"kind": "grouped"}))
    assert data.features == ("a",)
    found = split(data, SplitSpec(kind="grouped"), seed=0)
    people = [set(frame["who"].iloc[part.tolist()]) for part in (found.train, found.validation, found.test)]
    assert sum(len(one) for one in people) == len(set.union(*people)) == 8
    data = load(spec(tmp_path / "a.csv", **fields, time="day", drop=["who"], split={"kind": "time"}))
    found = split(data, SplitSpec(kind="time"), seed=0)
    assert found.test.tolist() == list(range(8))  # the last days come first in this file
    why = message(tmp_path / "a.csv", **fields, group="who")
    assert why == "data.split.kind: received stratified, with data.group; expected grouped or k_fold, or no data.group"
    frame.assign(who=frame["who"].where(frame.index != 3)).to_csv(tmp_path / "a.csv", index=False)
    grouped = {"group": "who", "drop": ["day"], "split": {"kind": "grouped"}}
    assert "line 5: no group in the column 'who'" in message(tmp_path / "a.csv", **fields, **grouped)


# .ts


TS = (
    "#c\n@problemName toy\n@univariate false\n@classLabel true a b\n@data\n"
    "1,2,3:4,5,6:a\n\n7,8,9:1,?,3:b\n3,2,1:1,1,1:a\n"
)


def test_a_ts_file(tmp_path: Path) -> None:
    (tmp_path / "Toy_TRAIN.ts").write_text(TS.replace("?", "2"))
    (tmp_path / "Toy_TEST.ts").write_text(TS.replace("?", "0"))
    for source in (tmp_path, tmp_path / "Toy_TRAIN.ts"):
        data = load(str(source))
        assert (data.name, data.shape, data.classes) == ("Toy", (3, 2), ("a", "b"))
        assert data.x[1].tolist() == [[7, 1], [8, 2], [9, 3]]
        assert data.y.tolist() == [0, 1, 0] * 2
        assert data.given_test is not None
        assert data.given_test.tolist() == [3, 4, 5]
    (tmp_path / "n.ts").write_text("@targetLabel true\n@data\n1,2:0.5\n3,4,5:1.5\n")
    numbers = load(spec(tmp_path / "n.ts", length=2))
    assert (numbers.task, numbers.y[:, 0].tolist(), numbers.shape) == ("regression", [0.5, 1.5], (2, 1))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (TS, "sample 1: a value is missing or infinite"),
        (TS.replace("?", "x"), "line 8: holds a value that is no number"),
        (TS.replace("?,", ""), "line 8: dimensions of unequal lengths"),
        (TS.replace("7,8,9:", ""), "line 8: 1 dimensions and a class; expected 2"),
        (TS.replace("1,1,1:a", "1,1,1:1:a"), "line 9: 3 dimensions"),
        ("@timeStamps true\n@data\n", "line 1: series with time stamps"),
        ("@data\n1,2\n", "names no class"),
        ("1,2:a\n", "line 1: starts with '1,2:a'"),
        ("@classLabel true a\n@data\n", "holds no series"),
        ("", "holds no series"),
    ],
)
def test_ts_files_at_fault(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "a.ts").write_text(text)
    assert why in message(tmp_path / "a.ts")


# recordings


@pytest.mark.parametrize("bits", [8, 16, 24, 32, -32, -64])
def test_every_encoding_is_read_to_one_scale(tmp_path: Path, bits: int) -> None:
    wave = np.sin(np.arange(400) / 7) * 0.9
    path = tmp_path / "a.wav"
    if bits == 24:
        whole = (wave * (2**23 - 1)).round().astype("<i4")
        data = b"".join(int(v).to_bytes(4, "little", signed=True)[:3] for v in whole)
        head = b"fmt " + (16).to_bytes(4, "little") + np.array([1, 1], "<u2").tobytes()
        head += np.array([8000, 24000], "<u4").tobytes() + np.array([3, 24], "<u2").tobytes()
        body = b"WAVE" + head + b"data" + len(data).to_bytes(4, "little") + data
        path.write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    elif bits < 0:
        wavfile.write(path, 8000, wave.astype(f"f{-bits // 8}"))
    elif bits == 8:
        wavfile.write(path, 8000, (wave * 128 + 128).round().clip(0, 255).astype(np.uint8))
    else:
        wavfile.write(path, 8000, (wave * (2 ** (bits - 1) - 1)).round().astype(f"i{bits // 8}"))
    samples, rate = read_wav(path, "a")
    assert (rate, samples.dtype.name, samples.shape) == (8000, "float32", (400,))
    np.testing.assert_allclose(samples, wave, atol=0.008 if bits == 8 else 6e-5)


def test_stereo_is_mixed_and_rates_are_changed(tmp_path: Path) -> None:
    both = np.stack([np.full(100, 0.5), np.full(100, -0.25)], axis=1).astype(np.float32)
    wavfile.write(tmp_path / "a.wav", 8000, both)
    samples, _ = read_wav(tmp_path / "a.wav", "a")
    np.testing.assert_allclose(samples, 0.125)
    tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000).astype(np.float32)
    slower = resampled(tone, 8000, 4000)
    assert len(slower) == 4000
    np.testing.assert_allclose(slower[100:-100], tone[::2][100:-100], atol=0.01)
    assert resampled(tone, 8000, None) is tone


def test_log_mel_is_its_formula() -> None:
    x = np.random.default_rng(0).normal(size=3000).astype(np.float32)
    frames = scipy.signal.ShortTimeFFT(
        scipy.signal.windows.hann(200, sym=False), hop=80, fs=8000, mfft=256, phase_shift=None
    )
    whole = range(1, 1 + (len(x) - 200) // 80)  # frames of the library are centered; ours begin at t h
    mine = log_mel(x, 8000)
    assert mine.shape == (1 + (3000 - 200) // 80, BANDS)
    for at in whole:
        power = np.abs(np.fft.rfft(x[80 * at : 80 * at + 200] * frames.win, 256)) ** 2
        np.testing.assert_allclose(mine[at], np.log(mel_filters(8000, 256) @ power), rtol=1e-4)
    library = np.abs(frames.stft(np.pad(x, (0, 0)))) ** 2  # frame p covers x[80 p - 100 : 80 p + 100]
    shifted = np.abs(np.fft.rfft(x[80 * 5 - 100 : 80 * 5 + 100] * frames.win, 256)) ** 2
    np.testing.assert_allclose(library[:, 5 - frames.p_min], shifted, rtol=1e-6)
    tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000).astype(np.float32)
    mel = 2595 * math.log10(1 + 1000 / 700) / (2595 * math.log10(1 + 4000 / 700)) * (BANDS + 1) - 1
    assert abs(int(log_mel(tone, 8000)[10].argmax()) - mel) <= 1
    silent = log_mel(np.zeros(10, np.float32), 8000)
    np.testing.assert_allclose(silent, np.full((1, BANDS), np.log(1e-10)), rtol=1e-6)


def recordings(root: Path) -> Path:
    draw = np.random.default_rng(0)
    for i in range(24):
        name = root / "ab"[i % 2] / f"{'ab'[i % 2]}_p{i // 2 % 4}_{i}.wav"
        name.parent.mkdir(parents=True, exist_ok=True)
        wavfile.write(name, 8000, draw.integers(-999, 999, 1000 + 80 * (i % 3), dtype=np.int16))
    return root


def test_folders_of_recordings(tmp_path: Path) -> None:
    root = recordings(tmp_path / "sounds")
    data = load(spec(root, length=12))
    assert (data.kind, data.shape, data.classes, len(data)) == ("sequence", (12, 40), ("a", "b"), 24)
    assert float(data.x[0, -1, 0]) == pytest.approx(math.log(1e-10), abs=1e-4)  # silence follows the shorter ones
    named = load(spec(root, length=12, label_from="name", group="name", split={"kind": "grouped"}))
    assert torch.equal(named.x, data.x)
    assert named.groups is not None
    assert named.groups.tolist() == [int(file.stem.split("_")[1][1]) for file in sorted(root.rglob("*.wav"))]
    raw = load(spec(root, length="shortest", features="raw"))
    assert raw.shape == (1000, 1)
    assert load(spec(root, length=500, features="raw", rate=4000)).shape == (500, 1)


def test_recordings_at_fault(tmp_path: Path) -> None:
    root = recordings(tmp_path / "sounds")
    assert "sequences of 11 to 13 time steps; expected data.length" in message(root)
    wavfile.write(root / "a" / "a_p9_z.wav", 16000, np.zeros(3000, np.int16))
    assert "16,000 samples per second, others have 8,000; expected data.rate" in message(root, length=5)
    (root / "a" / "a_p9_z.wav").write_bytes(b"RIFF")
    assert "a_p9_z.wav: cannot be read" in message(root, length=5)
    assert len(load(spec(root, length=5, skip_bad=True)).skipped) == 1
    assert message(root, id="x").startswith("data.id: received x, which says nothing about recordings")
    assert message("iris", length=3).startswith("data.length: received 3")
    assert message(root, group="speaker", length=5, split={"kind": "grouped"}).startswith("data.group")


# sets by name


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes"])
def test_sets_of_scikit_learn(name: str) -> None:
    options = {"scaled": False} if name == "diabetes" else {}
    theirs = getattr(sklearn.datasets, f"load_{name}")(**options)
    data = load(name.replace("_", "-"))
    np.testing.assert_array_equal(data.x, theirs.data.astype(np.float32))
    np.testing.assert_array_equal(data.y.squeeze(), theirs.target)
    assert data.features == tuple(theirs.feature_names)
    assert (data.task == "regression") == (name == "diabetes")
    assert message(name.replace("_", "-"), target="x").startswith("data.target")


def test_series_and_recordings_by_name(real_data: Path, tmp_path: Path) -> None:
    if not (real_data / "ucr-series.tar.gz").is_file() or not (real_data / "spoken-digits.tar.gz").is_file():
        pytest.skip("no archives of sequences in WELLFIT_DATA")
    shapes = {name: load(name).x.shape for name in ("GunPoint", "BasicMotions", "JapaneseVowels")}
    assert shapes == {"GunPoint": (200, 150, 1), "BasicMotions": (80, 100, 6), "JapaneseVowels": (640, 29, 12)}
    vowels = load("JapaneseVowels", limit=100)
    assert vowels.given_test is not None
    assert len(vowels.given_test) == 370
    digits = load(spec("spoken-digits", length=20))
    assert (digits.shape, len(digits), digits.outputs) == ((20, 40), 3000, 10)
    found = split(digits, SplitSpec(kind="grouped"), seed=0)
    assert digits.groups is not None
    speakers = [set(digits.groups[part].tolist()) for part in (found.train, found.validation, found.test)]
    assert sorted(len(one) for one in speakers) == [1, 1, 4]
    assert len(set.union(*speakers)) == 6


def test_a_name_that_is_not_found(own_places: Path) -> None:
    assert "not in WELLFIT_DATA" in message("GunPoint")
    (own_places / "GunPoint").mkdir()
    (own_places / "GunPoint" / "GunPoint_TRAIN.ts").write_text(TS.replace("?", "2"))
    assert load("GunPoint").name == "GunPoint"


def test_a_set_of_torchvision(own_places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torchvision's own class reads its own files from a root of ours."""
    from torchvision.datasets import KMNIST

    from tests.data.sets import idx_set

    monkeypatch.setattr(KMNIST, "mirrors", ["http://127.0.0.1:9/"])
    raw = own_places / "torchvision" / "KMNIST" / "raw"
    x, y = idx_set(raw)
    for file in raw.glob("*.gz"):
        file.with_suffix("").write_bytes(gzip.decompress(file.read_bytes()))
        file.unlink()
    data = load("torchvision:KMNIST")
    np.testing.assert_array_equal(data.x[:, 0], x)
    np.testing.assert_array_equal(data.y, y)
    assert data.given_test is not None
    assert (data.name, data.classes, len(data.given_test)) == ("KMNIST", tuple(KMNIST.classes), 10)
    assert load("torchvision:KMNIST", size=(14, 14)).shape == (1, 14, 14)
    assert "torchvision has no set 'KMNITS'" in message("torchvision:KMNITS")
    (raw / "train-images-idx3-ubyte").unlink()
    assert "torchvision:KMNIST: cannot be had in" in message("torchvision:KMNIST")


class Part:
    """A split of a data set as the library ``datasets`` gives it."""

    def __init__(self, columns: dict[str, list[Any]], features: dict[str, Any]) -> None:
        self.columns, self.features, self.column_names = columns, features, list(columns)

    def __len__(self) -> int:
        return len(self.columns["label"])

    def __getitem__(self, name: str) -> list[Any]:
        return self.columns[name]


def test_a_set_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    feature = {"image": type("Image", (), {})(), "label": types.SimpleNamespace(names=["cat", "dog"])}
    pictures = [Image.fromarray(np.full((4, 5), i, np.uint8)) for i in range(12)]
    parts = {
        "train": Part({"image": pictures[:8], "label": [0, 1] * 4}, feature),
        "test": Part({"image": pictures[8:], "label": [0, 1] * 2}, feature),
    }
    asked: list[str] = []
    stub = types.ModuleType("datasets")
    stub.load_dataset = lambda name: asked.append(name) or parts  # type: ignore[attr-defined, func-returns-value]
    monkeypatch.setitem(sys.modules, "datasets", stub)
    data = load("hf:owner/pets")
    assert asked == ["owner/pets"]
    assert (data.kind, data.shape, data.classes) == ("image", (1, 4, 5), ("cat", "dog"))
    assert data.x[:, 0, 0, 0].tolist() == list(range(12))
    assert data.given_test is not None
    assert data.given_test.tolist() == [8, 9, 10, 11]
    table = {"train": Part({"a": list(range(12)), "label": [0.5, 1.5] * 6}, {"a": None, "label": None})}
    stub.load_dataset = lambda name: table  # type: ignore[attr-defined]
    vectors = load("hf:rows")
    assert (vectors.task, vectors.features, vectors.x[:, 0].tolist()) == ("regression", ("a",), list(range(12)))
    assert message("hf:rows", target="b").startswith("data.target: hf:rows has no column 'b'")
    assert message("hf:../x").startswith("data.source: received 'hf:../x'")
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert message("hf:rows") == (
        "hf:rows: needs the library 'datasets', which is not installed; expected pip install 'wellfit[hub]'"
    )
