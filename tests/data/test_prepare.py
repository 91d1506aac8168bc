import json

import numpy as np
import pytest
import torch
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from wellfit.data import PerImage, prepare, scaler_from
from wellfit.data.prepare import Scaler, fit_targets, to_unit


def vectors() -> torch.Tensor:
    found = torch.from_numpy(np.random.default_rng(0).normal(3, 5, (500, 4)).astype(np.float32))
    found[:, 1] = 0.1  # constant, and no binary fraction
    found[:, 2] += 1000
    return found


def images() -> torch.Tensor:
    return torch.randint(0, 200, (600, 3, 5, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


ROWS = torch.randperm(500, generator=torch.Generator().manual_seed(0))[:333]


@pytest.mark.parametrize("small_chunks", [False, True])
def test_standardize_against_scikit_learn(monkeypatch: pytest.MonkeyPatch, small_chunks: bool) -> None:
    if small_chunks:
        monkeypatch.setattr(prepare, "CHUNK_BYTES", 8 * 4 * 7)
    x = vectors()
    oracle = StandardScaler().fit(x[ROWS].double().numpy())
    scaler = Scaler.fit(x, kind="vector", rows=ROWS)
    np.testing.assert_allclose(scaler.mean.numpy(), oracle.mean_, rtol=1e-6)
    np.testing.assert_allclose(scaler.std.numpy(), oracle.scale_, rtol=1e-6)
    np.testing.assert_allclose(scaler.apply(x).numpy(), oracle.transform(x.double().numpy()), atol=2e-5)
    assert scaler.std[1] == 1
    assert (scaler.apply(x)[:, 1] == 0).all()


def test_minmax_against_scikit_learn() -> None:
    x = vectors()
    scaler = Scaler.fit(x, kind="vector", how="minmax", rows=ROWS)
    oracle = MinMaxScaler().fit_transform(x[ROWS].double().numpy())
    found = scaler.apply(x[ROWS])
    np.testing.assert_allclose(found.numpy(), oracle, atol=1e-5)
    assert (float(found.min()), float(found.max())) == (0, 1)


@pytest.mark.parametrize("small_chunks", [False, True])
def test_images_per_channel(monkeypatch: pytest.MonkeyPatch, small_chunks: bool) -> None:
    if small_chunks:
        monkeypatch.setattr(prepare, "CHUNK_BYTES", 8 * 60 * 7)
    x = images()
    oracle = StandardScaler().fit(x[ROWS].permute(0, 2, 3, 1).reshape(-1, 3).double().numpy() / 255)
    scaler = Scaler.fit(x, kind="image", rows=ROWS)
    assert scaler.mean.shape == (3, 1, 1)
    np.testing.assert_allclose(scaler.mean.flatten().numpy(), oracle.mean_, rtol=1e-6)
    np.testing.assert_allclose(scaler.std.flatten().numpy(), oracle.scale_, rtol=1e-6)
    scaled = scaler.apply(x[ROWS])
    assert scaled.dtype == torch.float32
    np.testing.assert_allclose(scaled.mean((0, 2, 3)).numpy(), 0, atol=1e-5)
    assert torch.equal(scaled, scaler.apply(to_unit(x[ROWS])))
    minmax = Scaler.fit(x, kind="image", how="minmax", rows=ROWS).apply(x[ROWS])
    np.testing.assert_allclose([minmax.min(), minmax.max()], [0, 1], atol=1e-6)
    np.testing.assert_array_equal(Scaler.fit(x, kind="image", how="none").apply(x).numpy(), x.numpy() / np.float32(255))


@pytest.mark.parametrize("shape", [(500, 4), (501, 4), (100, 5, 4)])
def test_robust_against_scikit_learn(shape: tuple[int, ...]) -> None:
    x = vectors().repeat(2, 1)[: shape[0] * (shape[1] if len(shape) == 3 else 1)].reshape(shape)
    x[:3, ..., 0] = 1e6  # outliers do not count
    rows = ROWS[len(x) > ROWS]
    oracle = RobustScaler().fit(x[rows].double().reshape(-1, 4).numpy())
    scaler = Scaler.fit(x, kind="sequence" if len(shape) == 3 else "vector", how="robust", rows=rows)
    np.testing.assert_allclose(scaler.mean.numpy(), oracle.center_, rtol=1e-6)
    np.testing.assert_allclose(scaler.std.numpy(), oracle.scale_, rtol=1e-6)
    expected = oracle.transform(x.double().reshape(-1, 4).numpy()).reshape(shape)
    np.testing.assert_allclose(scaler.apply(x).numpy(), expected, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(scaler.invert(scaler.apply(x)).numpy(), x.numpy(), rtol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 333])
def test_robust_images_against_scikit_learn(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(prepare, "CHUNK_BYTES", 8 * 60 * 7)
    x, rows = images(), ROWS[:count]
    oracle = RobustScaler().fit(x[rows].permute(0, 2, 3, 1).reshape(-1, 3).double().numpy() / 255)
    scaler = Scaler.fit(x, kind="image", how="robust", rows=rows)
    np.testing.assert_allclose(scaler.mean.flatten().numpy(), oracle.center_, rtol=1e-6)
    np.testing.assert_allclose(scaler.std.flatten().numpy(), oracle.scale_, rtol=1e-6)
    assert (Scaler.fit(torch.full_like(x, 9), kind="image", how="robust").std == 1).all()


def test_per_image_against_scikit_learn() -> None:
    x = images()[:20]
    x[3] = 100
    found = PerImage().apply(x)
    expected = StandardScaler().fit_transform(x.flatten(1).double().numpy().T).T  # each image as a column
    np.testing.assert_allclose(found.flatten(1).numpy(), expected, atol=2e-5)
    assert (found[3] == 0).all()
    assert torch.equal(found, PerImage().apply(to_unit(x)))
    assert torch.equal(PerImage().apply(x[:6].view(2, 3, 3, 5, 4))[1, 2], found[5])
    darker = PerImage().apply(to_unit(x).mul(0.5).add(0.1))
    np.testing.assert_allclose(darker.numpy(), found.numpy(), atol=1e-5)
    assert isinstance(scaler_from(json.loads(json.dumps(PerImage().to_dict()))), PerImage)
    assert isinstance(scaler_from(Scaler.fit(x, kind="image").to_dict()), Scaler)


def test_black_images_divide_by_one() -> None:
    black = torch.zeros(5, 1, 3, 3, dtype=torch.uint8)
    assert (Scaler.fit(black, kind="image").apply(black) == 0).all()
    assert (Scaler.fit(black, kind="image", how="minmax").apply(black) == 0).all()


def test_only_the_given_rows_count() -> None:
    x = vectors()
    scaler = Scaler.fit(x, kind="vector", rows=ROWS)
    rest = torch.ones(500, dtype=torch.bool)
    rest[ROWS] = False
    x[rest] = 1e9
    assert torch.equal(scaler.mean, Scaler.fit(x, kind="vector", rows=ROWS).mean)


def test_none_leaves_vectors_alone() -> None:
    x = vectors()
    assert torch.equal(Scaler.fit(x, kind="vector", how="none").apply(x), x)


def test_leading_dimensions_broadcast() -> None:
    x = images()
    scaler = Scaler.fit(x, kind="image")
    stacked = x[:6].view(2, 3, 3, 5, 4)
    assert torch.equal(scaler.apply(stacked)[1, 2], scaler.apply(x[5:6])[0])


def test_the_input_is_not_changed() -> None:
    x = vectors()
    before = x.clone()
    Scaler.fit(x, kind="vector").apply(x)
    assert torch.equal(x, before)


def test_json_gives_the_same_scaler_back() -> None:
    for scaler in (Scaler.fit(images(), kind="image"), Scaler.fit(vectors(), kind="vector")):
        again = Scaler.from_dict(json.loads(json.dumps(scaler.to_dict())))
        assert torch.equal(again.mean, scaler.mean)
        assert torch.equal(again.std, scaler.std)
        assert again.to("cpu").mean.shape == scaler.mean.shape


def test_targets_are_standardized_and_inverted() -> None:
    y = torch.from_numpy(np.random.default_rng(1).gamma(2, 3e5, (500, 2)).astype(np.float32))
    scaler = fit_targets(y, ROWS)
    z = scaler.apply(y[ROWS])
    np.testing.assert_allclose(z.mean(0).numpy(), 0, atol=1e-5)
    np.testing.assert_allclose(z.std(0, correction=0).numpy(), 1, rtol=1e-5)
    np.testing.assert_allclose(scaler.invert(z).numpy(), y[ROWS].numpy(), rtol=1e-5)


def test_large_means_do_not_cancel() -> None:
    x = torch.tensor([[1e6 + i] for i in range(5)])
    np.testing.assert_allclose(Scaler.fit(x, kind="vector").std.numpy(), np.std(np.arange(5)), rtol=1e-6)


def test_uint8_is_never_converted_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    plain = prepare._blocks

    def watched(x: torch.Tensor, rows: torch.Tensor | None, *, at_most: int | None = None) -> list[torch.Tensor]:
        found = list(plain(x, rows, at_most=at_most))
        sizes.extend(block.numel() for block in found)
        return found

    monkeypatch.setattr(prepare, "_blocks", watched)
    x = torch.zeros(3000, 3, 64, 64, dtype=torch.uint8)
    Scaler.fit(x, kind="image")
    assert max(sizes) * 8 <= prepare.CHUNK_BYTES
    assert sum(sizes) == x.numel()
