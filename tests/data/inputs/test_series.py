"""Series in ``.ts`` files, with classes and without, for a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.data.inputs.models import model_of

LENGTHS = [5, 6, 7, 8, 5, 6, 7, 8, 5, 6, 7, 8]


def series(path: Path, lengths: list[int], *, channels: int = 2, labels: bool = True, seed: int = 0) -> Path:
    draw = np.random.default_rng(seed)
    path.parent.mkdir(exist_ok=True)
    lines = ["# made up", "@problemName x", f"@classLabel {'true a b' if labels else 'false'}", "@data"]
    for i, length in enumerate(lengths):
        values = [",".join(f"{v:.4f}" for v in draw.normal(size=length)) for _ in range(channels)]
        lines.append(":".join([*values, *(["ab"[i % 2]] if labels else [])]))
    path.write_text("\n".join(lines) + "\n")
    return path


def both(folder: Path) -> Path:
    series(folder / "S_TRAIN.ts", LENGTHS)
    series(folder / "S_TEST.ts", LENGTHS[:4], seed=1)
    return folder


@pytest.mark.parametrize("length", ["longest", "shortest", 6])
def test_what_was_trained_on_is_read_the_same(tmp_path: Path, length: int | str) -> None:
    asked = model_of(both(tmp_path / "s"), length=length)
    names = asked.names(tmp_path / "s")
    assert names[0] == "S_TRAIN.ts, sample 0"
    assert names[12:] == [f"S_TEST.ts, sample {row}" for row in range(4)]
    assert asked.names(tmp_path / "s" / "S_TEST.ts", slice(12, 16)) == [f"sample {row}" for row in range(4)]
    series(tmp_path / "new.ts", LENGTHS[:4], seed=1, labels=False)  # the same values, without classes
    assert asked.names(tmp_path / "new.ts", slice(12, 16))[0] == "sample 0"
    np.save(tmp_path / "a.npy", asked.dataset.x.numpy())
    asked.names(tmp_path / "a.npy")


def test_arrays_of_another_length_follow_the_rule(tmp_path: Path) -> None:
    asked = model_of(both(tmp_path / "s"), length=6)
    x = np.random.default_rng(0).normal(size=(3, 9, 2)).astype(np.float32)
    np.save(tmp_path / "a.npy", x)
    np.testing.assert_array_equal(asked.read(tmp_path / "a.npy")[1].numpy(), x[:, :6])
    np.save(tmp_path / "a.npy", x[:, :4])
    np.testing.assert_array_equal(asked.read(tmp_path / "a.npy")[1].numpy(), np.pad(x[:, :4], ((0, 0), (0, 2), (0, 0))))


def test_series_at_fault(tmp_path: Path) -> None:
    asked = model_of(series(tmp_path / "s.ts", [6] * 12))
    assert "s.ts, sample 1: 7 time steps; expected 6" in asked.refused(series(tmp_path / "n" / "s.ts", [6, 7]))
    one = series(tmp_path / "one.ts", [6], channels=1, labels=False)
    assert asked.refused(one) == f"{one}, sample 0: 1 channel; expected 2, as the model was trained on"
    lines = series(tmp_path / "gap.ts", [6, 6, 6]).read_text().splitlines()
    lines[5] = lines[5].replace(lines[5].split(",")[2], "?", 1)
    (tmp_path / "gap.ts").write_text("\n".join(lines))
    assert "gap.ts, sample 1: a value is missing or infinite" in asked.refused(tmp_path / "gap.ts")
    skipped: list[str] = []
    assert asked.read(tmp_path / "gap.ts", skip_bad=True, skipped=skipped)[0] == ["sample 0", "sample 2"]
    assert len(skipped) == 1
    lines[4] = "1,2,3:1,2,3,4,5,6:a"
    (tmp_path / "gap.ts").write_text("\n".join(lines))
    assert "gap.ts, line 5: dimensions of unequal lengths" in asked.refused(tmp_path / "gap.ts")
    (tmp_path / "t.ts").write_text("a text\n")
    assert "t.ts, line 1: starts with 'a text'" in asked.refused(tmp_path / "t.ts")
    assert "no data for a model of vectors" in model_of("iris").refused(tmp_path / "t.ts")
