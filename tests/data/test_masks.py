"""One mask by what stands in its file; values to classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.mask_pictures import labels, packed_grey_png, palette_png, save
from wellfit.data.dataset import VOID
from wellfit.data.mask_classes import classes_of, read_names
from wellfit.data.masks import read_mask, resized_mask
from wellfit.data.picture import BadImageError, Picture
from wellfit.errors import DataError


def raw(path: Path) -> np.ndarray:
    found = read_mask(Picture(path.name, path))
    assert sum(found.counts) == found.index.size
    values: np.ndarray = np.array(found.values)[found.index]
    return values


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff"])
def test_8_bit_is_read_as_it_is(tmp_path: Path, suffix: str) -> None:
    wanted = labels(3, (9, 11), (0, 7, 200, 255))
    assert np.array_equal(raw(save(tmp_path / f"a.{suffix}", wanted)), wanted)


def test_16_bit_1_bit_and_alpha(tmp_path: Path) -> None:
    wide = labels(1, (5, 4), (0, 1, 2)).astype(np.uint16) * 30_000
    Image.fromarray(wide).save(tmp_path / "wide.png")
    Image.fromarray(wide).save(tmp_path / "wide.tif")
    assert np.array_equal(raw(tmp_path / "wide.png"), wide)
    assert np.array_equal(raw(tmp_path / "wide.tif"), wide)
    bits = labels(2, (5, 9), (0, 1))
    for name in ("bits.png", "bits.bmp", "bits.tif"):
        Image.fromarray(bits.astype(bool)).save(tmp_path / name)
        assert np.array_equal(raw(tmp_path / name), bits)
    Image.fromarray(np.stack([wide.astype(np.uint8) // 7, labels(4, (5, 4))], axis=2), "LA").save(tmp_path / "la.png")
    assert np.array_equal(raw(tmp_path / "la.png"), wide.astype(np.uint8) // 7)


@pytest.mark.parametrize("bits", [2, 4])
def test_packed_grey_is_not_spread(tmp_path: Path, bits: int) -> None:
    wanted = labels(0, (3, 8), (0, 1, 3))
    packed_grey_png(tmp_path / "a.png", wanted, bits)
    with Image.open(tmp_path / "a.png") as image:
        assert np.asarray(image).max() == 3 * 255 // (2**bits - 1)  # what Pillow makes of it
    assert np.array_equal(raw(tmp_path / "a.png"), wanted)


def test_a_palette_by_its_indices(tmp_path: Path) -> None:
    wanted = labels(5, (8, 8), (0, 3, 9))
    palette_png(tmp_path / "a.png", wanted)
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "P"
        assert np.array_equal(np.asarray(image), wanted)
    assert np.array_equal(raw(tmp_path / "a.png"), wanted)


def test_colors(tmp_path: Path) -> None:
    colors = np.array([[0, 0, 0], [255, 0, 0], [1, 2, 3]], dtype=np.uint8)
    chosen = labels(6, (7, 5))
    found = read_mask(Picture("a", save(tmp_path / "a.png", colors[chosen])))
    assert found.is_color
    assert found.values == (0, 0x010203, 0xFF0000)
    assert np.array_equal(found.index, np.array([0, 2, 1])[chosen])
    assert found.counts == tuple(np.bincount(np.array([0, 2, 1])[chosen].reshape(-1)))
    grey = labels(3, (9, 11), (0, 7, 255))
    assert np.array_equal(raw(save(tmp_path / "a.gif", grey)), grey.astype(int) * 0x010101)


def test_what_is_no_mask(tmp_path: Path) -> None:
    value = labels(0, (20, 20))
    for name in ("a.jpg", "a.webp"):
        save(tmp_path / name, value)
        with pytest.raises(BadImageError, match=r"a mask saved as (JPEG|WEBP), which smears values"):
            read_mask(Picture(name, tmp_path / name))
    Image.fromarray(value).save(tmp_path / "a.tif", compression="jpeg")
    with pytest.raises(BadImageError, match="smears values"):
        read_mask(Picture("a", tmp_path / "a.tif"))
    Image.fromarray(value.astype(np.float32)).save(tmp_path / "f.tif")
    with pytest.raises(BadImageError, match="floating-point pixels"):
        read_mask(Picture("f", tmp_path / "f.tif"))
    many = np.arange(400, dtype=np.uint16).reshape(20, 20)
    Image.fromarray(many).save(tmp_path / "many.png")
    with pytest.raises(BadImageError, match="more than 254 distinct values"):
        read_mask(Picture("many", tmp_path / "many.png"))
    save(tmp_path / "b.png", value)
    with pytest.raises(BadImageError, match="a mask of 20 x 20, its image has 20 x 21"):
        read_mask(Picture("b", tmp_path / "b.png"), like=(20, 21))
    whole = (tmp_path / "b.png").read_bytes()
    (tmp_path / "b.png").write_bytes(whole[: len(whole) - 30])
    with pytest.raises(BadImageError, match="a damaged mask"):
        read_mask(Picture("b", tmp_path / "b.png"))


@pytest.mark.parametrize("size", [(3, 4), (17, 9), (24, 30), (6, 50)])
def test_nearest_neighbor_is_pillows(size: tuple[int, int]) -> None:
    value = labels(1, (12, 15), tuple(range(20)))
    wanted = Image.fromarray(value).resize(size[::-1], Image.Resampling.NEAREST)
    assert np.array_equal(resized_mask(value, size), np.asarray(wanted))
    # the pixel whose center is nearest to the new one's
    rows = ((np.arange(size[0]) + 0.5) * 12 / size[0]).astype(int)
    columns = ((np.arange(size[1]) + 0.5) * 15 / size[1]).astype(int)
    assert np.array_equal(resized_mask(value, size), value[rows][:, columns])


@pytest.mark.parametrize(
    ("values", "held", "names", "index"),
    [
        ({0, 1}, (), ("0", "1"), {0: 0, 1: 1}),
        ({0, 255}, (), ("0", "255"), {0: 0, 255: 1}),
        ({0, 1, 255}, (), ("0", "1"), {0: 0, 1: 1, 255: VOID}),
        ({0, 1, 2}, (255,), ("0", "1", "2"), {0: 0, 1: 1, 2: 2, 255: VOID}),
        ({0, 1, 2}, (9,), ("0", "1", "2"), {0: 0, 1: 1, 2: 2}),
        ({0, 128, 255}, (), ("0", "128", "255"), {0: 0, 128: 1, 255: 2}),
        ({1, 2, 255}, (), ("1", "2", "255"), {1: 0, 2: 1, 255: 2}),
        ({0, 30_000}, (), ("0", "30000"), {0: 0, 30_000: 1}),
    ],
)
def test_values_to_classes(
    values: set[int], held: tuple[int, ...], names: tuple[str, ...], index: dict[int, int]
) -> None:
    found = classes_of(values, held=held, where="x")
    assert found.names == names
    assert dict(found.index) == index


def test_names_of_values(tmp_path: Path) -> None:
    assert read_names(tmp_path) is None
    (tmp_path / "classes.txt").write_text("\ufeffground\r\ntree \nroad\n\n", encoding="utf-8")
    names = read_names(tmp_path)
    assert names == ("ground", "tree", "road")
    found = classes_of({0, 2, 255}, names=names, where="x")
    assert found.names == names
    assert dict(found.index) == {0: 0, 1: 1, 2: 2, 255: VOID}
    assert dict(classes_of({0, 255}, names=("no", "yes"), where="x").index) == {0: 0, 255: 1}
    assert classes_of({0, 0xFF}, is_color=True, where="x").names == ("#000000", "#0000ff")
    with pytest.raises(DataError, match=r"classes\.txt names values, but the masks are in color"):
        classes_of({0, 1}, is_color=True, names=names, where="x")
    for text, match in (("a\n\nb\n", "line 2: is empty"), ("a\nb\na\n", "names 'a' twice"), ("a\n", "1 names")):
        (tmp_path / "classes.txt").write_text(text)
        with pytest.raises(DataError, match=match):
            read_names(tmp_path)
    (tmp_path / "classes.txt").write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(DataError, match="cannot be read as text"):
        read_names(tmp_path)


@pytest.mark.parametrize("values", [{0}, {7}, {255}])
def test_one_class_is_none(values: set[int]) -> None:
    with pytest.raises(DataError, match=f"hold one class only, {min(values)}; expected masks of at least 2 classes"):
        classes_of(values, where="x")
    with pytest.raises(DataError, match="one class only"):
        classes_of(values, names=("a", "b"), where="x")


def test_too_many_classes() -> None:
    assert len(classes_of(range(254), where="x", held=(255,)).names) == 254
    with pytest.raises(DataError, match="hold 300 distinct values; expected at most 254"):
        classes_of(range(300), where="x")
