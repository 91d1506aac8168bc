from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from tests.data.pictures import save
from wellfit.data import load, read_inputs
from wellfit.data.equalize import equalize, equalize_adaptive, equalize_histogram
from wellfit.errors import DataError
from wellfit.recipe import DataSpec

Planes = npt.NDArray[np.uint8]
SIZES = [(28, 28), (32, 32), (17, 33), (33, 64), (64, 33), (8, 8)]


def planes(height: int, width: int, n: int = 6) -> Planes:
    """Dark images of low contrast, one of them of one value, one with all values."""
    draw = np.random.default_rng(height * width)
    found = np.clip(draw.normal(60, 15, (n, height, width)), 0, 255).astype(np.uint8)
    found[0] = 7
    found[1] = draw.integers(0, 256, (height, width))
    return found


def by_ranks(image: Planes) -> Planes:
    """Each pixel's fraction of pixels that are not above it, counted one by one."""
    flat = image.reshape(-1)
    shares = np.array([(flat <= value).mean() for value in flat])
    found: Planes = np.rint(255 * shares).astype(np.uint8).reshape(image.shape)
    return found


@pytest.mark.parametrize("size", SIZES)
def test_histogram_against_counting(size: tuple[int, int]) -> None:
    x = planes(*size)
    found = equalize_histogram(x)
    np.testing.assert_array_equal(found, np.stack([by_ranks(image) for image in x]))
    assert (found[0] == 255).all()
    assert found[2].std() > 3 * x[2].std()


@pytest.mark.parametrize("size", SIZES)
def test_histogram_against_scikit_image(size: tuple[int, int]) -> None:
    exposure = pytest.importorskip("skimage.exposure")
    x = planes(*size)[1:]
    expected = np.stack([np.rint(255 * exposure.equalize_hist(image, nbins=256)) for image in x])
    np.testing.assert_array_equal(equalize_histogram(x), expected.astype(np.uint8))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("clip", "tiles"), [(2.0, (8, 8)), (40.0, (8, 8)), (1.3, (2, 5)), (0.01, (3, 3)), (3.0, (1, 1))]
)
def test_clahe_against_opencv(size: tuple[int, int], clip: float, tiles: tuple[int, int]) -> None:
    cv2 = pytest.importorskip("cv2")
    x = planes(*size)
    oracle = cv2.createCLAHE(clipLimit=clip, tileGridSize=(tiles[1], tiles[0]))
    expected = np.stack([oracle.apply(image) for image in x])
    np.testing.assert_array_equal(equalize_adaptive(x, clip=clip, tiles=tiles), expected)


def test_clahe_of_one_tile_without_a_limit_is_the_histogram() -> None:
    x = planes(16, 16)
    np.testing.assert_array_equal(equalize_adaptive(x, clip=1e6, tiles=(1, 1)), equalize_histogram(x))


def test_clahe_in_the_middle_of_a_tile_is_that_tiles_own_table() -> None:
    """There all weight is on one tile: that is half a tile's pixels from its first one."""
    x = planes(24, 40)
    found = equalize_adaptive(x, clip=1e6, tiles=(3, 5))
    for row, column in ((0, 0), (1, 3), (2, 4)):
        tile = x[:, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        expected = equalize_histogram(tile)[:, 4, 4].astype(np.int64)
        # the share is rounded once in float32 and once in float64
        np.testing.assert_allclose(found[:, 8 * row + 4, 8 * column + 4], expected, atol=1)
        assert len(np.unique(expected)) > 2


def test_a_clip_of_the_even_share_leaves_next_to_nothing_to_equalize() -> None:
    x = planes(64, 64)[2:]
    gentle, strong = (equalize_adaptive(x, clip=clip, tiles=(2, 2)).std() for clip in (1.0, 40.0))
    assert x.std() < gentle < 2 * x.std() < strong


@pytest.mark.parametrize("how", ["histogram", "clahe"])
def test_channels_and_images_are_apart_in_any_chunk(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    x = torch.from_numpy(planes(12, 16, 30)).view(10, 3, 12, 16)
    before, whole = x.clone(), equalize(x, how, tiles=(2, 4))  # type: ignore[arg-type]
    monkeypatch.setattr("wellfit.data.equalize.CHUNK", 3 * 12 * 16 * 4)
    assert torch.equal(equalize(x, how, tiles=(2, 4)), whole)  # type: ignore[arg-type]
    alone = equalize(x[7:8, 2:3], how, tiles=(2, 4))  # type: ignore[arg-type]
    assert torch.equal(alone[0, 0], whole[7, 2])
    assert torch.equal(x, before)
    assert equalize(x, "none") is x


def test_what_is_loaded_and_what_is_predicted_are_equalized_alike(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for i, image in enumerate(planes(9, 12)):
            save(tmp_path / "pets" / name / f"{i}.png", image)
    plain = load(str(tmp_path / "pets"))
    for fields in ({"equalize": "histogram"}, {"equalize": "clahe", "clahe_tiles": (3, 2), "clahe_clip": 4.0}):
        spec = DataSpec.model_validate({"source": str(tmp_path / "pets"), **fields})
        found = load(spec)
        assert not torch.equal(found.x, plain.x)
        assert found.fingerprint != plain.fingerprint
        assert torch.equal(found.x, equalize(plain.x, spec.equalize, clip=spec.clahe_clip, tiles=spec.clahe_tiles))
        new = read_inputs(tmp_path / "pets", kind="image", shape=found.shape, spec=spec)[1]
        assert torch.equal(new, found.x)


def test_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data.clahe_tiles: received \[8, 8\] for images of 4 x 9 pixels"):
        equalize(torch.zeros(2, 1, 4, 9, dtype=torch.uint8), "clahe")
    path = tmp_path / "a.csv"
    path.write_text("a,y\n" + "1,u\n2,v\n" * 9)
    for fields in ({"equalize": "clahe"}, {"scale": "per_image"}):
        with pytest.raises(DataError, match="holds no images; expected images"):
            load(DataSpec.model_validate({"source": str(path), "target": "y", **fields}))
