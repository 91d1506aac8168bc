"""The short way for plain JPEG files gives Pillow's pixels, and leaves everything else to Pillow."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.data import pictures
from wellfit.data import decode as decoding
from wellfit.data.decode import decode
from wellfit.data.jpeg import Plain, decoder, plain_bytes, read_header
from wellfit.data.picture import Picture
from wellfit.errors import DataError


def encoded(channels: int = 3, size: tuple[int, int] = (37, 51), seed: int = 0, **options: Any) -> bytes:
    rng = np.random.default_rng(seed)
    smooth = np.add.outer(np.arange(size[0]) * 3, np.arange(size[1]) * 2)[..., None] + np.array([0, 60, 120])
    pixels = (smooth + rng.integers(0, 40, (*size, 3))).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels if channels == 3 else pixels[..., 0]).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "options",
    [
        {"quality": 5},
        {"quality": 75, "subsampling": 0},
        {"quality": 75, "subsampling": 1},
        {"quality": 90, "subsampling": 2},
        {"quality": 100, "progressive": True},
        {"optimize": True, "comment": b"a comment"},
        {"restart_marker_rows": 1},
    ],
)
@pytest.mark.parametrize("size", [(1, 1), (8, 8), (37, 51), (64, 33)])
def test_pixels_are_those_of_pillow(channels: int, options: dict[str, Any], size: tuple[int, int]) -> None:
    fast = decoder()
    assert fast is not None
    data = encoded(channels, size, **options)
    header = read_header(data)
    assert header == Plain(size, channels)
    found = fast(bytearray(data), header)
    assert found is not None
    reference = np.asarray(Image.open(io.BytesIO(data)))
    assert np.array_equal(found, reference[None] if channels == 1 else reference.transpose(2, 0, 1))


def test_what_is_not_plain_is_left_to_pillow() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.new("CMYK", (9, 9)).save(file, "JPEG")
    plain = encoded()
    frame = plain.index(b"\xff\xc0")
    twelve = plain[: frame + 4] + b"\x0c" + plain[frame + 5 :]
    bomb = plain[: frame + 5] + b"\xff\xff\xff\xff" + plain[frame + 9 :]
    for data in (encoded(exif=exif), file.getvalue(), twelve, bomb, b"", b"\xff\xd8\xff", plain[: frame + 6], b"PNG"):
        assert read_header(data) is None


def test_truncated_data_is_no_image() -> None:
    data = encoded()
    header, fast = read_header(data), decoder()
    assert header is not None
    assert fast is not None
    assert fast(bytearray(data[: len(data) // 2]), header) is None


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"abc")
    assert plain_bytes(tmp_path / "a.jpg") == bytearray(b"abc")
    (tmp_path / "a.png").write_bytes(b"abc")
    (tmp_path / "d.jpg").mkdir()
    for name in ("a.png", "d.jpg", "absent.jpg"):
        assert plain_bytes(tmp_path / name) is None


def test_both_ways_decode_a_mixed_folder_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [tmp_path / f"{i}.jpg" for i in range(8)]
    for i, file in enumerate(files):
        file.write_bytes(encoded(1 if i < 3 else 3, seed=i))  # grey first: a color one widens all
    turned = Image.Exif()
    turned[0x0112] = 3
    files[4].write_bytes(encoded(exif=turned))
    files.append(pictures.save(tmp_path / "9.png", pictures.color(3, (37, 51))))
    all_pictures = [Picture(file.name, file) for file in files]
    slow = decode(all_pictures, where="here")
    monkeypatch.setattr(decoding, "SHORT_WAY", 1)
    fast = decode(all_pictures, where="here")
    assert fast.x.shape == (9, 3, 37, 51)
    assert (fast.x == slow.x).all()
    grey = decode(all_pictures, where="here", like=(1, 37, 51))
    monkeypatch.setattr(decoding, "SHORT_WAY", 10**9)
    assert (grey.x == decode(all_pictures, where="here", like=(1, 37, 51)).x).all()


def test_errors_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "SHORT_WAY", 1)
    good = Picture("good.jpg", encoded())
    with pytest.raises(DataError, match=r"^torn\.jpg: a damaged image"):
        decode([good, Picture("torn.jpg", encoded()[:-200])], where="here")
    with pytest.raises(DataError, match=r"^odd\.jpg: an image of 5 x 6, where good\.jpg has 37 x 51"):
        decode([good, Picture("odd.jpg", encoded(size=(5, 6)))], where="here")
    assert decode([good, Picture("torn.jpg", encoded()[:-200])], where="here", skip_bad=True).kept == (0,)
