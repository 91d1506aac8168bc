"""Augmentations of pixels against torchvision and kornia at fixed strengths, and what all of them promise."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import kornia.enhance
import kornia.filters
import numpy as np
import pytest
import scipy.stats
import torch
import torchvision.transforms as plain_vision
import torchvision.transforms.v2.functional as vision
from torch import Tensor

from wellfit.errors import RecipeError
from wellfit.regularize.batch.blur import Blur, gaussian_blur
from wellfit.regularize.batch.brightness import Brightness, adjust_brightness
from wellfit.regularize.batch.color import gray
from wellfit.regularize.batch.contrast import Contrast, adjust_contrast
from wellfit.regularize.batch.cutout import Cutout
from wellfit.regularize.batch.gaussian_noise import GaussianNoise
from wellfit.regularize.batch.grayscale import Grayscale
from wellfit.regularize.batch.hue import Hue, adjust_hue
from wellfit.regularize.batch.random_erasing import SCALARS, RandomErasing
from wellfit.regularize.batch.salt_and_pepper import SaltAndPepper
from wellfit.regularize.batch.saturation import Saturation, adjust_saturation
from wellfit.regularize.batch.sharpness import Sharpness, adjust_sharpness
from wellfit.regularize.batch.table import PIXELS
from wellfit.regularize.catalogue import make

every_method = pytest.mark.parametrize("name", list(PIXELS))
FACTORS = torch.tensor([0.0, 0.3, 0.9, 1.0, 1.4, 2.5])
COLORED = {"saturation", "hue", "grayscale"}
"""What does nothing without three channels."""


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(channels: int = 3, height: int = 17, width: int = 12, *, n: int = 6) -> Tensor:
    return torch.rand(n, channels, height, width, generator=draws())


def one_by_one(change: Callable[[Tensor, float], Tensor], x: Tensor, values: Tensor) -> Tensor:
    return torch.stack([change(image, float(value)) for image, value in zip(x, values, strict=True)])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (adjust_brightness, vision.adjust_brightness),
        (adjust_contrast, vision.adjust_contrast),
        (adjust_saturation, vision.adjust_saturation),
        (adjust_sharpness, vision.adjust_sharpness),
    ],
)
def test_blends_are_torchvisions(ours: Any, theirs: Any, channels: int) -> None:
    x = pictures(channels)
    assert torch.allclose(ours(x, FACTORS), one_by_one(theirs, x, FACTORS), rtol=0, atol=1e-6)


def test_sharpness_is_kornias_where_it_sharpens_nothing_beyond_white() -> None:
    x, factors = pictures(3) * 0.4 + 0.3, torch.tensor([0.0, 0.2, 0.5, 0.8, 0.9, 1.0])
    assert torch.allclose(adjust_sharpness(x, factors), kornia.enhance.sharpness(x, factors), rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_hue_is_torchvisions_and_kornias(dtype: torch.dtype) -> None:
    x = pictures().to(dtype)
    x[1, :, :5] = 0.4  # gray
    x[2, 1] = x[2, 0]  # the largest twice, or the smallest
    x[3, :, 4:] = torch.tensor([1.0, 0.0, 0.0], dtype=dtype)[:, None, None]
    turns = torch.tensor([-0.5, -0.21, 0.0, 0.1, 0.37, 0.5], dtype=dtype)
    ours = adjust_hue(x, turns)
    assert torch.allclose(ours, one_by_one(vision.adjust_hue, x, turns), rtol=0, atol=5e-6)
    assert torch.allclose(ours, kornia.enhance.adjust_hue(x, turns * 2 * math.pi), rtol=0, atol=1e-5)
    third = adjust_hue(x, torch.full((6,), 1 / 3))
    assert torch.allclose(third, x.roll(1, dims=1), atol=1e-5), "a third of the circle: red becomes green"


def test_gray_is_torchvisions_and_the_mean_without_colors() -> None:
    x = pictures()
    assert torch.allclose(gray(x), vision.rgb_to_grayscale(x), rtol=0, atol=1e-6)
    y = Grayscale(probability=0.5).apply(x, torch.tensor([0.0, 0.49, 0.5, 0.51, 0.9, 0.1]))
    assert torch.allclose(y[[0, 1, 5]], vision.rgb_to_grayscale(x[[0, 1, 5]], num_output_channels=3), atol=1e-6)
    assert torch.equal(y[2:5], x[2:5])
    assert torch.equal(gray(pictures(1)), pictures(1))


@pytest.mark.parametrize("channels", [1, 3])
def test_blur_is_torchvisions_and_kornias(channels: int) -> None:
    x, sigmas = pictures(channels), torch.tensor([0.1, 0.5, 0.7, 1.0, 1.5, 2.0])
    ours = gaussian_blur(x, sigmas, 5)
    theirs = one_by_one(lambda image, sigma: vision.gaussian_blur(image, [11, 11], [sigma, sigma]), x, sigmas)
    assert torch.allclose(ours, theirs, rtol=0, atol=2e-6)
    kornias = kornia.filters.gaussian_blur2d(x, 11, sigmas[:, None].expand(-1, 2), border_type="reflect")
    assert torch.allclose(ours, kornias, rtol=0, atol=2e-6)


def test_blur_draws_its_width_and_leaves_the_others_alone() -> None:
    x, method = pictures(), Blur(sigma=1.6, probability=0.5)
    u = torch.tensor([[0.2, 0.0], [0.5, 0.0], [0.49, 0.75], [0.9, 0.3], [0.0, 0.9999999], [0.7, 0.7]])
    y = method.apply(x, u)
    assert torch.allclose(y[0], vision.gaussian_blur(x[0], [11, 11], [1.6, 1.6]), atol=2e-6)
    assert torch.allclose(y[2], vision.gaussian_blur(x[2], [11, 11], [0.4, 0.4]), atol=2e-6)
    assert torch.equal(y[4], x[4]), "the narrowest Gaussian is one pixel"
    assert torch.equal(y[[1, 3, 5]], x[[1, 3, 5]])
    wide = Blur(sigma=40.0, probability=1.0).apply(pictures(1, 1, 3), torch.full((6, 2), 0.5))
    assert wide.shape == (6, 1, 1, 3)
    assert bool(wide.isfinite().all()), "a kernel wider than the image"


@pytest.mark.parametrize(
    ("method", "change"),
    [
        (Brightness, adjust_brightness),
        (Contrast, adjust_contrast),
        (Saturation, adjust_saturation),
        (Sharpness, adjust_sharpness),
    ],
)
def test_factors_span_their_range(method: Any, change: Any) -> None:
    x, u = pictures(), torch.tensor([0.0, 0.25, 0.5, 0.75, 0.9, 1.0])
    assert torch.equal(method(strength=0.5).apply(x, u), change(x, 0.5 + u))
    assert torch.allclose(method(strength=2.0).apply(x, u), change(x, 3 * u), atol=1e-6), "no factor is below 0"


def test_hue_turns_either_way() -> None:
    x, u = pictures(), torch.tensor([0.0, 0.25, 0.5, 0.75, 0.9, 1.0])
    expected = one_by_one(vision.adjust_hue, x, 0.2 * (2 * u - 1))
    assert torch.allclose(Hue(turn=0.2).apply(x, u), expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 6, 5), (7,), (9, 4)])
def test_gaussian_noise_is_normal_and_keeps_images_alone_within_black_and_white(shape: Sequence[int]) -> None:
    x, method = torch.full((400, *shape), 0.9), GaussianNoise(std=0.25)
    y = method.apply(x, method.draw(400, shape, draws()))
    noise = y - x
    if len(shape) == 3:
        assert float(y.max()) == 1.0
        assert float(y.min()) >= 0.0
        noise = noise[noise < 0]
        assert scipy.stats.kstest(noise.numpy(), scipy.stats.truncnorm(-0.9 / 0.25, 0, scale=0.25).cdf).pvalue > 1e-3
    else:
        assert float(y.max()) > 1.5
        assert scipy.stats.kstest(noise.flatten().numpy(), scipy.stats.norm(scale=0.25).cdf).pvalue > 1e-3


def test_salt_and_pepper_hits_its_fraction_of_whole_pixels() -> None:
    x, method = pictures(3, 20, 20, n=50) * 0.5 + 0.25, SaltAndPepper(fraction=0.3)
    y = method.apply(x, method.draw(50, (3, 20, 20), draws()))
    salt, pepper = (y == 1).all(1), (y == 0).all(1)
    assert torch.equal(torch.where((salt | pepper)[:, None], x, y), x), "the others stay, and no pixel is hit in part"
    for hit in (salt, pepper):
        assert scipy.stats.binomtest(int(hit.sum()), 20_000, 0.15).pvalue > 1e-3
    everywhere = SaltAndPepper(fraction=1.0).apply(x, torch.rand(50, 1, 20, 20, generator=draws()))
    assert set(everywhere.flatten().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize(("side", "length"), [(0.4, 4), (0.5, 6), (1.0, 11), (0.01, 0)])
def test_cutout_is_one_square_that_may_stick_out(side: float, length: int) -> None:
    height, width = 11, 14
    centers = [(row, column) for row in range(height) for column in range(width)]
    u = (torch.tensor(centers) + 0.5) / torch.tensor([height, width])
    y = Cutout(side=side).apply(torch.ones(len(u), 1, height, width), u)
    for image, (row, column) in zip(y.numpy(), centers, strict=True):
        expected = np.ones((1, height, width))
        top, left = row - length // 2, column - length // 2
        expected[:, max(top, 0) : max(top + length, 0), max(left, 0) : max(left + length, 0)] = 0
        assert np.array_equal(image, expected), (row, column)


def test_random_erasing_has_torchvisions_rectangles() -> None:
    """Area, shape and place of 3000 rectangles are distributed as those of ``torchvision.transforms``."""
    n, shape, ratio = 3000, (3, 40, 30), 0.3
    method = RandomErasing(min_area=0.05, max_area=0.6, ratio=ratio)
    first, stop = method.boxes(method.draw(n, shape, draws())[:, :SCALARS], shape)
    sides = stop - first
    assert bool(((first >= 0) & (stop <= torch.tensor(shape[1:])) & (sides > 0)).all())
    torch.manual_seed(1)
    theirs = torch.tensor(
        [
            plain_vision.RandomErasing.get_params(torch.empty(shape), (0.05, 0.6), (ratio, 1 / ratio), [0.0])[:4]
            for _ in range(n)
        ]
    )
    for ours, other in [(first, theirs[:, :2]), (sides, theirs[:, 2:]), (sides.prod(1), theirs[:, 2:].prod(1))]:
        for a, b in zip(ours.view(n, -1).T, other.reshape(n, -1).T, strict=True):
            assert scipy.stats.ks_2samp(a.numpy(), b.numpy()).pvalue > 1e-3


@pytest.mark.parametrize("fill", ["noise", "black"])
def test_random_erasing_paints_like_torchvision(fill: Any) -> None:
    x, method = pictures(), RandomErasing(probability=0.5, fill=fill)
    u = method.draw(6, x.shape[1:], draws())
    first, stop = (box.int().tolist() for box in method.boxes(u, x.shape[1:]))
    y = method.apply(x, u)
    for i in range(6):
        (top, left), (bottom, right) = first[i], stop[i]
        noise = u[i, SCALARS:].view(3, 17, 12)[:, top:bottom, left:right]
        value = noise if fill == "noise" else torch.zeros(3, 1, 1)
        erased = vision.erase(x[i], top, left, bottom - top, right - left, value)
        assert torch.equal(y[i], erased if float(u[i, 0]) < 0.5 else x[i])


def test_random_erasing_gives_up_where_nothing_fits() -> None:
    method = RandomErasing(probability=1.0, min_area=1.0, max_area=1.0, ratio=0.01)
    x = pictures(1, 20, 20, n=60)
    y = method.apply(x, method.draw(60, (1, 20, 20), draws()))
    whole = (y != x).all(dim=(1, 2, 3))
    assert 0 < int(whole.sum()) < 60, "a square fits, almost nothing else does"
    assert torch.equal(y[~whole], x[~whole])
    with pytest.raises(RecipeError, match=r"regularizers\.random_erasing: .*expected min_area \(0\.5\) at most max_"):
        make("random_erasing", {"min_area": 0.5})


@every_method
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_off_is_the_same_picture_bit_for_bit(name: str, channels: int, dtype: torch.dtype) -> None:
    x = (pictures(channels) * 1.2 - 0.1).to(dtype)  # also what a resampling leaves a little beyond white
    method = PIXELS[name].model_validate(dict(PIXELS[name].off))
    y = method.apply(x, method.draw(len(x), x.shape[1:], draws()))
    assert y.dtype == dtype
    assert torch.equal(y, x)


@every_method
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_picture_stays_one_and_depends_on_no_other(name: str, channels: int, dtype: torch.dtype) -> None:
    x, method = pictures(channels, n=9).to(dtype), PIXELS[name]()
    before, u = x.clone(), method.draw(9, x.shape[1:], draws())
    y = method.apply(x, u)
    assert y.dtype == dtype
    assert y.shape == x.shape
    assert torch.equal(x, before), "the original stays"
    assert bool(((y >= -1e-6) & (y <= 1 + 1e-6)).all())
    assert torch.equal(y, x) == (name in COLORED and channels != 3)
    for i in range(9):
        assert torch.equal(method.apply(x[i : i + 1], u[i : i + 1])[0], y[i])


@every_method
def test_draws_are_the_same_whatever_the_parameters(name: str) -> None:
    off = PIXELS[name].model_validate(dict(PIXELS[name].off))
    ours, others = (method.draw(5, (3, 8, 6), draws(4)) for method in (PIXELS[name](), off))
    assert torch.equal(ours, others)
    assert ours.dtype == torch.float32
    assert len(ours) == 5
