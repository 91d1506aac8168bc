"""Sources with faults become subjects: what is wrong is named, nothing is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wellfit.data.audit import read_subject
from wellfit.data.audit.unreadable import find_unreadable
from wellfit.errors import DataError
from wellfit.recipe import DataSpec


def write_folder(root: Path) -> None:
    draw = np.random.default_rng(0)
    for part, count in (("train", 6), ("test", 2)):
        for label in ("cat", "dog"):
            (root / part / label).mkdir(parents=True)
            for i in range(count):
                pixels = draw.integers(0, 255, (8, 8), dtype=np.uint8)
                Image.fromarray(pixels).save(root / part / label / f"{i}.png")


def test_a_folder_with_faults(tmp_path: Path) -> None:
    write_folder(tmp_path)
    (tmp_path / "train/cat/1.png").write_bytes(b"nothing")
    whole = (tmp_path / "train/dog/2.png").read_bytes()
    (tmp_path / "train/dog/2.png").write_bytes(whole[: len(whole) // 2])
    Image.new("L", (9, 16)).save(tmp_path / "train/dog/3.png")
    found = read_subject(DataSpec(source=str(tmp_path)))
    assert list(found.unreadable) == ["train/cat/1.png", "train/dog/2.png"]
    assert found.names[:2] == ("train/cat/0.png", "train/cat/2.png")
    assert found.names[-1] == "test/dog/1.png"
    assert (len(found), len(found.train), len(found.test), found.test_is_given) == (14, 10, 4, True)
    assert found.x.shape == (14, 1, 8, 8)
    assert found.sizes["train/dog/3.png"] == (16, 9)
    assert [found.classes[i] for i in found.y[-2:]] == ["dog", "dog"]
    with pytest.raises(DataError, match="holds no class folders"):
        read_subject(DataSpec(source=str(tmp_path / "train" / "cat")))


def test_a_table_with_faults(tmp_path: Path) -> None:
    rows = [f"{i},{i * 2},{'red' if i % 2 else 'blue'},{'yes' if i % 3 else 'no'}" for i in range(30)]
    rows[4], rows[6], rows[8], rows[9] = "4,,red,no", "6,oops,blue,yes", "8,16,,no", "9,18,red,"
    rows.insert(2, "1,2,3,4,5")
    path = tmp_path / "t.csv"
    path.write_text("a,b,color,answer\n" + "\n".join(rows) + "\n")
    found = read_subject(DataSpec(source=str(path), target="answer"))
    assert set(found.unreadable) == {"line 4", "line 9"}
    assert "'oops'" in found.unreadable["line 9"]
    assert find_unreadable(found)[0].words == "2 of 31 files or rows cannot be read"  # of 30 rows and one not split
    assert (found.features, found.is_text) == (("a", "b", "color"), (False, False, True))
    named = {name: row for row, name in enumerate(found.names)}
    assert np.isnan(found.x[named["line 7"], 1])
    assert np.isnan(found.x[named["line 11"], 2])
    assert found.y[named["line 12"]] == -1
    assert found.classes == ("no", "yes")
    assert found.texts[2] == ("blue", "red")
    assert read_subject(DataSpec(source=str(path))).task is None
    with pytest.raises(DataError, match="no column 'anser'"):
        read_subject(DataSpec(source=str(path), target="anser"))


def test_samples_of_an_archive_keep_their_numbers(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(40, 3))
    x[5, 1] = np.nan
    y = np.arange(40) % 2
    np.savez(tmp_path / "a.npz", x_train=x[:30], y_train=y[:30], x_test=x[30:], y_test=y[30:])
    found = read_subject(DataSpec(source=str(tmp_path / "a.npz")))
    assert found.names[4:6] == ("train sample 4", "train sample 6")
    assert found.names[-1] == "test sample 9"
    assert list(found.unreadable) == ["train sample 5"]
    np.testing.assert_array_equal(found.x[5], x[6].astype(np.float32))


def test_named_data_and_a_drawn_test_set() -> None:
    found = read_subject(DataSpec(source="digits"))
    assert (len(found), len(found.train), len(found.test), found.test_is_given) == (1797, 1797, 359, False)
    assert found.names[3] == "sample 3"
