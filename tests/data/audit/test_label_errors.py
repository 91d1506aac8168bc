"""Label errors: the noise model by hand and by a sample drawn from it, the judge by scikit-learn and flipped labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.kernel_ridge import KernelRidge

from tests.data.audit.subjects import columns
from wellfit.data.audit.judge import FOLDS, draw_folds, judge_labels, out_of_fold
from wellfit.data.audit.kernel_ridge import PENALTIES, WIDTH, ridge_scores
from wellfit.data.audit.label_errors import Noise, estimate_noise, find_suspects, log_likelihood, posterior
from wellfit.data.audit.patches import patch_features

Classes = npt.NDArray[np.int64]


def flipped(y: Classes, rate: float, seed: int = 0) -> tuple[Classes, npt.NDArray[np.bool_]]:
    draw = np.random.default_rng(seed)
    classes = int(y.max()) + 1
    wrong = draw.permutation(len(y))[: round(rate * len(y))]
    given = y.copy()
    given[wrong] = (y[wrong] + draw.integers(1, classes, len(wrong))) % classes
    return given, given != y


def digits() -> tuple[npt.NDArray[np.uint8], Classes]:
    x, y = load_digits(return_X_y=True)
    return (x.reshape(-1, 1, 8, 8) * 15.9).astype(np.uint8), y.astype(np.int64)


def test_posterior_by_hand() -> None:
    """Three classes, q = (0.8, 0.1, 0.1), label 1, a tenth of the labels wrong."""
    scores = np.log(np.array([[0.8, 0.1, 0.1]]))
    noise = Noise(0.1, 0, 1, 1)
    made = np.array([0.05 * 0.8, 0.9 * 0.1, 0.05 * 0.1])
    np.testing.assert_allclose(posterior(scores, np.array([1]), noise), [made / made.sum()])
    assert log_likelihood(scores, np.array([1]), scale=1, share=0.1) == pytest.approx(np.log(made.sum()))
    found = find_suspects(scores, np.array([1]), noise)
    assert (found.rows.tolist(), found.suggested.tolist()) == ([0], [0])
    assert (found.other[0], found.own[0]) == pytest.approx((made[0] / made.sum(), made[1] / made.sum()))
    assert not len(find_suspects(scores, np.array([1]), noise._replace(share=0.0)).rows)


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.2])
def test_noise_drawn_from_the_model_lies_in_its_interval(rate: float) -> None:
    draw = np.random.default_rng(0)
    scores = draw.normal(size=(4000, 5))
    q = np.exp(3 * scores)
    q /= q.sum(axis=1, keepdims=True)
    y = (q.cumsum(axis=1) > draw.random((4000, 1))).argmax(axis=1)
    found = estimate_noise(scores, flipped(y, rate, seed=1)[0])
    assert found.low <= rate <= found.high
    assert found.high - found.low < 0.06
    assert found.scale == pytest.approx(3, rel=0.1)


def test_ridge_is_that_of_scikit_learn() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(90, 6)).astype(np.float32)
    y = np.arange(90) % 3
    folds = np.arange(90) // 30
    found = ridge_scores(x, y, folds)
    scaled = (x - x.mean(axis=0)) / x.std(axis=0) / np.sqrt(6)
    for penalty, scores in zip(PENALTIES, found, strict=True):
        held = folds == 1
        oracle = KernelRidge(alpha=penalty, kernel="rbf", gamma=WIDTH).fit(scaled[~held], np.eye(3)[y[~held]] - 1 / 3)
        np.testing.assert_allclose(scores[held], oracle.predict(scaled[held]), atol=2e-3)


def test_copies_lie_in_one_fold() -> None:
    x = np.random.default_rng(0).integers(0, 256, (100, 1, 8, 8), dtype=np.uint8)
    x[40], x[71] = x[3], x[3]
    y = np.arange(100) % 2
    folds = draw_folds(x, y)
    assert folds[3] == folds[40] == folds[71]
    assert all(abs(int((y[folds == fold] == 1).sum()) - 10) <= 3 for fold in range(FOLDS))


def test_patch_features_of_pictures_of_any_size() -> None:
    for shape in ((20, 3, 32, 32), (20, 1, 8, 8), (20, 3, 40, 90), (20, 1, 2, 9)):
        x = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        made = patch_features(x, filters=8)
        assert made.shape == (20, 0 if shape[2] < 3 else 64)
        assert np.isfinite(made).all()
    assert np.isfinite(patch_features(np.zeros((5, 1, 16, 16), np.uint8), filters=8)).all()


@pytest.mark.parametrize("rate", [0.0, 0.05])
def test_flipped_digits(rate: float) -> None:
    x, y = digits()
    given, wrong = flipped(y, rate)
    scores = out_of_fold(x, given, "image")
    noise = estimate_noise(scores, given)
    assert noise.low <= rate <= noise.high + 0.002
    found = find_suspects(scores, given, noise)
    if not rate:
        assert len(found.rows) <= 3
        return
    assert wrong[found.rows].mean() >= 0.95
    assert wrong[found.rows].sum() >= 0.95 * wrong.sum()
    assert (found.suggested == y[found.rows]).mean() >= 0.9


def test_flipped_rows_of_a_table() -> None:
    x, y = load_breast_cancer(return_X_y=True)
    given, wrong = flipped(y.astype(np.int64), 0.05)
    scores = out_of_fold(x.astype(np.float64), given, "vector")
    noise = estimate_noise(scores, given)
    assert noise.low <= 0.05 <= noise.high + 0.01
    found = find_suspects(scores, given, noise)
    assert wrong[found.rows].mean() >= 0.8
    assert wrong[found.rows].sum() >= 0.7 * wrong.sum()


def test_labels_without_doubt_still_have_an_estimate() -> None:
    """Two far groups, all labels right: nothing is named, and the part of wrong labels is known to be small."""
    x = np.random.default_rng(0).normal(size=(200, 3)) + 20 * (np.arange(200) % 2)[:, None]
    subject = columns(x)
    subject = replace(subject, task="classification", y=np.arange(200) % 2, classes=("a", "b"))
    findings, noise = judge_labels(subject)
    assert findings == []
    assert noise is not None
    assert noise.low == 0
    assert noise.high < 0.03
