"""Geometric augmentations against torchvision, kornia and scipy: the same pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import kornia.geometry.transform as kornia
import pytest
import scipy.ndimage
import torch
import torchvision.transforms.v2 as vision
import torchvision.transforms.v2.functional as functional
from torch import Tensor

from wellfit.regularize.batch.augment import augment
from wellfit.regularize.batch.elastic import Elastic, gaussian_matrix, smooth
from wellfit.regularize.batch.horizontal_flip import HorizontalFlip
from wellfit.regularize.batch.perspective import CORNERS, Perspective, quadrilateral_matrix
from wellfit.regularize.batch.random_crop import RandomCrop
from wellfit.regularize.batch.random_resized_crop import RandomResizedCrop, crop_matrix
from wellfit.regularize.batch.rotation import Rotation, rotation_matrix
from wellfit.regularize.batch.scale import Scale, scale_matrix
from wellfit.regularize.batch.shear import Shear, shear_matrix
from wellfit.regularize.batch.translation import Translation, translation_matrix
from wellfit.regularize.batch.vertical_flip import VerticalFlip
from wellfit.regularize.batch.warp import compose, warp
from wellfit.regularize.stages import Augmentation

SIDES = [(8, 8), (9, 9), (12, 7), (9, 14)]
KINDS = [(torch.float32, 1), (torch.float64, 3)]
BILINEAR = vision.InterpolationMode.BILINEAR
MOVED = ((-0.9, -0.6), (0.7, -1.0), (0.8, 0.9), (-1.0, 0.75))
"""Corners of the picture after a change of perspective, in half sides."""

every_picture = pytest.mark.parametrize(("sides", "kind"), [(s, k) for s in SIDES for k in KINDS])


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(
    sides: Sequence[int] = (9, 9), *, n: int = 2, channels: int = 3, dtype: torch.dtype = torch.float32
) -> Tensor:
    return torch.rand(n, channels, *sides, generator=draws(), dtype=dtype)


def on_pixels(matrix: Tensor, sides: Sequence[int]) -> Tensor:
    """The matrix from input to output as others want it: pixels counted from the upper left one."""
    height, width = sides
    center = torch.eye(3, dtype=torch.float64)
    center[:2, 2] = torch.tensor([(width - 1) / 2, (height - 1) / 2])
    return center @ matrix.double().inverse() @ center.inverse()


def kornias(x: Tensor, matrix: Tensor) -> Tensor:
    sides = x.shape[2:]
    m = on_pixels(matrix, sides).to(x.dtype)
    warped: Tensor = kornia.warp_perspective(x, m, (sides[0], sides[1]), align_corners=True)
    return warped


def scipys(x: Tensor, matrix: Tensor, field: Tensor) -> Tensor:
    """Resample the pictures by interpolating at the places, in numpy."""
    height, width = x.shape[2:]
    out = torch.empty_like(x)
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    for i in range(len(x)):
        across, down = columns - (width - 1) / 2 + field[i, 0], rows - (height - 1) / 2 + field[i, 1]
        at = torch.stack([across, down, torch.ones_like(across)]).double()
        u, v, w = torch.einsum("ij,jhw->ihw", matrix[i].double(), at)
        places = [(v / w + (height - 1) / 2).numpy(), (u / w + (width - 1) / 2).numpy()]
        for channel in range(x.shape[1]):
            picture = scipy.ndimage.map_coordinates(x[i, channel].numpy(), places, order=1, mode="grid-constant")
            out[i, channel] = torch.from_numpy(picture)
    return out


def affine(**change: Any) -> Callable[[Tensor], Tensor]:
    settings: dict[str, Any] = {"angle": 0.0, "translate": [0.0, 0.0], "scale": 1.0, "shear": [0.0, 0.0]}

    def transform(x: Tensor) -> Tensor:
        changed: Tensor = functional.affine(x, **(settings | change), interpolation=BILINEAR)
        return changed

    return transform


def seen_from_the_side(x: Tensor) -> Tensor:
    height, width = x.shape[2:]
    start, end = ([[(a + 1) * width / 2, (b + 1) * height / 2] for a, b in corners] for corners in (CORNERS, MOVED))
    changed: Tensor = functional.perspective(x, start, end, interpolation=BILINEAR)
    return changed


AGAINST_TORCHVISION: dict[str, tuple[Callable[[Tensor, int, int], Tensor], Callable[[Tensor], Tensor]]] = {
    "rotation": (lambda t, h, w: rotation_matrix(t.new_tensor([-33.0])), affine(angle=33.0)),
    "translation": (lambda t, h, w: translation_matrix(t.new_tensor([[2.3, -1.6]])), affine(translate=[2.3, -1.6])),
    "enlarged": (lambda t, h, w: scale_matrix(t.new_tensor([1.4])), affine(scale=1.4)),
    "shrunk": (lambda t, h, w: scale_matrix(t.new_tensor([0.7])), affine(scale=0.7)),
    "shear": (lambda t, h, w: shear_matrix(t.new_tensor([[20.0, -8.0]])), affine(shear=[20.0, -8.0])),
    "perspective": (
        lambda t, h, w: quadrilateral_matrix(t.new_tensor([MOVED]), height=h, width=w),
        seen_from_the_side,
    ),
}


@every_picture
@pytest.mark.parametrize("name", list(AGAINST_TORCHVISION))
def test_a_warp_is_torchvisions_and_kornias(name: str, sides: tuple[int, int], kind: tuple[torch.dtype, int]) -> None:
    x = pictures(sides, dtype=kind[0], channels=kind[1])
    ours, theirs = AGAINST_TORCHVISION[name]
    matrix = ours(x, *sides).expand(len(x), 3, 3)
    y = warp(x, matrix)
    assert y.dtype == x.dtype
    assert torch.allclose(y, theirs(x), rtol=0, atol=1e-5)
    assert torch.allclose(y, kornias(x, matrix), rtol=0, atol=1e-5)
    assert not torch.allclose(y, x, atol=0.1)


def test_the_perspective_matrix_is_kornias() -> None:
    corners = torch.tensor(CORNERS, dtype=torch.float64) * (1 - 0.6 * torch.rand(50, 4, 2, generator=draws()).double())
    height, width = 11, 16
    half = torch.tensor([width / 2, height / 2], dtype=torch.float64)
    theirs = kornia.get_perspective_transform(corners * half, (torch.tensor(CORNERS) * half).expand(50, 4, 2))
    ours = quadrilateral_matrix(corners, height=height, width=width)
    assert torch.allclose(ours / ours[:, 2:, 2:], theirs, rtol=1e-9, atol=1e-9)


@every_picture
def test_an_enlarged_part_is_kornias_and_torchvisions(sides: tuple[int, int], kind: tuple[torch.dtype, int]) -> None:
    x = pictures(sides, dtype=kind[0], channels=kind[1])
    (height, width), (h, w), (top, left) = sides, (5, 4), (2, 1)
    size, center = [[w / width, h / height]], [[left + (w - width) / 2, top + (h - height) / 2]]
    matrix = crop_matrix(x.new_tensor(size), x.new_tensor(center)).expand(len(x), 3, 3)
    y = warp(x, matrix)
    assert torch.allclose(y, kornias(x, matrix), rtol=0, atol=1e-5)
    theirs = functional.resized_crop(x, top, left, h, w, list(sides), antialias=False)
    # at the part's own border they repeat its outer pixels, and we look at the picture beyond
    rows, columns = ((torch.arange(n) + 0.5) * part / n - 0.5 for n, part in ((height, h), (width, w)))
    inside = ((rows >= 0) & (rows <= h - 1))[:, None] & ((columns >= 0) & (columns <= w - 1))
    assert int(inside.sum()) >= 20
    assert torch.allclose(y[..., inside], theirs[..., inside], rtol=0, atol=1e-5)


@every_picture
def test_a_random_crop_is_pad_and_crop_exactly(sides: tuple[int, int], kind: tuple[torch.dtype, int]) -> None:
    x = pictures(sides, n=40, dtype=kind[0], channels=kind[1])
    (height, width), method = sides, RandomCrop(padding=0.25)
    u = method.draw(len(x), x.shape[1:], draws(1))
    y = method.apply(x, u)
    k, m = round(0.25 * width + 1e-9), round(0.25 * height + 1e-9)
    padded = functional.pad(x, [k, m])
    for i, (across, down) in enumerate(u.tolist()):
        left, top = 2 * k - math.floor(across * (2 * k + 1)), 2 * m - math.floor(down * (2 * m + 1))
        assert torch.equal(y[i], functional.crop(padded[i], top, left, height, width))


@pytest.mark.parametrize(("method", "axis"), [(HorizontalFlip, 3), (VerticalFlip, 2)])
@every_picture
def test_flips_are_exact(
    method: type[Augmentation], axis: int, sides: tuple[int, int], kind: tuple[torch.dtype, int]
) -> None:
    x = pictures(sides, dtype=kind[0], channels=kind[1])
    assert torch.equal(method.model_validate({"probability": 1.0}).apply(x, torch.rand(len(x))), x.flip(axis))


@every_picture
def test_elastic_is_torchvisions_from_the_same_draws(sides: tuple[int, int], kind: tuple[torch.dtype, int]) -> None:
    x = pictures(sides, n=1, dtype=kind[0], channels=kind[1])
    sigma = 0.8  # torchvision cannot mirror a picture smaller than half its kernel
    torch.manual_seed(3)
    # their alpha counts in half pixels: the grid that they add to is two units wide
    displacement = vision.ElasticTransform(alpha=18.0, sigma=sigma).make_params([x])["displacement"]
    torch.manual_seed(3)
    u = torch.cat([torch.rand(1, 1, *sides), torch.rand(1, 1, *sides)], dim=1)
    method = Elastic(alpha=9.0, sigma=sigma)
    y = method.apply(x, u)
    assert torch.allclose(y, functional.elastic(x, displacement, interpolation=BILINEAR), rtol=0, atol=1e-5)
    assert torch.allclose(y, scipys(x, torch.eye(3)[None], method.field(u, x.shape[1:])), rtol=0, atol=1e-5)
    assert float((y - x).abs().max()) > 0.1


@pytest.mark.parametrize("size", [1, 2, 3, 8, 29])
@pytest.mark.parametrize("sigma", [0.1, 1.3, 4.0, 30.0])
def test_smoothing_is_scipys(size: int, sigma: float) -> None:
    field = torch.rand(2, 5, size, generator=draws(), dtype=torch.float64)
    expected = scipy.ndimage.gaussian_filter(field.numpy(), sigma, mode="mirror", truncate=4.0, axes=(1, 2))
    assert torch.allclose(smooth(field, sigma), torch.from_numpy(expected), rtol=0, atol=1e-12)
    assert gaussian_matrix(size, sigma).sum(1).tolist() == pytest.approx([1.0] * size)


@every_picture
def test_several_warps_are_one_resampling(sides: tuple[int, int], kind: tuple[torch.dtype, int]) -> None:
    x = pictures(sides, n=8, dtype=kind[0], channels=kind[1])
    methods = [
        HorizontalFlip(),
        Rotation(degrees=30.0),
        Translation(fraction=0.2),
        Scale(by=0.3),
        Shear(degrees=15.0),
        Perspective(distortion=0.4, probability=0.7),
        RandomCrop(padding=0.2),
        RandomResizedCrop(min_area=0.4),
    ]
    steps = [(method, method.draw(len(x), x.shape[1:], draws(i))) for i, method in enumerate(methods)]
    matrix = torch.eye(3, dtype=torch.float64).expand(len(x), 3, 3)
    for method, u in steps:
        matrix = matrix @ method.matrix(u, x.shape[1:]).double()
    assert torch.allclose(augment(x, steps), kornias(x, matrix), rtol=0, atol=1e-5)
    elastic = Elastic(alpha=20.0, sigma=3.0)
    u = elastic.draw(len(x), x.shape[1:], draws(9))
    bent = augment(x, [*steps, (elastic, u)])
    assert torch.allclose(bent, scipys(x, matrix, elastic.field(u, x.shape[1:])), rtol=0, atol=1e-5)


def test_a_later_warp_acts_on_the_result_of_the_earlier() -> None:
    x = pictures((12, 12))
    at_once = warp(
        x, compose([scale_matrix(torch.tensor([0.5] * 2)), translation_matrix(torch.tensor([[3.0, 0.0]] * 2))])
    )
    in_turn = affine(translate=[3.0, 0.0])(affine(scale=0.5)(x))
    assert torch.allclose(at_once, in_turn, atol=1e-5)
