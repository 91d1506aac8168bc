"""Folders of images and masks as segmentations."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data.mask_pictures import color, labels, pair, pairs, palette_png, save
from tests.data.test_hostile import png_of_zeros
from wellfit.data import load, split
from wellfit.data import mask_store as store
from wellfit.data.dataset import VOID
from wellfit.data.mask_pairs import is_mask_folder
from wellfit.data.masks import Mask, read_mask
from wellfit.data.picture import Picture, Size
from wellfit.data.stream import is_streamed
from wellfit.errors import DataError
from wellfit.recipe import DataSpec, SplitSpec


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WELLFIT_CACHE", str(tmp_path_factory.mktemp("cache")))


def test_images_beside_masks(tmp_path: Path) -> None:
    wanted = pairs(tmp_path)
    found = load(str(tmp_path))
    assert (found.task, found.kind, found.classes, found.outputs) == ("segmentation", "image", ("0", "1", "2"), 3)
    assert found.y.dtype == torch.uint8
    assert np.array_equal(found.y.numpy(), np.stack(wanted))
    assert found.x.shape == (5, 3, 6, 7)
    for i in range(5):
        assert np.array_equal(
            found.x[i].numpy(), np.asarray(Image.open(tmp_path / f"images/p{i}.png")).transpose(2, 0, 1)
        )
    assert found.given_test is None
    assert load(str(tmp_path), task="segmentation").fingerprint == found.fingerprint
    parts = split(found, SplitSpec(test=0.2, validation=0.25), seed=1)
    assert sorted(torch.cat([parts.train, parts.validation, parts.test]).tolist()) == list(range(5))
    assert len(parts.test) == 1
    equalized = load(DataSpec(source=str(tmp_path), equalize="histogram", scale="per_image"))
    assert torch.equal(equalized.y, found.y)
    assert not torch.equal(equalized.x, found.x)


@pytest.mark.parametrize(
    ("images", "masks"), [("image", "mask"), ("IMGS", "Labels"), ("Img", "annotations"), ("images", "segmentations")]
)
def test_names_of_the_folders(tmp_path: Path, images: str, masks: str) -> None:
    pairs(tmp_path, images=images, masks=masks)
    assert is_mask_folder(tmp_path)
    assert load(str(tmp_path)).task == "segmentation"


def test_said_to_be_classes_they_are_classes(tmp_path: Path) -> None:
    pairs(tmp_path)
    found = load(str(tmp_path), task="classification")
    assert (found.task, found.classes, len(found)) == ("classification", ("images", "masks"), 10)
    with pytest.raises(DataError, match=r"data\.task: received regression, but .* holds masks; expected segmentation"):
        load(str(tmp_path), task="regression")


def test_class_folders_stay_class_folders(tmp_path: Path) -> None:
    for name in ("images", "cat", "dog"):
        for i in range(3):
            save(tmp_path / name / f"{i}.png", color(i))
    assert load(str(tmp_path)).classes == ("cat", "dog", "images")
    with pytest.raises(DataError, match="no images beside masks; expected root/images"):
        load(str(tmp_path), task="segmentation")
    with pytest.raises(DataError, match="received segmentation, but iris is no folder of images and masks"):
        load("iris", task="segmentation")


def test_given_train_and_test(tmp_path: Path) -> None:
    first, second = pairs(tmp_path / "train", 4), pairs(tmp_path / "test", 2, (0, 2))
    found = load(str(tmp_path))
    assert found.given_test is not None
    assert found.given_test.tolist() == [4, 5]
    assert np.array_equal(found.y.numpy(), np.stack([*first, *second]))
    assert split(found, SplitSpec(), seed=3).test.tolist() == [4, 5]
    limited = load(str(tmp_path), limit=2)
    assert len(limited) == 4
    assert limited.given_test is not None
    assert np.array_equal(limited.y[limited.given_test].numpy(), np.stack(second))


def test_train_and_test_below_images_and_masks(tmp_path: Path) -> None:
    inner = {"train": pairs(tmp_path / "t", 3), "test": pairs(tmp_path / "u", 2)}
    for part, side in (("train", "t"), ("test", "u")):
        for kind in ("images", "masks"):
            (tmp_path / "root" / kind).mkdir(parents=True, exist_ok=True)
            (tmp_path / side / kind).rename(tmp_path / "root" / kind / part)
    found = load(str(tmp_path / "root"))
    assert found.given_test is not None
    assert found.given_test.tolist() == [3, 4]
    assert np.array_equal(found.y.numpy(), np.stack([*inner["train"], *inner["test"]]))


def test_partners_by_name(tmp_path: Path) -> None:
    wanted = [labels(i) for i in range(4)]
    save(tmp_path / "images/a.jpg", color(1, (6, 7)))
    save(tmp_path / "images/a_mask.png", color(2, (6, 7)))
    save(tmp_path / "images/b.tif", color(3, (6, 7)))
    save(tmp_path / "images/deep/er/a.webp", color(4, (6, 7)))
    save(tmp_path / "masks/a.bmp", wanted[0])
    save(tmp_path / "masks/a_mask.png", wanted[1])
    save(tmp_path / "masks/b_seg.png", wanted[2])
    save(tmp_path / "masks/deep/er/a-mask.tif", wanted[3])
    save(tmp_path / "images/.hidden.png", color(1))
    save(tmp_path / "masks/Thumbs.db.png", wanted[3]).rename(tmp_path / "masks/Thumbs.db")
    assert np.array_equal(load(str(tmp_path)).y.numpy(), np.stack(wanted))


def test_palette_void_and_names(tmp_path: Path) -> None:
    made = pairs(tmp_path, 3, (0, 1, 2, 255))
    palette_png(tmp_path / "masks/p1.png", made[1])
    (tmp_path / "classes.txt").write_text("ground\ntree\nroad\nwater\n")
    found = load(str(tmp_path))
    assert found.classes == ("ground", "tree", "road", "water")
    assert np.array_equal(found.y.numpy(), np.stack(made))
    assert int((found.y == VOID).sum()) == sum(int((mask == 255).sum()) for mask in made)
    (tmp_path / "classes.txt").write_text("ground\ntree\n")
    with pytest.raises(DataError, match=r"p0\.png: the value 2 has no line in classes\.txt; expected one of the 2"):
        load(str(tmp_path))


def test_one_palette_for_all(tmp_path: Path) -> None:
    made = pairs(tmp_path, 3)
    for i in range(3):
        palette_png(tmp_path / f"masks/p{i}.png", made[i])
    assert np.array_equal(load(str(tmp_path)).y.numpy(), np.stack(made))
    palette_png(tmp_path / "masks/p2.png", made[2], shift=1)
    what = r"p2\.png: its palette shows the value 0 as #c9c6c3, where that of .*p0\.png shows #c8c5c2; expected one"
    with pytest.raises(DataError, match=what):
        load(str(tmp_path))


def test_0_and_255_are_two_classes(tmp_path: Path) -> None:
    made = pairs(tmp_path, 3, (0, 255))
    found = load(str(tmp_path))
    assert found.classes == ("0", "255")
    assert np.array_equal(found.y.numpy(), np.stack(made) // 255)


def test_colors(tmp_path: Path) -> None:
    palette = np.array([[255, 0, 0], [0, 0, 0], [0, 0, 9]], dtype=np.uint8)
    chosen = [labels(i) for i in range(3)]
    for i, mask in enumerate(chosen):
        pair(tmp_path, f"p{i}", palette[mask])
    found = load(str(tmp_path))
    assert found.classes == ("#000000", "#000009", "#ff0000")
    assert np.array_equal(found.y.numpy(), np.array([2, 0, 1])[np.stack(chosen)])
    pair(tmp_path, "q", chosen[0])
    with pytest.raises(DataError, match=r"q\.png: a mask in grey, where that of .*p0\.png is in color"):
        load(str(tmp_path))


def test_a_value_that_only_test_has(tmp_path: Path) -> None:
    pairs(tmp_path / "train")
    pairs(tmp_path / "test", values=(0, 1, 3))
    with pytest.raises(DataError, match=r"test/masks/p0\.png: the value 3 is in no train mask; expected one of the 3"):
        load(str(tmp_path), skip_bad=True)


def test_sizes(tmp_path: Path) -> None:
    made = pairs(tmp_path, 3)
    wide = labels(9, (10, 20))
    pair(tmp_path, "z", wide)
    with pytest.raises(DataError, match=r"z\.png: an image of 10 x 20, where .*p0\.png has 6 x 7; expected one size"):
        load(str(tmp_path))
    found = load(str(tmp_path), size=(5, 4))
    assert found.x.shape == (4, 3, 5, 4)
    wanted = [Image.fromarray(mask).resize((4, 5), Image.Resampling.NEAREST) for mask in [*made, wide]]
    assert np.array_equal(found.y.numpy(), np.stack([np.asarray(mask) for mask in wanted]))
    save(tmp_path / "masks/z.png", labels(9, (10, 21)))
    with pytest.raises(DataError, match=r"masks/z\.png: a mask of 10 x 21, its image has 10 x 20"):
        load(str(tmp_path), size=(5, 4))
    assert load(str(tmp_path), skip_bad=True).skipped == (
        f"{tmp_path}/masks/z.png: a mask of 10 x 21, its image has 10 x 20",
    )


def test_a_turned_photograph(tmp_path: Path) -> None:
    pairs(tmp_path, 2)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(color(3, (7, 6))).save(tmp_path / "images/turned.jpg", exif=exif)
    save(tmp_path / "masks/turned.png", labels(5))
    assert load(str(tmp_path)).x.shape == (3, 3, 6, 7)


FAULTS = {
    "images/c.png": "has no mask of its name in 'masks'",
    "images/d.jpg": "two images of one name: d.jpg and d.png",
    "images/e.png": "has two masks: e.png and e_mask.png",
    "masks/f.png": "has no image of its name in 'images'",
    "images/g.png": "a damaged image",
    "masks/h.png": "not an image",
    "masks/i.jpg": "a mask saved as JPEG, which smears values",
}


def plant(root: Path, name: str) -> None:
    path, stem = root / name, Path(name).stem
    if stem == "c":
        save(path, color(1, (6, 7)))
    elif stem == "d":
        pair(root, "d", labels(1))
        save(path, color(1, (6, 7)))
    elif stem == "e":
        pair(root, "e", labels(1))
        save(root / "masks/e_mask.png", labels(2))
    elif stem == "f":
        save(path, labels(1))
    elif stem == "i":
        save(root / "images/i.png", color(1, (6, 7)))
        save(path, labels(1))
    else:
        pair(root, stem, labels(1))
        path.write_bytes(path.read_bytes()[:-60] if stem == "g" else b"nothing")


@pytest.mark.parametrize("name", FAULTS)
def test_faults_have_one_line_and_can_be_left_out(tmp_path: Path, name: str) -> None:
    wanted = pairs(tmp_path, 4)
    plant(tmp_path, name)
    with pytest.raises(DataError) as caught:
        load(str(tmp_path))
    assert str(caught.value).startswith(f"{tmp_path}/{name}: {FAULTS[name]}")
    found = load(str(tmp_path), skip_bad=True)
    assert np.array_equal(found.y.numpy(), np.stack(wanted))
    assert len(found.x) == 4
    assert any(f"{name}: {FAULTS[name]}" in text for text in found.skipped)


def test_layouts_that_are_none(tmp_path: Path) -> None:
    pairs(tmp_path / "a" / "train")
    with pytest.raises(DataError, match="no images and masks in 'test'"):
        load(str(tmp_path / "a"))
    pairs(tmp_path / "a" / "test")
    (tmp_path / "a" / "val").mkdir()
    with pytest.raises(DataError, match="the folder 'val' stands beside train and test"):
        load(str(tmp_path / "a"))
    pairs(tmp_path / "b")
    (tmp_path / "b" / "edges").mkdir()
    with pytest.raises(DataError, match="the folder 'edges' stands beside 'images' and 'masks'"):
        load(str(tmp_path / "b"))
    (tmp_path / "b" / "edges").rename(tmp_path / "b" / "img")
    with pytest.raises(DataError, match="two folders of images: 'images' and 'img'"):
        load(str(tmp_path / "b"))
    pair(tmp_path / "c", "x", labels(1))
    (tmp_path / "c/masks/x.png").rename(tmp_path / "c/masks/y.png")
    with pytest.raises(DataError, match="no image has a mask of its name"):
        load(str(tmp_path / "c"))
    (tmp_path / "c/images/x.png").unlink()
    with pytest.raises(DataError, match="holds no files"):
        load(str(tmp_path / "c"))
    pairs(tmp_path / "d", values=(0,))
    with pytest.raises(DataError, match="its masks hold one class only, 0"):
        load(str(tmp_path / "d"))


def test_many_are_decoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = np.stack(pairs(tmp_path, 6, (0, 1, 255)))
    wanted[wanted == 255] = VOID
    plain = load(str(tmp_path))
    monkeypatch.setattr(store, "WORTH", 3)
    monkeypatch.setattr("wellfit.data.ingest.WORTH", 3)
    first = load(str(tmp_path))
    assert first.fingerprint == plain.fingerprint
    decoded: list[str] = []

    def counted(picture: Picture, *, like: Size | None = None) -> Mask:
        decoded.append(picture.name)
        return read_mask(picture, like=like)

    monkeypatch.setattr(store, "read_mask", counted)
    again = load(str(tmp_path))
    assert not decoded
    for found in (plain, first, again):
        assert np.array_equal(found.y.numpy(), wanted)
        assert torch.equal(found.x, plain.x)
    save(tmp_path / "masks/p2.png", 1 - np.minimum(labels(2, values=(0, 1)), 1))
    os.utime(tmp_path / "masks/p2.png", (1, 1))
    changed = load(str(tmp_path))
    assert decoded
    assert changed.fingerprint != plain.fingerprint
    with caplog.at_level(logging.WARNING):
        for path in Path(os.environ["WELLFIT_CACHE"]).rglob("*.u8"):
            data = bytearray(path.read_bytes())
            data[5] ^= 1
            path.write_bytes(data)
        assert torch.equal(load(str(tmp_path)).y, changed.y)
    assert caplog.text.count("damaged") == 2


def test_memory(tmp_path: Path) -> None:
    side = 300
    for i in range(8):
        pair(tmp_path, f"p{i}", labels(i, (side, side)))
    plain = load(str(tmp_path))
    limit = 2 * 8 * side * side + 2 * 2**20  # the masks, and a MiB of images
    streamed = load(str(tmp_path), memory=limit)
    assert is_streamed(streamed.x)
    assert torch.equal(streamed.x, plain.x)
    assert torch.equal(streamed.y, plain.y)
    assert streamed.fingerprint == plain.fingerprint
    spec = DataSpec(source=str(tmp_path), equalize="histogram")
    equalized, changed = load(spec), load(spec, memory=limit)
    assert is_streamed(changed.x)
    assert torch.equal(equalized.x, changed.x)
    assert equalized.fingerprint == changed.fingerprint != plain.fingerprint
    assert load(str(tmp_path), limit=4, memory=limit).fingerprint == load(str(tmp_path), limit=4).fingerprint
    with pytest.raises(DataError, match=r"its masks need 1 MiB of memory, --memory allows 0 for samples"):
        load(str(tmp_path), memory=2**20)


def test_hostile_files(tmp_path: Path) -> None:
    outside = save(tmp_path / "outside.png", labels(1))
    root = tmp_path / "root"
    pairs(root, 3)
    odd = root / "masks" / "two\nlines \x1b[2J.png"
    odd.write_bytes(b"x")
    with pytest.raises(DataError) as caught:
        load(str(root))
    assert str(caught.value).isprintable()
    assert "two\\nlines" in str(caught.value)
    odd.unlink()
    link = root / "masks" / "p1_mask.png"
    link.symlink_to(outside)
    with pytest.raises(DataError, match=r"p1_mask\.png: a link that leaves the folder"):
        load(str(root), skip_bad=True)
    link.unlink()
    (root / "classes.txt").symlink_to(outside)
    with pytest.raises(DataError, match=r"classes\.txt: a link that leaves the folder"):
        load(str(root))
    (root / "classes.txt").unlink()
    for width, height, rows in ((50_000, 50_000, 1), (20_000, 10_000, 10_000)):
        for kind in ("images", "masks"):
            kept = (root / kind / "p0.png").read_bytes()
            png_of_zeros(root / kind / "p0.png", width, height, rows)
            with pytest.raises(DataError, match=rf"{kind}/p0\.png: its header claims .* pixels"):
                load(str(root), size=(6, 7))
            (root / kind / "p0.png").write_bytes(kept)
    (root / "masks/p0.png").unlink()
    os.mkfifo(root / "masks/p0.png")
    with pytest.raises(DataError, match=r"p0\.png: not a regular file"):
        load(str(root))
