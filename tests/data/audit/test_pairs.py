"""Planted faults in folders of images and masks are found, and a plan that drops them gives pairs that load."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.data.mask_pictures import labels, pair, palette_png, save
from wellfit.data import load
from wellfit.data.audit import Finding, Subject, read_subject
from wellfit.data.audit.duplicates import find_duplicates
from wellfit.data.audit.finding import by_severity
from wellfit.data.audit.imbalance import find_imbalance
from wellfit.data.audit.leaks import find_leaks
from wellfit.data.audit.mask_classes import find_mask_classes
from wellfit.data.audit.pair_faults import find_pair_faults
from wellfit.data.audit.pictures import find_pictures
from wellfit.data.audit.unreadable import find_unreadable
from wellfit.data.clean import apply_plan, propose, read_plan
from wellfit.errors import DataError
from wellfit.recipe import DataSpec

FINDERS = (find_unreadable, find_pair_faults, find_duplicates, find_leaks, find_mask_classes, find_pictures)


def noisy(root: Path, name: str, mask: np.ndarray, seed: int) -> None:
    """A pair whose image is like no other one."""
    pair(root, name, mask)
    save(root / f"images/{name}.png", np.random.default_rng(seed).integers(0, 256, (*mask.shape, 3), dtype=np.uint8))


def sound(root: Path, train: int = 12, test: int = 4) -> None:
    for part, count in (("train", train), ("test", test)):
        for i in range(count):
            noisy(root / part, f"s{i:02d}", labels(i, (16, 16)), 100 * count + i)


def findings(subject: Subject) -> dict[str, Finding]:
    found = by_severity([one for find in FINDERS for one in find(subject)])
    return {one.kind: one for one in found}


def planted(root: Path) -> None:
    sound(root)
    train, test = root / "train", root / "test"
    (train / "masks/s00.png").unlink()
    save(train / "masks/alone.png", labels(0, (16, 16)))
    (train / "images/s01.png").write_bytes((train / "images/s01.png").read_bytes()[:200])
    (train / "masks/s02.png").write_bytes(b"nothing")
    save(train / "masks/s03.png", labels(0, (15, 16)))
    for kind in ("images", "masks"):
        shutil.copy(train / kind / "s04.png", train / kind / "u-same.png")
        shutil.copy(train / kind / "s06.png", test / kind / "u-leak.png")
    shutil.copy(train / "images/s05.png", train / "images/v-torn.png")
    save(train / "masks/v-torn.png", labels(77, (16, 16)))
    save(train / "masks/s07.png", np.full((16, 16), 255, np.uint8))
    save(train / "masks/s08.png", np.zeros((16, 16), np.uint8))
    save(test / "masks/s01.png", labels(1, (16, 16), (0, 9)))
    save(train / "images/s09.png", np.full((16, 16, 3), 5, np.uint8))


def test_planted_faults(tmp_path: Path) -> None:
    planted(tmp_path)
    subject = read_subject(DataSpec(source=str(tmp_path)))
    assert (subject.task, subject.classes, subject.test_is_given) == ("segmentation", ("0", "1", "2"), True)
    found = findings(subject)
    assert set(found["unreadable"].where) == {"train/images/s01.png", "train/masks/s02.png"}
    assert found["missing_partner"].where == ("train/images/s00.png", "train/masks/alone.png")
    assert found["size_mismatch"].where == ("train/masks/s03.png",)
    assert found["size_mismatch"].evidence["reasons"] == ["15 x 16, its image 16 x 16"]
    assert found["unknown_values"].where == ("test/masks/s01.png",)
    assert found["exact_duplicates"].groups == (
        ("train/images/s04.png", "train/images/u-same.png"),
        ("train/images/s05.png", "train/images/v-torn.png"),
    )
    assert found["exact_duplicates"].evidence["classes_disagree"] == [False, True]
    assert "disagree on the mask" in found["exact_duplicates"].words
    assert found["exact_leaks"].groups == (("test/images/u-leak.png", "train/images/s06.png"),)
    assert found["empty_masks"].where == ("train/images/s07.png",)
    assert found["one_class_masks"].where == ("train/images/s08.png",)
    assert found["blank_pictures"].where == ("train/images/s09.png",)
    assert set(found) == {
        *("unreadable", "missing_partner", "size_mismatch", "unknown_values", "exact_duplicates", "exact_leaks"),
        *("empty_masks", "one_class_masks", "blank_pictures"),
    }
    assert find_imbalance(subject) == []


def test_palettes_that_differ(tmp_path: Path) -> None:
    for i in range(4):
        mask = labels(i, (8, 8))
        noisy(tmp_path, f"p{i}", mask, i)
        palette_png(tmp_path / f"masks/p{i}.png", mask, shift=i // 3)
    found = findings(read_subject(DataSpec(source=str(tmp_path))))
    assert found["other_palettes"].where == ("masks/p3.png",)


def test_without_faults_nothing_is_found(tmp_path: Path) -> None:
    sound(tmp_path)
    subject = read_subject(DataSpec(source=str(tmp_path)))
    assert findings(subject) == {}
    dataset = load(str(tmp_path))
    assert np.array_equal(subject.y, dataset.y.numpy())
    assert np.array_equal(subject.x, dataset.x.numpy())
    assert np.array_equal(subject.test, np.arange(12, 16))


def test_a_plan_drops_image_and_mask(tmp_path: Path) -> None:
    root = tmp_path / "root"
    planted(root)
    (root / "classes.txt").write_text("ground\ntree\nroad\n")
    before = sorted((path, path.read_bytes()) for path in root.rglob("*") if path.is_file())
    subject = read_subject(DataSpec(source=str(root)))
    assert subject.classes == ("ground", "tree", "road")
    plan = tmp_path / "plan.yaml"
    plan.write_text(propose(subject, list(findings(subject).values())).to_yaml())
    # what a person decides: the copy with another mask, and the mask of an unknown value
    text = yaml.safe_load(plan.read_text())
    text["actions"].append({"action": "drop", "where": ["test/masks/s01.png", "train/images/v-torn.png"]})
    plan.write_text(yaml.safe_dump(text))
    out = tmp_path / "clean"
    done = apply_plan(str(root), read_plan(plan), out)
    made = load(str(out))
    assert (done.before, done.after) == (18, len(made))
    left = {path.relative_to(out).as_posix() for path in out.rglob("*.png")}
    stems = {"train": ("s04", "s05", "s08", "s10", "s11"), "test": ("s00", "s02", "s03", "u-leak")}
    assert left == {
        f"{part}/{kind}/{stem}.png" for part, names in stems.items() for kind in ("images", "masks") for stem in names
    }
    assert made.classes == ("ground", "tree", "road")
    assert before == sorted((path, path.read_bytes()) for path in root.rglob("*") if path.is_file())
    again = findings(read_subject(DataSpec(source=str(out))))
    assert set(again) == {"one_class_masks"}
    text["actions"] = [{"action": "relabel", "where": ["train/images/s05.png"], "to": "tree"}]
    plan.write_text(yaml.safe_dump(text))
    with pytest.raises(DataError, match="whose mask has no one class; expected drop or deduplicate"):
        apply_plan(str(root), read_plan(plan), tmp_path / "other")
    text["actions"] = [{"action": "drop", "where": ["train/images/nothing.png"]}]
    plan.write_text(yaml.safe_dump(text))
    with pytest.raises(DataError, match=r"has no 'train/images/nothing\.png'"):
        apply_plan(str(root), read_plan(plan), tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_shares_of_pixels_by_hand(tmp_path: Path) -> None:
    whole = []
    for i in range(40):
        mask = np.zeros((10, 10), np.uint8)
        mask[0, : 1 + (i % 2)] = 1
        mask[9, 9] = 255
        if i < 3:
            mask[5, :2] = 2
        whole.append(mask)
        noisy(tmp_path, f"p{i:02d}", mask, i)
    found = findings(read_subject(DataSpec(source=str(tmp_path))))
    values = np.stack(whole)
    judged = values[values != 255]
    wanted = np.bincount(judged) / len(judged)
    uneven = found["pixel_imbalance"]
    assert uneven.where == ("2", "1")
    assert list(uneven.evidence["share"].values()) == pytest.approx(wanted, abs=1e-6)
    assert uneven.evidence["masks"] == {"0": 40, "1": 40, "2": 3}
    assert uneven.severity == "warning"
    assert found["rare_class"].where == ("images/p00.png", "images/p01.png", "images/p02.png")
    assert "in 3 of 40 masks" in found["rare_class"].words


def test_sizes_are_brought_to_the_commonest(tmp_path: Path) -> None:
    for i in range(4):
        noisy(tmp_path, f"p{i}", labels(i, (12, 12)), i)
    wide = labels(9, (24, 12))
    noisy(tmp_path, "z", wide, 9)
    subject = read_subject(DataSpec(source=str(tmp_path)))
    assert subject.sizes["images/z.png"] == (24, 12)
    assert subject.x.shape == (5, 3, 12, 12)
    assert np.array_equal(subject.y[4], np.asarray(Image.fromarray(wide).resize((12, 12), Image.Resampling.NEAREST)))
    assert subject.masks is not None
    assert subject.masks.pixels.sum(axis=1).tolist() == [144] * 4 + [288]
    (absent,) = [one for one in _with_names(tmp_path) if one.kind == "absent_classes"]
    assert absent.where == ("water",)


def _with_names(root: Path) -> list[Finding]:
    (root / "classes.txt").write_text("ground\ntree\nroad\nwater\n")
    return find_mask_classes(read_subject(DataSpec(source=str(root))))


def test_one_class_is_said(tmp_path: Path) -> None:
    for i in range(4):
        noisy(tmp_path, f"p{i}", np.zeros((8, 8), np.uint8), i)
    (found,) = find_mask_classes(read_subject(DataSpec(source=str(tmp_path))))
    assert (found.kind, found.severity) == ("one_class", "error")


def test_said_to_be_classes_the_folders_are_classes(tmp_path: Path) -> None:
    for i in range(4):
        noisy(tmp_path, f"p{i}", labels(i, (8, 8)), i)
    assert read_subject(DataSpec(source=str(tmp_path), task="classification")).classes == ("images", "masks")
    with pytest.raises(DataError, match="no images beside masks"):
        read_subject(DataSpec(source=str(tmp_path / "images"), task="segmentation"))
    table = tmp_path / "t.csv"
    table.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="received segmentation, but"):
        read_subject(DataSpec(source=str(table), task="segmentation"))
