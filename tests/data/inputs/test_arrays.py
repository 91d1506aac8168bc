"""Arrays of every kind, and data sets by name, for a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from tests.data.inputs.models import model_of

Array = npt.NDArray[Any]

DRAW = np.random.default_rng(0)
LABELS = np.arange(30) % 2


def saved(folder: Path, **arrays: Array) -> Path:
    folder.mkdir(exist_ok=True)
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values)
    return folder


@pytest.mark.parametrize("kind", ["image", "vector", "sequence"])
def test_arrays_in_files_of_their_own(tmp_path: Path, kind: str) -> None:
    forms: dict[str, Array] = {
        "image": DRAW.integers(0, 256, (30, 6, 5, 3), dtype=np.uint8),
        "vector": DRAW.normal(size=(30, 4)),
        "sequence": DRAW.normal(size=(30, 6, 2)).astype(np.float32),
    }
    x = forms[kind]
    asked = model_of(saved(tmp_path / "a", x=x, y=LABELS))
    names = [f"sample {row}" for row in range(30)]
    assert asked.names(tmp_path / "a") == names
    assert asked.names(tmp_path / "a" / "x.npy") == names
    np.save(tmp_path / "new.npy", x[10:20])
    assert asked.names(tmp_path / "new.npy", slice(10, 20)) == names[:10]
    np.savez(tmp_path / "new.npz", x=x[:3])
    assert asked.names(tmp_path / "new.npz", slice(3)) == names[:3]
    assert asked.names(saved(tmp_path / "b", x_test=x[5:7], x=x), slice(5, 7)) == names[:2]
    before = (tmp_path / "new.npy").read_bytes()
    asked.read(tmp_path / "new.npy")[1].mul_(2)  # it is mapped: the file must not change
    assert (tmp_path / "new.npy").read_bytes() == before


def test_arrays_at_fault(tmp_path: Path) -> None:
    asked = model_of(saved(tmp_path / "a", x=DRAW.normal(size=(30, 6, 2)), y=LABELS))
    said = asked.refused(saved(tmp_path / "b", x=DRAW.normal(size=(3, 6, 4))))
    assert "b/x.npy: holds sequences of shape (6, 4); expected sequences of shape (6, 2)" in said
    (tmp_path / "c.npy").write_bytes(b"\x93NUMPY\x01\x00nothing")
    assert "c.npy: cannot be read" in asked.refused(tmp_path / "c.npy")
    np.save(tmp_path / "d.npy", np.array([{}], dtype=object), allow_pickle=True)
    assert "holds Python objects" in asked.refused(tmp_path / "d.npy")
    assert "holds x_train.npy only" in asked.refused(saved(tmp_path / "e", x_train=DRAW.normal(size=(3, 6, 2))))


def test_what_the_recipe_does_to_each_image(tmp_path: Path) -> None:
    x = DRAW.integers(20, 90, (30, 12, 10), dtype=np.uint8)
    fields = {"size": (8, 8), "equalize": "clahe", "clahe_tiles": (2, 2), "scale": "per_image"}
    asked = model_of(saved(tmp_path / "a", x=x, y=LABELS), **fields)
    assert asked.dataset.shape == (1, 8, 8)
    asked.names(tmp_path / "a")
    (tmp_path / "p").mkdir()
    for row in range(3):
        Image.fromarray(x[row]).save(tmp_path / "p" / f"{row}.png")
    assert asked.names(tmp_path / "p", slice(3)) == ["0.png", "1.png", "2.png"]


def test_data_sets_by_name(tmp_path: Path) -> None:
    asked = model_of("digits")
    assert asked.names("digits")[-1] == "sample 1796"
    assert "iris: holds vectors of shape (4,); expected images of shape (1, 8, 8)" in asked.refused("iris")
    assert "wine: other columns; expected the 4" in model_of("iris").refused("wine")
    assert len(model_of("iris", scale="robust").names("iris")) == 150
    assert "no such file or folder" in asked.refused("digit")
    assert asked.refused("a" * 5000).count("a" * 50) == 2  # the name is shortened
    bright = saved(tmp_path / "a", x=np.full((2, 9, 9), 7, np.uint8))
    assert "images of shape (1, 9, 9)" in asked.refused(bright)
    assert torch.equal(model_of("digits", limit=200).read("digits")[1], asked.dataset.x)
