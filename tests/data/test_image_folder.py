import os
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data.pictures import color, folder, grey, save
from wellfit.data.image_folder import load_image_folder
from wellfit.errors import DataError


def refused(root: Path, *, size: tuple[int, int] | None = None, skip_bad: bool = False) -> str:
    with pytest.raises(DataError) as caught:
        load_image_folder(root, size=size, skip_bad=skip_bad)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.isprintable()
    return message


def test_classes_and_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    root = folder(tmp_path / "pets", ("dog", "cat"))
    save(root / "cat" / ".hidden.png", grey(9))
    (root / "cat" / "Thumbs.db").write_bytes(b"litter")
    (root / "README.txt").write_text("beside the classes")
    data = load_image_folder(root)
    assert (data.classes, data.kind, data.task, data.name) == (("cat", "dog"), "image", "classification", "pets")
    assert data.y.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.given_test is None
    assert data.skipped == ()
    assert data.x.dtype == torch.uint8
    expected = [grey(100 + i) for i in range(3)] + [grey(i) for i in range(3)]
    np.testing.assert_array_equal(data.x.numpy()[:, 0], np.stack(expected))


def test_train_and_test_folders_are_the_given_split(tmp_path: Path) -> None:
    folder(tmp_path / "train", each=3)
    save(tmp_path / "test" / "dog" / "a.png", grey(7))
    data = load_image_folder(tmp_path)
    assert data.given_test is not None
    assert data.given_test.tolist() == [6]
    assert data.y[6] == 1
    np.testing.assert_array_equal(data.x[6, 0].numpy(), grey(7))


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    assert load_image_folder(folder(tmp_path, ("bus", "train"))).classes == ("bus", "train")


def test_one_color_image_makes_all_rgb(tmp_path: Path) -> None:
    folder(tmp_path)
    save(tmp_path / "dog" / "9.png", color(3))
    data = load_image_folder(tmp_path)
    assert data.shape == (3, 4, 5)
    np.testing.assert_array_equal(data.x[0].numpy(), np.stack([grey(0)] * 3))
    np.testing.assert_array_equal(data.x[-1].numpy(), color(3).transpose(2, 0, 1))


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp", "tif", "tiff", "gif"])
def test_lossless_formats_give_their_pixels(tmp_path: Path, suffix: str) -> None:
    folder(tmp_path)
    pixels = color(3)
    path = tmp_path / "dog" / f"9.{suffix}"
    image = Image.fromarray(pixels)
    if suffix == "gif":
        image.quantize(20).save(path)
    elif suffix == "webp":
        image.save(path, lossless=True)
    else:
        image.save(path)
    found = load_image_folder(tmp_path).x[-1].numpy().transpose(1, 2, 0)
    np.testing.assert_array_equal(found, pixels)


def test_jpeg_is_decoded_as_pillow_does(tmp_path: Path) -> None:
    folder(tmp_path)
    for suffix in ("jpg", "jpeg"):
        Image.fromarray(color(3)).save(tmp_path / "dog" / f"9.{suffix}")
    with Image.open(tmp_path / "dog" / "9.jpg") as image:
        oracle = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(load_image_folder(tmp_path).x[-1].numpy().transpose(1, 2, 0), oracle)


def test_16_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    folder(tmp_path)
    values = np.linspace(0, 65535, 20).reshape(4, 5).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "dog" / "9.png")
    data = load_image_folder(tmp_path)
    assert data.shape[0] == 1
    np.testing.assert_array_equal(data.x[-1, 0].numpy(), np.rint(values / 257).astype(np.uint8))


def test_palette_bilevel_and_alpha_are_converted(tmp_path: Path) -> None:
    root = folder(tmp_path)
    bits = Image.fromarray(grey(0) % 2 * 255).convert("1")
    bits.save(root / "cat" / "bits.png")
    assert load_image_folder(root).shape[0] == 1
    palette = Image.fromarray(color(3)).quantize(20)
    palette.save(root / "dog" / "8.png", transparency=bytes(range(20)))
    with_alpha = Image.fromarray(np.dstack([color(5), grey(1)]))
    with_alpha.save(root / "dog" / "9.png")
    found = load_image_folder(root).x
    np.testing.assert_array_equal(found[-2].numpy(), color(3).transpose(2, 0, 1))
    np.testing.assert_array_equal(found[-1].numpy(), color(5).transpose(2, 0, 1))
    np.testing.assert_array_equal(found[3].numpy(), np.stack([grey(0) % 2 * 255] * 3))


def test_the_exif_orientation_is_applied(tmp_path: Path) -> None:
    image = Image.fromarray(grey(0, (6, 4)))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        image.save(tmp_path / name / "0.jpg", exif=exif, quality=100)
        image.rotate(-90, expand=True).save(tmp_path / name / "1.jpg", quality=100)
    data = load_image_folder(tmp_path)
    assert data.shape == (1, 4, 6)
    assert int((data.x[0].int() - data.x[1].int()).abs().max()) <= 2  # JPEG rounds


def test_different_sizes_are_named_and_can_be_resized(tmp_path: Path) -> None:
    root = folder(tmp_path)
    save(root / "dog" / "7.png", grey(0, (8, 8)))
    message = refused(root)
    for part in ("7.png", "8 x 8", f"{root}/cat/0.png", "4 x 5", "data.size"):
        assert part in message
    data = load_image_folder(root, size=(3, 2))
    assert data.shape == (1, 3, 2)
    oracle = np.asarray(Image.fromarray(grey(0, (8, 8))).resize((2, 3), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(data.x[-1, 0].numpy(), oracle)


def damage(root: Path) -> list[Path]:
    good = (root / "dog" / "0.png").read_bytes()
    wide = tmp_noise((64, 64))
    bad = [root / "cat" / "5_truncated.png", root / "dog" / "5_text.png", root / "dog" / "6_empty.png"]
    bad[0].write_bytes(good[:-30])
    bad[1].write_text("no image at all")
    bad[2].write_bytes(b"")
    Image.fromarray(wide).save(root / "dog" / "7_cut.jpg")
    cut = (root / "dog" / "7_cut.jpg").read_bytes()
    (root / "dog" / "7_cut.jpg").write_bytes(cut[: len(cut) // 2])
    return [*bad, root / "dog" / "7_cut.jpg"]


def tmp_noise(size: tuple[int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)


def test_the_first_damaged_image_by_name_is_named(tmp_path: Path) -> None:
    root = folder(tmp_path)
    bad = damage(root)
    message = refused(root)
    assert message.startswith(str(bad[0]))
    assert "data.skip_bad" in message


def test_skip_bad_leaves_out_and_lists(tmp_path: Path) -> None:
    root = folder(tmp_path)
    bad = damage(root)
    data = load_image_folder(root, size=(4, 5), skip_bad=True)
    assert [message.split(": ")[0] for message in data.skipped] == [str(path) for path in bad]
    assert data.y.tolist() == [0, 0, 0, 1, 1, 1]
    np.testing.assert_array_equal(data.x[3, 0].numpy(), grey(100))


def test_skip_bad_in_the_given_test_moves_its_indices(tmp_path: Path) -> None:
    folder(tmp_path / "train")
    folder(tmp_path / "test", each=2)
    (tmp_path / "train" / "cat" / "1.png").write_bytes(b"")
    (tmp_path / "test" / "cat" / "0.png").write_bytes(b"")
    data = load_image_folder(tmp_path, skip_bad=True)
    assert data.given_test is not None
    assert data.given_test.tolist() == [5, 6, 7]
    assert data.y.tolist() == [0, 0, 1, 1, 1, 0, 1, 1]


def test_an_absurd_header_is_refused_without_decoding(tmp_path: Path) -> None:
    root = folder(tmp_path)
    png = bytearray((root / "cat" / "0.png").read_bytes())
    png[16:24] = (60_000).to_bytes(4, "big") * 2
    crc = zlib.crc32(bytes(png[12:29]))
    png[29:33] = crc.to_bytes(4, "big")
    (root / "cat" / "0.png").write_bytes(bytes(png))
    assert "too many pixels" in refused(root)


def test_more_than_memory_is_refused(tmp_path: Path) -> None:
    message = refused(folder(tmp_path), size=(3_000_000, 3_000_000))
    assert "GiB" in message
    assert "data.size" in message


def test_folders_at_fault(tmp_path: Path) -> None:
    assert "no such folder" in refused(tmp_path / "missing")
    assert "holds no class folders" in refused(tmp_path)
    folder(tmp_path / "one", ("cat",))
    assert "one class only, 'cat'" in refused(tmp_path / "one")
    folder(tmp_path / "hollow")
    (tmp_path / "hollow" / "empty").mkdir()
    assert "empty: an empty class folder" in refused(tmp_path / "hollow")
    folder(tmp_path / "nested")
    (tmp_path / "nested" / "cat" / "deeper").mkdir()
    assert "a folder inside a class folder" in refused(tmp_path / "nested")
    folder(tmp_path / "more" / "train")
    folder(tmp_path / "more" / "test", ("cat", "yak"))
    assert "the class 'yak' is not in train" in refused(tmp_path / "more")
    folder(tmp_path / "three" / "train")
    folder(tmp_path / "three" / "test")
    folder(tmp_path / "three" / "val")
    assert "the folder 'val' stands beside" in refused(tmp_path / "three")
    folder(tmp_path / "untested" / "train")
    assert "no class folders in 'test'" in refused(tmp_path / "untested")


def test_all_files_bad(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(b"x")
    assert "none of its 2 files is an image" in refused(tmp_path, skip_bad=True)


def test_links_must_stay_inside(tmp_path: Path) -> None:
    outside = save(tmp_path / "outside" / "secret.png", grey(1))
    root = folder(tmp_path / "root")
    (root / "cat" / "inside.png").symlink_to(root / "cat" / "0.png")
    assert len(load_image_folder(root)) == 7
    link = root / "cat" / "z.png"
    link.symlink_to(outside)
    assert f"{link}: a link that leaves the folder" in refused(root, skip_bad=True)
    link.unlink()
    (root / "yak").symlink_to(outside.parent, target_is_directory=True)
    assert f"{root / 'yak'}: a link that leaves the folder" in refused(root)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_named_pipe_does_not_block(tmp_path: Path) -> None:
    root = folder(tmp_path)
    os.mkfifo(root / "cat" / "pipe.png")
    assert "pipe.png: not a regular file" in refused(root)


@pytest.mark.parametrize(
    "name", ["new\nline", "\u00fcml\u00e4ut \u732b", "bell\x07\x1b[2J", "line\u2028sep", "\udcff raw"]
)
def test_hostile_names_give_one_printable_line(tmp_path: Path, name: str) -> None:
    root = folder(tmp_path, ("cat", name))
    (root / name / "x.png").write_bytes(b"no image")
    message = refused(root)
    assert "x.png" in message
    message.encode("utf-8")
    (root / name / "x.png").unlink()
    assert all(text.isprintable() for text in load_image_folder(root).classes)


def test_many_images_keep_their_order(tmp_path: Path) -> None:
    for name, start in (("a", 0), ("b", 100)):
        for i in range(300):
            save(tmp_path / name / f"{i:03}.png", grey(start + i, (2, 2)))
    data = load_image_folder(tmp_path)
    assert data.x[:, 0, 0, 0].tolist() == [i % 256 for i in range(300)] + [(100 + i) % 256 for i in range(300)]
