"""Mixup, CutMix and label smoothing: closed forms, distributions, and torch's own loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
import torch.nn.functional as F
from torch import Tensor

from wellfit.regularize.batch.cutmix import CutMix, pasted_box
from wellfit.regularize.batch.label_smoothing import LabelSmoothing
from wellfit.regularize.batch.mixup import Mixup, symmetric_beta

MIXES: list[Any] = [Mixup, CutMix]
every_mix = pytest.mark.parametrize("method", MIXES)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(n: int = 8, *, classes: int = 4, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    x = torch.rand(n, 3, 10, 14, generator=draws()).to(dtype)
    return x, F.one_hot(torch.arange(n) % classes, classes).to(dtype)


@pytest.mark.parametrize("alpha", [0.1, 0.2, 1.0, 3.0, 200.0])
def test_uniform_numbers_become_draws_of_the_beta_distribution(alpha: float) -> None:
    u = torch.rand(2000, generator=draws()).tolist()
    shares = [symmetric_beta(one, alpha) for one in u]
    assert scipy.stats.kstest(shares, scipy.stats.beta(alpha, alpha).cdf).pvalue > 1e-3
    assert symmetric_beta(0.5, alpha) == pytest.approx(0.5)


def test_extreme_alphas_are_a_coin_and_a_half() -> None:
    assert [round(symmetric_beta(u, 1e-6), 6) for u in (0.0, 0.3, 0.7)] == [0.0, 0.0, 1.0]
    assert symmetric_beta(0.1, 1e9) == pytest.approx(0.5, abs=1e-4)


def test_mixup_is_its_formula() -> None:
    x, y = batch()
    method = Mixup(alpha=0.7)
    u = method.draw(8, draws(1))
    share = float(scipy.stats.beta(0.7, 0.7).ppf(float(u[0])))
    partner = u[1].numpy()
    assert sorted(partner) == list(range(8))
    mixed_x, mixed_y = method.apply(x, y, u)
    assert 0.001 < share < 0.999
    for mixed, plain in ((mixed_x, x.numpy()), (mixed_y, y.numpy())):
        assert np.allclose(mixed.numpy(), share * plain + (1 - share) * plain[partner], rtol=0, atol=1e-6)


def test_the_loss_of_mixed_targets_is_the_mixed_loss() -> None:
    x, y = batch()
    z = torch.randn(8, 4, generator=draws(2))
    u = Mixup().draw(8, draws(1))
    _, mixed = Mixup(alpha=1.0).apply(x, y, u)
    share = float(u[0])  # Beta(1, 1) is uniform
    labels = y.argmax(1)
    expected = share * F.cross_entropy(z, labels) + (1 - share) * F.cross_entropy(z, labels[u[1]])
    assert float(F.cross_entropy(z, mixed)) == pytest.approx(float(expected), rel=1e-6)


def test_mixup_mixes_vectors_and_numbers_to_predict() -> None:
    x, y = torch.randn(5, 3, generator=draws()), torch.randn(5, 2, generator=draws(1)) * 10
    u = (torch.tensor([0.25]), torch.tensor([4, 3, 2, 1, 0]))
    mixed_x, mixed_y = Mixup(alpha=1.0).apply(x, y, u)
    assert torch.allclose(mixed_x, 0.25 * x + 0.75 * x.flip(0))
    assert torch.allclose(mixed_y, 0.25 * y + 0.75 * y.flip(0))


def test_cutmix_pastes_one_box_and_shares_targets_by_pixels() -> None:
    x, y = batch()
    partner = torch.tensor([3, 0, 5, 1, 2, 7, 4, 6])
    for area, row, column in [(0.5, 0.5, 0.5), (0.2, 0.05, 0.99), (0.9, 0.3, 0.0), (0.0, 0.5, 0.5), (0.6, 0.99, 0.1)]:
        mixed_x, mixed_y = CutMix(alpha=1.0).apply(x, y, (torch.tensor([area, row, column]), partner))
        pasted = (mixed_x != x).all(1)
        assert bool((pasted == pasted[0]).all()), "one box for the batch"
        assert torch.equal(mixed_x, torch.where(pasted[:, None], x[partner], x))
        rows, columns = pasted[0].any(1).nonzero()[:, 0], pasted[0].any(0).nonzero()[:, 0]
        box = (int(rows[-1] - rows[0]) + 1) * (int(columns[-1] - columns[0]) + 1)
        assert box == int(pasted[0].sum()), "it is a rectangle"
        kept = 1 - box / 140
        assert torch.allclose(mixed_y, kept * y + (1 - kept) * y[partner])
        assert torch.allclose(mixed_y.sum(1), torch.ones(8))


def test_the_box_has_its_area_in_the_middle_and_less_at_the_border() -> None:
    """Over all centers a side of 2k pixels loses k pixels on average of k: its mean is 2k - k^2 / L."""
    rows, columns = pasted_box(0.36, (0.5, 0.5), (50, 100))
    assert (rows, columns) == (slice(5, 45), slice(10, 90))
    assert pytest.approx(1 - 0.36) == (40 * 80) / (50 * 100)
    for kept, length, k in [(0.75, 40, 10), (0.84, 50, 10), (0.5001, 20, 7)]:
        sides = []
        for center in range(length):
            (place,) = pasted_box(kept, [(center + 0.5) / length], [length])
            sides.append(place.stop - place.start)
        assert np.mean(sides) == pytest.approx(2 * k - k * k / length)
    assert pasted_box(1.0, (0.5, 0.5), (9, 9)) == (slice(4, 4), slice(4, 4))
    assert pasted_box(0.0, (0.5, 0.5), (9, 9)) == (slice(0, 9), slice(0, 9))


@every_mix
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_mixes_keep_dtype_and_originals_and_off_is_bit_identical(method: Any, dtype: torch.dtype) -> None:
    x, y = batch(dtype=dtype)
    before = x.clone(), y.clone()
    u = method().draw(8, draws(1))
    mixed_x, mixed_y = method(alpha=1.0).apply(x, y, u)
    assert mixed_x.dtype == mixed_y.dtype == dtype
    assert not torch.equal(mixed_x, x)
    off_x, off_y = method(alpha=0.0).apply(x, y, u)
    for after, plain in zip((x, y, off_x, off_y), (*before, *before), strict=True):
        assert torch.equal(after, plain)


@every_mix
def test_draws_are_the_same_whatever_alpha(method: Any) -> None:
    ours, others = method(alpha=0.3).draw(7, draws(3)), method(alpha=5.0).draw(7, draws(3))
    assert all(torch.equal(a, b) for a, b in zip(ours, others, strict=True))
    assert "vector" not in CutMix.kinds
    assert "vector" in Mixup.kinds


@pytest.mark.parametrize("classes", [2, 10])
def test_label_smoothing_is_torchs(classes: int) -> None:
    strengths = torch.tensor([0.0, 0.1, 0.5, 0.99])
    labels = torch.arange(12) % classes
    z = torch.randn(4, 12, classes, generator=draws())
    y = F.one_hot(labels, classes).float().expand(4, -1, -1)
    smoothed = LabelSmoothing.apply(y, {"strength": strengths.view(4, 1, 1)})
    for i, strength in enumerate(strengths.tolist()):
        expected = torch.nn.CrossEntropyLoss(label_smoothing=strength)(z[i], labels)
        assert float(F.cross_entropy(z[i], smoothed[i])) == pytest.approx(float(expected), rel=1e-6)
        alone = LabelSmoothing.apply(y[i : i + 1], {"strength": strengths[i].view(1, 1, 1)})
        assert torch.equal(alone[0], smoothed[i]), "the neighbors do not matter"
    assert torch.equal(smoothed[0], y[0]), "strength 0 changes no bit"
    assert torch.allclose(smoothed.sum(-1), torch.ones(4, 12))


def test_label_smoothing_works_on_mixed_targets() -> None:
    """It is linear: smoothing the mixed targets is mixing the smoothed ones."""
    x, y = batch()
    u = Mixup().draw(8, draws(1))
    strength = {"strength": torch.tensor([[[0.2]]])}
    mixed_first = LabelSmoothing.apply(Mixup(alpha=1.0).apply(x, y, u)[1][None], strength)[0]
    smoothed_first = Mixup(alpha=1.0).apply(x, LabelSmoothing.apply(y[None], strength)[0], u)[1]
    assert torch.allclose(mixed_first, smoothed_first, atol=1e-6)
