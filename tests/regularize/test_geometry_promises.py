"""What geometric augmentations promise whatever the picture: exactness where nothing changes, independence, ranges."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from wellfit.regularize.batch.augment import augment
from wellfit.regularize.batch.elastic import Elastic
from wellfit.regularize.batch.perspective import CORNERS, Perspective
from wellfit.regularize.batch.random_crop import RandomCrop
from wellfit.regularize.batch.random_resized_crop import RandomResizedCrop
from wellfit.regularize.batch.scale import Scale
from wellfit.regularize.batch.shear import Shear
from wellfit.regularize.batch.table import GEOMETRY
from wellfit.regularize.batch.translation import Translation
from wellfit.regularize.batch.warp import warp

every_method = pytest.mark.parametrize("name", list(GEOMETRY))


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(height: int, width: int, *, n: int) -> Tensor:
    return torch.rand(n, 3, height, width, generator=draws())


@every_method
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_off_is_the_same_picture_bit_for_bit(name: str, dtype: torch.dtype) -> None:
    method = GEOMETRY[name].model_validate(dict(GEOMETRY[name].off))
    for sides in [(1, 1), (7, 7), (28, 28), (32, 32), (5, 12), (33, 20)]:
        x = pictures(*sides, n=5).to(dtype)
        y = method.apply(x, method.draw(5, x.shape[1:], draws()))
        assert y.dtype == dtype
        assert torch.equal(y, x), sides


def test_all_off_together_is_the_same_picture_bit_for_bit() -> None:
    x = pictures(28, 19, n=5)
    off = [cls.model_validate(dict(cls.off)) for cls in GEOMETRY.values()]
    assert torch.equal(augment(x, [(method, method.draw(5, x.shape[1:], draws())) for method in off]), x)
    for method in (Perspective(distortion=0.9, probability=0.0), RandomResizedCrop(min_area=1.0, ratio=3.0)):
        assert torch.equal(method.apply(x, method.draw(5, x.shape[1:], draws())), x)


@every_method
def test_no_sample_depends_on_the_others_and_the_original_stays(name: str) -> None:
    x = pictures(13, 10, n=8)
    methods = [GEOMETRY[name](), Perspective(distortion=0.5, probability=0.5)]
    steps = [(method, method.draw(len(x), x.shape[1:], draws(i))) for i, method in enumerate(methods)]
    before = x.clone()
    together = augment(x, steps)
    for i in range(len(x)):
        assert torch.equal(augment(x[i : i + 1], [(m, u[i : i + 1]) for m, u in steps])[0], together[i])
    assert torch.equal(x, before)


CHANGES: dict[str, list[dict[str, Any]]] = {
    "horizontal_flip": [{"probability": 0.1}, {"probability": 0.9}],
    "vertical_flip": [{"probability": 0.1}, {"probability": 0.9}],
    "rotation": [{"degrees": 1.0}, {"degrees": 90.0}],
    "translation": [{"fraction": 0.0}, {"fraction": 1.0}],
    "scale": [{"by": 0.0}, {"by": 2.0}],
    "shear": [{"degrees": 1.0}, {"degrees": 30.0}],
    "perspective": [{"distortion": 0.1, "probability": 0.0}, {"distortion": 0.9, "probability": 1.0}],
    "random_crop": [{"padding": 0.0}, {"padding": 1.0}],
    "random_resized_crop": [{"min_area": 0.1, "ratio": 1.0}, {"min_area": 1.0, "ratio": 2.0}],
    "elastic": [{"alpha": 1.0, "sigma": 1.0}, {"alpha": 99.0, "sigma": 9.0}],
}


@every_method
def test_draws_are_the_same_whatever_the_parameters(name: str) -> None:
    first, second = (GEOMETRY[name](**change).draw(6, (3, 5, 4), draws(2)) for change in CHANGES[name])
    assert torch.equal(first, second)
    assert first.dtype == torch.float32
    assert len(first) == 6
    assert not torch.equal(first, GEOMETRY[name]().draw(6, (3, 5, 4), draws(3)))


def reaches(values: Tensor, low: float, high: float, *, within: float = 0.01) -> bool:
    """Whether ``values`` span ``low`` to ``high`` and do not exceed it."""
    slack = within * (high - low)
    inside = float(values.min()) >= low - 1e-5 and float(values.max()) <= high + 1e-5
    return inside and float(values.min()) <= low + slack and float(values.max()) >= high - slack


def test_draws_span_their_ranges_and_no_more() -> None:
    n, shape = 20_000, (1, 10, 20)

    def matrices(method: Any) -> Tensor:
        drawn: Tensor = method.matrix(method.draw(n, shape, draws(4)), shape)
        return drawn

    shifts = -matrices(Translation(fraction=0.2))[:, :2, 2]
    assert reaches(shifts[:, 0], -4, 4)
    assert reaches(shifts[:, 1], -2, 2)
    factors = 1 / matrices(Scale(by=0.5))[:, 0, 0]
    assert reaches(factors, 1 / 1.5, 1.5)
    assert float((factors > 1).float().mean()) == pytest.approx(0.5, abs=0.02)
    sheared = matrices(Shear(degrees=20.0))
    assert all(reaches(sheared[:, i, j].atan() * 180 / math.pi, -20, 20) for i, j in ((0, 1), (1, 0)))
    assert torch.allclose(sheared.det(), torch.ones(n), atol=1e-5)
    cropped = -matrices(RandomCrop(padding=0.15))[:, :2, 2]
    assert torch.equal(cropped, cropped.round())
    for axis, most in ((0, 3), (1, 2)):
        counts = cropped[:, axis].long().add(most).bincount()
        assert len(counts) == 2 * most + 1
        assert counts.tolist() == pytest.approx([n / len(counts)] * len(counts), rel=0.08)
    just_below_one = torch.full((1, 2), 1 - 2**-24)
    assert (-RandomCrop(padding=0.5).matrix(just_below_one, (1, 9, 9))[0, :2, 2]).tolist() == [5.0, 5.0]


def test_perspective_moves_each_corner_inwards_up_to_the_distortion() -> None:
    method, shape = Perspective(distortion=0.4, probability=0.25), (1, 10, 20)
    u = method.draw(20_000, shape, draws(5))
    m = method.matrix(u, shape).double()
    changed = (m != torch.eye(3)).flatten(1).any(1)
    assert float(changed.float().mean()) == pytest.approx(0.25, abs=0.01)
    half = torch.tensor([10.0, 5.0], dtype=torch.float64)
    for x, y in CORNERS:
        to = torch.linalg.solve(m[changed], torch.tensor([x * 10, y * 5, 1.0], dtype=torch.float64))
        inwards = 1 - to[:, :2] / to[:, 2:] / half * torch.tensor([x, y])
        assert reaches(inwards[:, 0], 0, 0.4)
        assert reaches(inwards[:, 1], 0, 0.4)


def test_a_random_part_has_its_area_and_shape_and_fits() -> None:
    method, shape = RandomResizedCrop(min_area=0.3, ratio=1.5), (1, 10, 20)
    m = method.matrix(method.draw(20_000, shape, draws(6)), shape)
    w, h = m[:, 0, 0], m[:, 1, 1]
    assert reaches(w * h, 0.3, 1)
    assert reaches((w / h).log(), -math.log(1.5), math.log(1.5))
    assert float(w.max()) <= 1
    assert float(h.max()) <= 1
    for size, center, side in ((w, m[:, 0, 2], 20), (h, m[:, 1, 2], 10)):
        outer = center.abs() + size * (side - 1) / 2
        assert float(outer.max()) <= (side - 1) / 2 + 1e-5
    white = torch.ones(200, 1, 10, 20)
    assert float(method.apply(white, method.draw(200, shape, draws(7))).min()) > 1 - 1e-5


def test_elastic_shifts_by_what_the_card_says() -> None:
    method, shape = Elastic(alpha=34.0, sigma=4.0), (1, 64, 64)
    field = method.field(method.draw(50, shape, draws(8)), shape)
    assert float(field.std()) == pytest.approx(34 / (6 * 4), rel=0.15)
    assert float(field.mean()) == pytest.approx(0, abs=0.1)
    rough = Elastic(alpha=2.0, sigma=0.1)
    assert reaches(rough.field(rough.draw(50, shape, draws(8)), shape), -2, 2)


def test_the_horizon_is_black_and_not_a_number_nowhere() -> None:
    x = torch.ones(2, 1, 9, 9)
    m = torch.eye(3).repeat(2, 1, 1)
    m[0, 2] = torch.tensor([0.5, 0.0, 0.0])  # its middle column is the horizon
    m[1, 2] = torch.tensor([0.0, 1.0, -4.0])
    y = warp(x, m)
    assert bool(torch.isfinite(y).all())
    assert not y[0, 0, :4, 4].any()
    torn = Perspective(distortion=0.999, probability=1.0)
    y = torn.apply(pictures(9, 9, n=3000), torn.draw(3000, (3, 9, 9), draws(9)))
    assert bool(torch.isfinite(y).all())
    assert float(y.max()) <= 1 + 1e-5
