"""What changes vectors and sequences, against loops in NumPy, exact expectations and scikit-learn."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.linear_model import LinearRegression
from torch import Tensor

from wellfit.regularize.batch.augment import augment
from wellfit.regularize.batch.band import MOST, bands
from wellfit.regularize.batch.feature_dropout import FeatureDropout, feature_dropout
from wellfit.regularize.batch.frequency_masking import FrequencyMasking
from wellfit.regularize.batch.time_masking import TimeMasking
from wellfit.regularize.batch.time_shift import TimeShift, shift
from wellfit.regularize.stages import Augmentation

METHODS: list[Augmentation] = [
    FeatureDropout(rate=0.4),
    TimeShift(fraction=0.3),
    TimeMasking(fraction=0.4, count=2),
    FrequencyMasking(fraction=0.5, count=3),
]


def name(method: Augmentation) -> str:
    return type(method).__name__


def made(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def shape(method: Augmentation) -> tuple[int, ...]:
    return (6,) if "vector" in method.kinds else (12, 6)


def samples(method: Augmentation, n: int = 50, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(n, *shape(method), generator=made(9)).to(dtype)


@pytest.mark.parametrize("method", METHODS, ids=name)
def test_off_keeps_every_bit(method: Augmentation) -> None:
    x = samples(method)
    x[0], x[1] = -0.0, 1e-42
    off = type(method).model_validate(dict(method.off))
    assert isinstance(off, Augmentation)
    u = off.draw(len(x), shape(method), made())
    assert torch.equal(off.apply(x, u).view(torch.int32), x.view(torch.int32))


@pytest.mark.parametrize("method", METHODS, ids=name)
def test_draws_do_not_depend_on_parameters_and_samples_not_on_neighbours(method: Augmentation) -> None:
    x = samples(method)
    before = x.clone()
    u = method.draw(len(x), shape(method), made())
    assert (u.dtype, len(u)) == (torch.float32, len(x))
    assert torch.equal(u, type(method)().draw(len(x), shape(method), made()))
    whole = method.apply(x, u)
    assert torch.equal(method.apply(x[7:9], u[7:9]), whole[7:9])
    assert torch.equal(x, before)
    assert not torch.equal(whole, x)
    assert torch.equal(augment(x, [(method, u), (method, u)]), method.apply(whole, u))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("method", METHODS, ids=name)
def test_dtype_is_kept(method: Augmentation, dtype: torch.dtype) -> None:
    x = samples(method, dtype=dtype)
    u = method.draw(len(x), shape(method), made())
    changed = method.apply(x, u)
    assert changed.dtype == dtype
    assert torch.equal(changed == 0, method.apply(x.float(), u) == 0)


def test_feature_dropout_in_expectation_is_ridge() -> None:
    """Over all 2^D masks, weighted by their chances, least squares is ridge with the closed form's penalty."""
    draw = np.random.default_rng(0)
    x, rate = draw.normal(size=(30, 4)) @ draw.normal(size=(4, 4)), 0.3
    y = x @ [1.0, -2.0, 0.5, 3.0] + draw.normal(size=30)
    rows, chances = [], []
    for kept in itertools.product([0, 1], repeat=4):
        u = torch.tensor(kept, dtype=torch.float64).expand(30, 4)  # below the rate, or above it
        rows.append(feature_dropout(torch.from_numpy(x), u, rate).numpy())
        chances += [(1 - rate) ** sum(kept) * rate ** (4 - sum(kept))] * 30
    assert np.allclose(np.average(rows, axis=0, weights=chances[::30]), x)
    found = LinearRegression(fit_intercept=False).fit(np.concatenate(rows), np.tile(y, 16), chances).coef_
    gram = x.T @ x
    expected = np.linalg.solve(gram + rate / (1 - rate) * np.diag(np.diag(gram)), x.T @ y)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_feature_dropout_leaves_out_the_rate() -> None:
    method = FeatureDropout(rate=0.25)
    x = torch.ones(20_000, 3)
    thinned = method.apply(x, method.draw(20_000, (3,), made()))
    assert sorted(set(thinned.flatten().tolist())) == pytest.approx([0, 4 / 3])
    share = (thinned == 0).double().mean(0)
    assert share.tolist() == pytest.approx([0.25] * 3, abs=0.015)
    both = ((thinned == 0).sum(1) == 3).double().mean()
    assert float(both) == pytest.approx(0.25**3, abs=0.005)


def test_shift_is_a_loop() -> None:
    x = torch.randn(9, 5, 2, generator=made())
    steps = torch.arange(-4, 5)
    expected = np.zeros((9, 5, 2), dtype=np.float32)
    for i, s in enumerate(steps.tolist()):
        for t in range(5):
            if 0 <= t - s < 5:
                expected[i, t] = x[i, t - s]
    assert np.array_equal(shift(x, steps).numpy(), expected)
    assert shift(x, torch.full((9,), 5)).abs().max() == 0
    assert shift(x, torch.full((9,), -50)).abs().max() == 0


def test_shift_brings_in_zeros_whatever_leaves() -> None:
    x = torch.full((1, 3, 1), torch.inf)
    assert shift(x, torch.tensor([1])).flatten().tolist() == [0, torch.inf, torch.inf]


@pytest.mark.parametrize(("fraction", "length", "most"), [(0.1, 30, 3), (0.29, 100, 29), (0.8, 4, 3), (0.1, 4, 0)])
def test_all_whole_shifts_are_equally_likely(fraction: float, length: int, most: int) -> None:
    method = TimeShift(fraction=fraction)
    n = 20_000
    ramp = torch.arange(1.0, length + 1).view(1, length, 1).expand(n, -1, -1)
    moved = method.apply(ramp, method.draw(n, (length, 1), made()))[:, :, 0]
    peak, first = moved.amax(1), moved[:, 0]
    steps = torch.where(first > 0, 1 - first, length - peak).long()  # to the left the ramp starts higher
    counts = torch.bincount(steps + most, minlength=2 * most + 1)
    assert len(counts) == 2 * most + 1
    assert most == 0 or stats.chisquare(counts.numpy()).pvalue > 0.001


def test_the_largest_draw_stays_in_range() -> None:
    just_below_one = torch.tensor([1 - 2**-24])
    x = torch.ones(1, 1000, 1)
    assert int((TimeShift(fraction=1).apply(x, just_below_one) != 0).sum()) == 0
    assert int((TimeShift(fraction=0.999).apply(x, just_below_one) != 0).sum()) == 1
    u = just_below_one.expand(1, MOST, 2)
    assert int(bands(u, 1000, fraction=1, count=1).sum()) == 1000
    assert bands(u, 1000, fraction=0.5, count=1).nonzero()[:, 1].tolist() == list(range(500, 1000))


def mask_by_loop(u: Tensor, size: int, fraction: float, count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """SpecAugment, section 2, in Python's own numbers."""
    masked = np.zeros((len(u), size), dtype=np.bool_)
    for i in range(len(u)):
        for width, start in u[i, :count].tolist():
            wide = int(width * (round(fraction * size) + 1))
            first = int(start * (size - wide + 1))
            masked[i, first : first + wide] = True
    return masked


@pytest.mark.parametrize(("fraction", "count"), [(0.3, 1), (0.5, 3), (1.0, MOST), (0.02, 2)])
@pytest.mark.parametrize(
    ("make", "axis"),
    [
        (lambda f, c: TimeMasking(fraction=f, count=c), 1),
        (lambda f, c: FrequencyMasking(fraction=f, count=c), 2),
    ],
)
def test_masks_are_a_loop(make: Callable[[float, int], Augmentation], axis: int, fraction: float, count: int) -> None:
    method = make(fraction, count)
    x = torch.randn(200, 11, 20, generator=made()) + 10
    u = method.draw(200, (11, 20), made(1))
    masked = mask_by_loop(u, x.shape[axis], fraction, count)
    expected = np.where(np.expand_dims(masked, 3 - axis), 0, x.numpy())
    assert np.array_equal(method.apply(x, u).numpy(), expected)
    assert masked.any() or round(fraction * x.shape[axis]) == 0


def test_widths_and_places_are_uniform() -> None:
    """Widths 0 to W equally often; then all places equally often, so the ends of the axis are masked less."""
    n, size, most = 40_000, 10, 4
    u = TimeMasking().draw(n, (size, 1), made())
    inside = bands(u, size, fraction=0.4, count=1)
    widths = inside.sum(1)
    counts = torch.bincount(widths)
    assert len(counts) == most + 1
    assert stats.chisquare(counts.numpy()).pvalue > 0.001
    starts = torch.bincount(inside[widths == 3].int().argmax(1))
    assert len(starts) == size - 3 + 1
    assert stats.chisquare(starts.numpy()).pvalue > 0.001


def test_more_masks_keep_the_first() -> None:
    u = TimeMasking().draw(100, (30, 1), made())
    one, three = (bands(u, 30, fraction=0.3, count=count) for count in (1, 3))
    assert (three | ~one).all()
    assert three.sum() > one.sum()
