"""Strange pictures among natural ones, and the distance behind it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.covariance import MinCovDet

from wellfit.data.audit.outliers import find_outliers
from wellfit.data.audit.texture import robust_distance, textures

from .subjects import images


def scenes(count: int, *, channels: int = 3) -> npt.NDArray[np.uint8]:
    """Return smooth pictures: a few waves of random direction, length and color, as photographs have."""
    draw = np.random.default_rng(0)
    down, across = np.mgrid[0:32, 0:32] / 32
    made = np.zeros((count, channels, 32, 32))
    for _ in range(4):
        turn, size = draw.uniform(0, 6, (2, count, 1, 1, 1)), draw.uniform(1, 3, (count, 1, 1, 1))
        wave = np.sin(size * 3 * (np.cos(turn[0]) * down + np.sin(turn[0]) * across) + turn[1])
        made += wave * draw.uniform(0.5, 1, (count, channels, 1, 1))
    made += draw.normal(0, 0.15, made.shape)
    return np.clip(128 + 30 * made, 0, 255).astype(np.uint8)


def test_noise_shuffled_and_striped_pictures_are_outliers() -> None:
    draw = np.random.default_rng(1)
    x = scenes(600)
    x[7] = draw.integers(0, 256, x[7].shape)
    x[8] = x[8].reshape(3, -1)[:, draw.permutation(1024)].reshape(3, 32, 32)
    x[9] = 0
    x[9, :, :, ::2] = 200
    (found,) = find_outliers(images(x))
    assert {"s7", "s8", "s9"} <= set(found.where)
    assert found.count <= 12


def test_distance_is_near_that_of_scikit_learn() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(1500, 4)) @ draw.normal(size=(4, 4))
    x[:20] += 30
    mine = robust_distance(x)
    oracle = np.sqrt(MinCovDet(random_state=0, support_fraction=0.9).fit(x).mahalanobis(x))
    assert np.corrcoef(np.log(mine), np.log(oracle))[0, 1] > 0.98
    assert set(np.argsort(mine)[-20:]) == set(range(20))


def test_textures_are_finite() -> None:
    for shape in ((4, 1, 1, 1), (4, 3, 3, 3), (4, 4, 9, 2)):
        assert np.isfinite(textures(np.zeros(shape, np.uint8))).all()
