"""``wellfit data preview``: the sheet shows what training is fed, and says what it shows."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image

from tests.cli.calling import call, write_images, write_table
from tests.support import member, tiny_images, tiny_sequences, tiny_vectors
from wellfit.cli.augmentations import AUGMENTATIONS, describe, parse_augmentations
from wellfit.data import Dataset, Scaler, Split, epoch_order, load
from wellfit.errors import DataError, RecipeError
from wellfit.recipe import DataSpec
from wellfit.regularize.batch.horizontal_flip import HorizontalFlip
from wellfit.regularize.batch.mixup import Mixup
from wellfit.regularize.batch.rotation import Rotation
from wellfit.regularize.batch.time_masking import TimeMasking
from wellfit.report.contact_sheet import Row, contact_sheet
from wellfit.report.tile import CURVE, LARGEST, SIDE, picture, sequence
from wellfit.study.preview import Preview, make_preview
from wellfit.train.feed import Feed
from wellfit.train.replicate import Replicate, make_replicate

Pixels = NDArray[np.uint8]

STUDY = """
data: {source: digits, limit: 300}
study:
  factors:
    turn: {rotation: {degrees: 20}}
    noise: {gaussian_noise: {std: 0.2}, dropout: {}}
  arms: {mirror: {regularizers: {horizontal_flip: {}}}}
"""


def replicate(dataset: Dataset, seed: int = 0, **fields: Any) -> Replicate:
    return make_replicate(dataset, DataSpec(source="tiny", **fields), seed)


def preview_of(dataset: Dataset, **methods: Any) -> Preview:
    return make_preview(replicate(dataset), methods, samples=6, variants=2)


def find(sheet: Pixels, tile: Pixels) -> list[tuple[int, int]]:
    """Where a tile stands on a sheet: (left, top) of each place."""
    height, width = tile.shape[:2]
    ground = (sheet == 255).all(-1)
    corner = (sheet[1 : -height + 1, 1 : -width + 1] == tile[0, 0]).all(-1)
    corner &= ground[1 : -height + 1, :-width] & ground[:-height, 1 : -width + 1]  # left of it, and above
    places = [(x + 1, y + 1) for y, x in np.argwhere(corner).tolist()]
    return [(x, y) for x, y in places if np.array_equal(sheet[y : y + height, x : x + width], tile)]


@pytest.mark.parametrize("dataset", [tiny_images(channels=3), tiny_sequences()], ids=["images", "sequences"])
@pytest.mark.parametrize("epoch", [1, 2])
def test_a_variant_is_what_training_is_fed(dataset: Dataset, epoch: int) -> None:
    """A feed whose whole train split is the shown samples, in the order of an epoch, gives the same values."""
    methods: dict[str, Any] = {"gaussian_noise": {"std": 0.3}, "rotation": {"degrees": 40.0}}
    methods = methods if dataset.kind == "image" else {"gaussian_noise": {"std": 0.3}, "time_shift": {"fraction": 0.5}}
    one = member(seed=5, regularizers=methods, batch_size=6)
    whole = replicate(dataset, seed=5)
    made = make_preview(whole, one.methods, samples=6, variants=2)  # type: ignore[arg-type]
    train = torch.empty(6, dtype=torch.int64)
    train[epoch_order(6, seed=5, epoch=epoch)] = torch.tensor(made.rows)
    small = replace(whole, split=Split(train, whole.split.validation, whole.split.test))
    (batch,) = Feed([one], {5: small}, batch_size=6, device=torch.device("cpu")).epoch(epoch)
    assert isinstance(whole.scaler, Scaler)
    fed = whole.scaler.invert(batch.x[0]) if dataset.kind == "image" else batch.x[0]
    shown = torch.from_numpy(made.variants[epoch - 1])
    if dataset.kind == "image":
        assert torch.equal(shown, fed.clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1))
    else:
        assert torch.equal(shown, fed)
    assert not np.array_equal(made.variants[0], made.variants[1])
    assert not np.array_equal(made.variants[epoch - 1], made.samples)


def test_originals_are_the_samples_themselves() -> None:
    every_level = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(30, -1, -1, -1).contiguous()
    every_level[::2] = every_level[::2].flip(3)
    dataset = replace(tiny_images(30), x=every_level)
    made = preview_of(dataset, rotation=Rotation())
    assert np.array_equal(made.samples[..., 0], dataset.x[list(made.rows), 0].numpy())
    waves = tiny_sequences()
    found = preview_of(waves, time_masking=TimeMasking())
    scaler = replicate(waves).scaler
    np.testing.assert_array_equal(found.samples, scaler.apply(waves.x[list(found.rows)]).numpy())


@pytest.mark.parametrize(("count", "each"), [(3, [1, 1, 1]), (2, [1, 1]), (8, [2, 3, 3]), (500, [36, 36, 36])])
def test_samples_are_drawn_over_the_classes_of_the_train_split(count: int, each: list[int]) -> None:
    dataset = tiny_images()
    whole = replicate(dataset, seed=2)
    made = make_preview(whole, {"rotation": Rotation()}, samples=count, variants=1)
    assert sorted(Counter(dataset.y[list(made.rows)].tolist()).values()) == each
    assert set(made.rows) <= set(whole.split.train.tolist())
    assert len(set(made.rows)) == len(made.rows)
    assert list(made.labels) == sorted(made.labels)
    assert made.labels == tuple(dataset.classes[i] for i in dataset.y[list(made.rows)])
    if count < 100:
        other = make_preview(replicate(dataset, seed=3), {"rotation": Rotation()}, samples=count, variants=1)
        assert other.rows != made.rows


def test_methods_that_are_off_change_nothing() -> None:
    made = preview_of(tiny_images(), rotation=Rotation(degrees=0), mixup=Mixup(alpha=0))
    assert np.array_equal(made.variants[0], made.samples)
    assert made.targets[0] == ((),) * 6


def test_mixed_targets_are_in_words() -> None:
    dataset = tiny_images()
    whole = replicate(dataset)
    made = make_preview(whole, {"mixup": Mixup(alpha=50)}, samples=6, variants=1)
    one_hot = F.one_hot(dataset.y[list(made.rows)], 3).float()
    shares = torch.zeros(6, 3)
    for index, lines in enumerate(made.targets[0]):
        for line in lines:
            share, _, name = line.partition("% ") if "%" in line else ("100", "", line)
            shares[index, dataset.classes.index(name)] = float(share) / 100
    assert shares.sum(1).tolist() == pytest.approx([1.0] * 6, abs=0.011)
    assert float((shares.max(1).values < 0.9).float().mean()) > 0.3
    # each target is the one blend of its own and one other sample's
    own = (shares * one_hot).sum(1)
    assert len({round(value, 2) for value in own.tolist()} - {1.0}) == 1


def test_regression_is_labelled_by_its_numbers() -> None:
    draw = torch.Generator().manual_seed(0)
    dataset = replace(tiny_vectors(), x=torch.randn(150, 5, 2, generator=draw), kind="sequence")
    made = preview_of(dataset, mixup=Mixup(alpha=1.0))
    a, b = dataset.y[made.rows[0]].tolist()
    assert made.labels[0] == f"a {a:.4g}, b {b:.4g}"
    assert made.targets[0][0][0].startswith("a ")


def test_vectors_have_no_picture() -> None:
    with pytest.raises(DataError, match="holds vectors, which have no picture; expected images or sequences"):
        preview_of(tiny_vectors())
    with pytest.raises(DataError, match="tiny: holds sequences, which rotation does not change; expected images"):
        preview_of(tiny_sequences(), rotation=Rotation())


def test_small_pictures_are_enlarged_pixel_by_pixel_and_large_ones_reduced() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (28, 20, 3), dtype=np.uint8)
    tile = np.asarray(picture(pixels))
    assert tile.shape == (SIDE, 80, 3)
    assert np.array_equal(tile, pixels.repeat(4, 0).repeat(4, 1))
    grey = np.asarray(picture(pixels[:, :, :1]))
    assert np.array_equal(grey[::4, ::4], pixels[:, :, :1].repeat(3, 2))
    assert picture(np.zeros((1000, 500, 1), dtype=np.uint8)).size == (LARGEST // 2, LARGEST)


def test_curves_and_heat_maps() -> None:
    wave = np.sin(np.arange(50, dtype=np.float32) / 5)[:, None]
    tile = np.asarray(sequence(wave, low=-1, high=1)).astype(int)
    assert tile.shape[:2] == CURVE[::-1]
    blue = (tile[:, :, 2] - tile[:, :, 0]) > 80
    heights = [np.flatnonzero(blue[:, x]).mean() + 0.5 for x in range(8, CURVE[0] - 8)]
    expected = np.interp(np.arange(8, CURVE[0] - 8) + 0.5, np.linspace(5, CURVE[0] - 5, 50), wave[:, 0])
    np.testing.assert_allclose(heights, CURVE[1] / 2 - expected * (CURVE[1] / 2 - 5), atol=1.5)
    many = np.zeros((16, 7), dtype=np.float32)
    many[:8, 0], many[8:, 6] = 2, -2
    heat = np.asarray(sequence(many, low=-2, high=2)).astype(int)
    assert heat[100, 20].tolist() == [213, 94, 0]  # the first channel is at the bottom, early
    assert heat[6, 150].tolist() == [0, 114, 178]
    assert heat[50, 80].tolist() == [255, 255, 255]
    for odd in (np.zeros((1, 2)), np.zeros((4, 1)), np.full((1, 8), 3.0)):
        assert sequence(odd.astype(np.float32), low=0, high=0).size == CURVE


def test_nothing_is_cut_off() -> None:
    """Whatever the texts, a band of the ground's color goes around the sheet."""
    tile = Image.new("RGB", (112, 112), "black")
    long = "a very long class name without end " * 3
    rows = [Row(name, [tile] * 3, [(), ("62% " + long, "38% b"), ("c",)]) for name in ("é ж", long)]
    lines = ["gaussian_noise: std 0.1 " * 9, "x" * 300]
    sheet = np.asarray(contact_sheet(rows, columns=["original", "variant 1", long], title=long, lines=lines))
    assert sheet.shape[1] < 700
    for edge in (sheet[:20], sheet[-20:], sheet[:, :20], sheet[:, -20:]):
        assert (edge == 255).all()
    assert len(find(sheet, np.asarray(tile))) == 6


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["rotation=15"], {"rotation": {"degrees": 15.0}}),
        (["rotation"], {"rotation": {"degrees": 10.0}}),
        (["gaussian_noise=0.2,rotation=15"], {"rotation": {"degrees": 15}, "gaussian_noise": {"std": 0.2}}),
        (["gaussian_noise=1e-2", "rotation"], {"rotation": {"degrees": 10}, "gaussian_noise": {"std": 0.01}}),
        (["time_masking:fraction=0.2,count=3"], {"time_masking": {"fraction": 0.2, "count": 3}}),
        (["time_masking=0.2, count=3 ,rotation"], {"rotation": {}, "time_masking": {"fraction": 0.2, "count": 3}}),
        (["time_masking:count=2,time_shift=0.5"], {"time_shift": {"fraction": 0.5}, "time_masking": {"count": 2}}),
    ],
)
def test_how_augmentations_are_written(texts: list[str], expected: dict[str, dict[str, Any]]) -> None:
    found = parse_augmentations(texts)
    assert list(found) == list(expected)  # in the order of training
    for name, fields in expected.items():
        assert fields.items() <= found[name].model_dump().items()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rotatoin=15", "unknown augmentation 'rotatoin'; expected 'rotation' (nearest)"),
        ("time_masking:cuont=2", "time_masking.cuont: unknown key; expected 'count' (nearest)"),
        ("time_masking=0.2,cuont=2", "unknown augmentation 'cuont'; expected 'count' (nearest)"),
        ("dropout=0.5", "dropout acts on hidden activations, not on the batch"),
        ("l2", "l2 acts on the loss, not on the batch"),
        ("max_norm", "max_norm acts on the weights, not on the batch"),
        ("rotation=200", "rotation.degrees: received 200; expected at most 180"),
        ("rotation=much", "rotation.degrees: received 'much'; expected a number"),
        ("rotation=", "received 'rotation='; expected NAME, NAME=NUMBER or NAME:FIELD=VALUE"),
        ("", "received ''; expected NAME"),
        ("rotation,,", "received ''; expected NAME"),
        ("rotation,rotation=3", "rotation stands twice"),
        ("time_masking:count=2,count=3", "count stands twice"),
        ("rotation:15", "received 'rotation:15'; expected rotation:FIELD=VALUE"),
        ("rotation=[1", "received 'rotation=[1'; expected a value such as"),
    ],
)
def test_what_is_wrong_with_an_augmentation(text: str, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_augmentations([text])
    assert said in str(caught.value)
    assert str(caught.value).startswith("--augment")
    assert len(str(caught.value).splitlines()) == 1


def test_every_augmentation_can_be_named_and_described() -> None:
    for name, method in parse_augmentations(AUGMENTATIONS).items():
        text = describe(method)
        assert all(field in text for field in method.model_dump()), name
        assert text.isprintable()


def test_a_sheet_of_digits(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["data", "preview", "digits", "--augment", "rotation=15,gaussian_noise=0.1", "-o", "deep/sheet.png"]
    done = call(capsys, *arguments, "--samples", "3", "--variants", "2", "--json")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == {
        "path": "deep/sheet.png",
        "samples": 3,
        "variants": 2,
        "augmentations": {"rotation": {"degrees": 15.0}, "gaussian_noise": {"std": 0.1}},
    }
    with Image.open("deep/sheet.png") as image:
        sheet = np.asarray(image)
    made = make_preview(
        make_replicate(load("digits"), DataSpec(source="digits"), 0),
        parse_augmentations(["rotation=15", "gaussian_noise=0.1"]),
        samples=3,
        variants=2,
    )
    columns = []
    for array in (made.samples, *made.variants):
        places = [find(sheet, np.asarray(picture(pixels))) for pixels in array]
        assert [len(found) for found in places] == [1, 1, 1]
        columns.append([found[0] for found in places])
    lefts = [column[0][0] for column in columns]
    assert lefts == sorted(set(lefts))
    assert all(left == lefts[i] for i, column in enumerate(columns) for left, _ in column)
    assert [top for _, top in columns[0]] == [top for _, top in columns[2]]
    before = Path("deep/sheet.png").read_bytes()
    said = call(capsys, *arguments, "--samples", "3", "--variants", "2")
    assert (said.code, said.out, said.line) == (0, "", "3 samples x 2 variants: deep/sheet.png")
    assert Path("deep/sheet.png").read_bytes() == before
    assert call(capsys, *arguments, "--samples", "3", "--variants", "2", "--seed", "1").code == 0
    assert Path("deep/sheet.png").read_bytes() != before


@pytest.mark.parametrize(
    ("extra", "applied"),
    [
        ([], {"rotation": 20.0, "gaussian_noise": 0.2}),
        (["--arm", "turn"], {"rotation": 20.0}),
        (["--arm", "mirror", "--augment", "rotation=5"], {"horizontal_flip": 0.5, "rotation": 5.0}),
        (["--augment", "rotation=5"], {"rotation": 5.0, "gaussian_noise": 0.2}),
        (["--set", "study.factors.turn.rotation.degrees=7"], {"rotation": 7.0, "gaussian_noise": 0.2}),
    ],
)
def test_the_augmentations_of_a_study(
    capsys: pytest.CaptureFixture[str], folder: Path, extra: list[str], applied: dict[str, float]
) -> None:
    (folder / "s.yaml").write_text(STUDY)
    done = call(capsys, "data", "preview", "--recipe", "s.yaml", "-o", "s.png", "--json", *extra)
    assert done.code == 0, done.err
    found = json.loads(done.out)["augmentations"]
    assert {name: next(iter(fields.values())) for name, fields in found.items()} == applied
    assert list(found) == list(applied)


def test_data_beside_a_recipe_and_a_folder_of_images(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "s.yaml").write_text(STUDY)
    write_images(folder / "photos", {"cat": 5, "dog": 5}, size=16)
    done = call(capsys, "data", "preview", "photos", "--recipe", "s.yaml", "-o", "s.png", "--json")
    assert json.loads(done.out)["samples"] == 6  # 5 + 5 less validation and test
    (folder / "photos" / "cat" / "0.png").write_bytes(b"no image")
    refused = call(capsys, "data", "preview", "photos", "--augment", "rotation", "-o", "t.png")
    assert refused.code == 2
    assert "cat/0.png" in refused.line
    assert not Path("t.png").exists()
    done = call(capsys, "data", "preview", "photos", "--augment", "rotation", "-o", "t.png", "--skip-bad")
    assert done.code == 0


def test_a_sheet_of_sequences(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    waves = tiny_sequences(30, length=40, channels=1)
    np.savez(folder / "waves.npz", x=waves.x.numpy(), y=waves.y.numpy())
    done = call(capsys, "data", "preview", "waves.npz", "--augment", "time_masking=0.5", "-o", "s.png", "--json")
    assert done.code == 0, done.err
    with Image.open("s.png") as image:
        assert image.width > 6 * CURVE[0]
    np.savez(folder / "flat.npz", x=waves.x.numpy()[:, :, 0], y=waves.y.numpy())
    arguments = ["data", "preview", "flat.npz", "--augment", "time_masking=0.5", "-o", "f.png"]
    assert "holds vectors, which have no picture" in call(capsys, *arguments).line
    assert call(capsys, *arguments, "--set", "data.kind=sequence").code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["digits", "--augment", "rotation", "-o", "s.jpg"], "-o: received 's.jpg'; expected a path that ends in .png"),
        (["digits", "--augment", "rotation", "-o", "folder.png"], "-o: 'folder.png' is a folder"),
        (["digits", "--augment", "rotation", "-o", "t.csv/s.png"], "t.csv' is a file, not a folder"),
        (["digits", "-o", "s.png"], "--augment: no augmentation; expected --augment NAME"),
        (["--augment", "rotation", "-o", "s.png"], "DATA: missing; expected a data set, or --recipe FILE"),
        (["nowhere", "--augment", "rotation", "-o", "s.png"], "nowhere: no such data set or path"),
        (["digits", "--augment", "time_shift", "-o", "s.png"], "digits: holds images, which time_shift"),
        (["t.csv", "--set", "data.target=kind", "--augment", "gaussian_noise", "-o", "s.png"], "holds vectors"),
        (["digits", "--augment", "dropout", "-o", "s.png"], "dropout acts on hidden activations, not on the batch"),
        (["--recipe", "none.yaml", "-o", "s.png"], "none.yaml: no such file"),
        (
            ["--recipe", "s.yaml", "--arm", "trun", "-o", "s.png"],
            "--arm: unknown arm 'trun'; expected 'turn' (nearest)",
        ),
        (["--recipe", "s.yaml", "--arm", "plain", "-o", "s.png"], "s.yaml, arm plain: no augmentation"),
        (["digits", "--augment", "rotation", "-o", "s.png", "--samples", "0"], "--samples"),
    ],
)
def test_bad_input(capsys: pytest.CaptureFixture[str], folder: Path, arguments: list[str], said: str) -> None:
    (folder / "s.yaml").write_text(STUDY)
    (folder / "folder.png").mkdir()
    write_table(folder / "t.csv")
    (folder / "s.png").write_bytes(b"kept")
    done = call(capsys, "data", "preview", *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.line
    assert (folder / "s.png").read_bytes() == b"kept"


def test_mirrored_digits_by_an_oracle(capsys: pytest.CaptureFixture[str]) -> None:
    """With certainty each variant is the original, mirrored by NumPy."""
    whole = make_replicate(load("digits"), DataSpec(source="digits"), 0)
    made = make_preview(whole, {"horizontal_flip": HorizontalFlip(probability=1)}, samples=4, variants=1)
    assert np.array_equal(made.variants[0], made.samples[:, :, ::-1])
