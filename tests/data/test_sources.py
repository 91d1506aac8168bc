import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.data.pictures import folder
from wellfit.data import Dataset, load, split
from wellfit.errors import DataError, RecipeError
from wellfit.recipe import DataSpec, SplitSpec


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "a.csv"
    path.write_text("a,b,y\n" + "".join(f"{i},{i * i},{'uv'[i % 2]}\n" for i in range(40)))
    return path


def test_a_spec_or_a_source_with_fields(table: Path) -> None:
    from_spec = load(DataSpec(source=str(table), target="y"))
    from_text = load(str(table), target="y")
    overridden = load(DataSpec(source=str(table), target="a"), target="y")
    for data in (from_spec, from_text, overridden):
        assert (data.targets, data.source, len(data)) == (("y",), str(table), 40)
    assert from_spec.fingerprint == from_text.fingerprint == overridden.fingerprint


def test_the_fingerprint_is_the_hash_of_samples_and_targets(table: Path) -> None:
    data = load(str(table), target="y")
    expected = hashlib.sha256(data.x.numpy().tobytes() + data.y.numpy().tobytes()).hexdigest()
    assert data.fingerprint == expected
    table.write_text(table.read_text().replace("39,1521", "39,1522"))
    assert load(str(table), target="y").fingerprint != expected


def test_each_kind_of_source(tmp_path: Path, table: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((12, 5, 5), np.uint8), y=np.array([0, 1] * 6))
    found: list[Dataset] = [load(str(folder(tmp_path / "pets"))), load(str(tmp_path / "a.npz")), load("digits")]
    assert [data.kind for data in found] == ["image"] * 3
    assert all(data.x.is_contiguous() and len(data.fingerprint) == 64 for data in found)


def test_a_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder(tmp_path / "pets")
    assert load("~/pets").source == "~/pets"


@pytest.mark.parametrize("size", [(4, 6), (16, 16)])
def test_size_resizes_all_kinds_of_images_alike(tmp_path: Path, size: tuple[int, int]) -> None:
    root = folder(tmp_path / "pets")
    plain = load(str(root))
    np.savez(tmp_path / "a.npz", x=plain.x.numpy()[:, 0], y=plain.y.numpy())
    from_files, from_array = load(str(root), size=size), load(str(tmp_path / "a.npz"), size=size)
    assert from_files.shape == (1, *size)
    assert torch.equal(from_files.x, from_array.x)
    assert load("digits", size=size).shape == (1, *size)


def test_limit(table: Path) -> None:
    spec = SplitSpec(seed=3)
    whole, small = load(str(table), target="y"), load(str(table), target="y", limit=10, split=spec)
    assert len(small) == 10 + 8
    assert torch.equal(small.x[split(small, spec, seed=0).test], whole.x[split(whole, spec, seed=0).test])
    assert small.fingerprint != whole.fingerprint
    assert load(str(table), target="y", limit=10, split={"seed": 3}).fingerprint == small.fingerprint


@pytest.mark.parametrize(
    ("source", "fields", "message"),
    [
        ("digit", {}, "no such data set or path; expected 'digits' (nearest)"),
        ("./nowhere.csv", {"target": "y"}, "no such data set or path"),
        ("x" * 5000, {}, "no such data set or path"),
        ("a\0b", {}, "a\\x00b: no such data set or path"),
        ("digits", {"target": "y"}, "data.target: received 'y', but digits is no table"),
        ("digits", {"task": "regression"}, "data.task: received regression, but digits holds classes"),
    ],
)
def test_sources_at_fault(source: str, fields: dict[str, str], message: str) -> None:
    with pytest.raises(DataError) as caught:
        load(DataSpec.model_validate({"source": source, **fields}))
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


def test_fields_and_files_at_fault(tmp_path: Path, table: Path) -> None:
    with pytest.raises(DataError, match=r"data.size: received \[3, 3\], but .* holds no images"):
        load(str(table), target="y", size=(3, 3))
    (tmp_path / "a.xlsx").write_bytes(b"x")
    with pytest.raises(DataError, match=r"a\.xlsx: a file of no kind that is read; expected a folder of images"):
        load(str(tmp_path / "a.xlsx"))
    with pytest.raises(RecipeError, match=r"data\.limit: received 1"):
        load("digits", limit=1)
    with pytest.raises(RecipeError, match=r"data\.split\.tset: unknown key"):
        load("digits", split={"tset": 0.1})


@pytest.mark.parametrize("size", [(0, 3), (-1, 5)])
def test_a_size_must_be_positive(size: tuple[int, int]) -> None:
    with pytest.raises((DataError, RecipeError), match=r"data\.size"):
        load("digits", size=size)
