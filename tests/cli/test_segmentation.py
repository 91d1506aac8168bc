"""Pairs of images and masks from the command line: a study, its result and report, predicted masks, wrong inputs."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.calling import call
from wellfit.cli.predict_masks import mask_names
from wellfit.data.mask_picture import mask_png

FAST = ("--quiet", "--set", "epochs=3", "--set", "batch_size=4", "--set", "model={kind: unet, channels: [4, 4]}")


def write_pairs(root: Path, count: int, *, value: int = 1, size: int = 16) -> None:
    """Noise with a bright square, of which the mask holds ``value``."""
    draw = np.random.default_rng(0)
    for i in range(count):
        image = draw.integers(0, 100, (size, size, 3), dtype=np.uint8)
        top, left = draw.integers(0, size - 6, 2)
        image[top : top + 6, left : left + 6] += 120
        mask = np.zeros((size, size), dtype=np.uint8)
        mask[top : top + 6, left : left + 6] = value
        for name, picture in (("images", image), ("masks", mask)):
            (root / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(root / name / f"{i}.png")


def test_a_study_of_masks(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    write_pairs(folder / "squares", 40, value=255)
    (folder / "s.yaml").write_text(
        "data: {source: squares, size: [12, 12]}\noptimizer: {kind: adam, lr: 0.02}\nmonitor: val_iou\n"
        "study: {seeds: 2, metric: val_iou, factors: {flip: {horizontal_flip: {}}}}\n"
    )
    done = call(capsys, "study", "s.yaml", *FAST, "--out", "runs/s", "--certify", "2", "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert (result["data"]["task"], result["metric"]) == ("segmentation", "val_iou")
    for arm in result["arms"]:
        assert all(
            0 <= value <= 1 for name in ("val_iou", "test_iou", "test_accuracy") for value in arm[name]["values"]
        )
    assert {row["metric"] for row in result["contrasts"]} >= {"val_iou", "val_loss", "test_iou"}
    assert result["certificate"]["largest"] == 0
    assert result["certificate"]["largest_loss"] < 1e-6
    report = Path("runs/s/report.html").read_text()
    assert "val_iou" in report
    assert "IoU" in report
    again = call(capsys, "report", "runs/s", "-o", "again.html")
    assert again.code == 0, again.err

    done = call(capsys, "predict", "runs/s", "squares/images", "-o", "masks")
    assert done.code == 0, done.err
    rows = list(csv.DictReader(io.StringIO(Path("masks/predictions.csv").read_text())))
    assert len(rows) == 40
    for row in rows:
        with Image.open(row["mask"]) as picture:
            mask = np.asarray(picture)
        assert mask.shape == (16, 16)  # the image's own size, not the network's
        assert set(mask.flatten().tolist()) <= {0, 255}  # the values of the masks in training
        assert math.isclose(float(row["share_0"]) + float(row["share_255"]), 1, abs_tol=1e-6)
    done = call(capsys, "predict", "runs/s", "squares/images/3.png", "--json")
    (one,) = json.loads(done.out)["predictions"]
    assert one["shares"]["255"] == pytest.approx(float(rows[[row["name"] for row in rows].index("3.png")]["share_255"]))
    text = call(capsys, "predict", "runs/s", "squares/images/3.png").out
    assert next(csv.DictReader(io.StringIO(text)))["name"] == "3.png"
    odd = Path("odd")
    odd.mkdir()
    (odd / "a\nb.png").write_bytes(Path("squares/images/3.png").read_bytes())
    assert call(capsys, "predict", "runs/s", "odd", "-o", "odd-masks").code == 0
    with Image.open(next(Path("odd-masks").glob("*.png"))) as picture:
        assert picture.size == (16, 16)
    whole = call(capsys, "predict", "runs/s", "squares").out  # its masks are no images
    assert [row["name"] for row in csv.DictReader(io.StringIO(whole))] == [f"images/{row['name']}" for row in rows]
    refused = call(capsys, "predict", "runs/s", "squares/images", "-o", "masks")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "new folder" in refused.err
    assert call(capsys, "predict", "runs/s", "squares/images", "--mc", "5").code == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("model={kind: cnn}", "'unet'"),
        ("regularizers={mixup: {}}", "masks"),
        ("regularizers={label_smoothing: {}}", "loss.smoothing"),
        ("regularizers={rand_augment: {}}", "move the masks"),
        ("loss=mse", "cross_entropy"),
        ("monitor=val_accuray", "val_accuracy"),
        ("data.task=regression", "segmentation"),
    ],
)
def test_what_does_not_suit_masks(capsys: pytest.CaptureFixture[str], folder: Path, change: str, words: str) -> None:
    write_pairs(folder / "squares", 12)
    done = call(capsys, "train", "squares", *FAST, "--set", change)
    assert (done.code, done.err.strip().count("\n")) == (2, 0), done.err
    assert words in done.err


def test_iou_is_a_metric_of_masks_alone(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    done = call(capsys, "train", "digits", "--set", "monitor=val_iou", "--quiet")
    assert done.code == 2
    assert "val_iou for classification" in done.err


def test_masks_move_in_the_preview(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    write_pairs(folder / "squares", 12)
    done = call(capsys, "data", "preview", "squares", "-o", "p.png", "--augment", "rotation", "--samples", "3")
    assert done.code == 0, done.err
    with Image.open("p.png") as sheet:
        assert sheet.size[0] > 300


@pytest.mark.parametrize("method", ["mixup", "cutmix", "rand_augment"])
def test_what_does_not_move_masks_is_refused_by_the_preview(
    capsys: pytest.CaptureFixture[str], folder: Path, method: str
) -> None:
    write_pairs(folder / "squares", 12)
    done = call(capsys, "data", "preview", "squares", "-o", "p.png", "--augment", method)
    assert done.code == 2
    assert f"squares: holds masks, which {method} does not move; expected augmentations" in done.line


def test_masks_keep_the_values_of_their_training() -> None:
    mask = np.array([[0, 1], [2, 1]], dtype=np.uint8)

    def back(classes: tuple[str, ...]) -> Image.Image:
        return Image.open(io.BytesIO(mask_png(mask, classes)))

    assert np.array_equal(np.asarray(back(("0", "7", "255"))), [[0, 7], [255, 7]])
    assert np.array_equal(np.asarray(back(("0", "7", "1000"))), [[0, 7], [1000, 7]])
    assert np.array_equal(np.asarray(back(("#000000", "#ff0000", "#00ff80")))[1, 0], [0, 255, 128])
    named = back(("ground", "cell", "edge"))
    assert named.mode == "P"
    assert np.array_equal(np.asarray(named), mask)
    wide = Image.open(io.BytesIO(mask_png(mask, ("0", "1", "2"), size=(4, 6))))
    assert np.array_equal(np.asarray(wide)[0], [0, 0, 0, 1, 1, 1])


def test_masks_of_images_with_one_stem_have_names_of_their_own() -> None:
    assert mask_names(["a.jpg", "a.png", "../b.png", "c/d.tif"]) == ["a.png", "a-2.png", "b.png", "c/d.png"]
