"""Loss = bias^2 + variance: exact identities, published definitions, closed forms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from wellfit.errors import InputError
from wellfit.examine.decompose import domingos, kohavi_wolpert, squared
from wellfit.examine.interval import mean_interval

Array = npt.NDArray[np.float64]


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.fixture
def probabilities(draw: np.random.Generator) -> Array:
    return draw.dirichlet((0.4, 0.3, 0.6, 0.2), (7, 50))


@pytest.fixture
def truth(draw: np.random.Generator) -> npt.NDArray[np.int64]:
    return draw.integers(0, 4, 50)


def test_squared_terms_add_up_for_every_sample(draw: np.random.Generator) -> None:
    predictions, y = draw.normal(size=(6, 40, 3)), draw.normal(size=(40, 3))
    found = squared(predictions, y)
    np.testing.assert_allclose(found.loss.mean(0), (found.bias2 + found.variance).mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.loss, ((predictions - y) ** 2).sum(2), rtol=1e-12)
    bias2, variance = found.plain
    assert bias2 + variance == pytest.approx(float(found.loss.mean()), rel=1e-12)


def test_the_variance_is_numpys_and_the_bias_is_corrected_by_it(draw: np.random.Generator) -> None:
    predictions, y = draw.normal(size=(6, 40, 3)), draw.normal(size=(40, 3))
    found = squared(predictions, y)
    s2 = predictions.var(0, ddof=1).sum(1)
    np.testing.assert_allclose(found.variance.mean(0), s2, rtol=1e-12)
    np.testing.assert_allclose(found.bias2.mean(0), ((predictions.mean(0) - y) ** 2).sum(1) - s2 / 6, rtol=1e-9)


def test_pseudo_values_are_those_of_leaving_one_out(draw: np.random.Generator) -> None:
    predictions = draw.normal(size=(5, 8, 2))
    found = squared(predictions, np.zeros((8, 2))).variance
    whole = predictions.var(0, ddof=1).sum(1)
    for b in range(5):
        without = np.delete(predictions, b, axis=0).var(0, ddof=1).sum(1)
        np.testing.assert_allclose(found[b], 5 * whole - 4 * without, rtol=1e-10)


def test_plain_terms_are_mlxtends_for_squared_error(draw: np.random.Generator) -> None:
    """mlxtend.evaluate.bias_variance_decomp, loss='mse', restated."""
    predictions, y = draw.normal(size=(20, 30)), draw.normal(size=30)
    expected_loss = np.apply_along_axis(lambda row: ((row - y) ** 2).mean(), 1, predictions).mean()
    main = predictions.mean(0)
    bias = ((main - y) ** 2).sum() / y.size
    variance = ((main - predictions) ** 2).sum() / predictions.size
    found = squared(predictions[..., None], y[:, None])
    assert found.plain == pytest.approx((bias, variance), rel=1e-12)
    assert float(found.loss.mean()) == pytest.approx(float(expected_loss), rel=1e-12)


def test_domingos_terms_are_mlxtends_for_zero_one_loss(draw: np.random.Generator) -> None:
    """mlxtend.evaluate.bias_variance_decomp, loss='0-1_loss', restated: the main prediction is the mode."""
    votes, truth = draw.integers(0, 4, (15, 60)), draw.integers(0, 4, 60)
    main = np.apply_along_axis(lambda column: np.argmax(np.bincount(column)), 0, votes)
    bias = np.mean(main != truth)
    variance = np.mean([np.mean(row != main) for row in votes])
    found = domingos(votes, truth, 4)
    assert float(found.bias.mean()) == pytest.approx(float(bias))
    assert float(found.variance.mean()) == pytest.approx(float(variance))


def test_domingos_terms_add_up_for_every_sample(draw: np.random.Generator) -> None:
    votes, truth = draw.integers(0, 4, (15, 60)), draw.integers(0, 4, 60)
    found = domingos(votes, truth, 4)
    np.testing.assert_allclose(found.bias + found.net, (votes != truth).mean(0), atol=1e-12)


def test_domingos_net_variance_of_two_classes_has_the_sign_of_the_paper(draw: np.random.Generator) -> None:
    """Theorem 2: E[L] = bias + c variance with c = 1 where the main prediction is right, else -1."""
    votes, truth = draw.integers(0, 2, (9, 80)), draw.integers(0, 2, 80)
    found = domingos(votes, truth, 2)
    np.testing.assert_allclose(found.net, np.where(found.bias == 0, 1, -1) * found.variance, atol=1e-12)


def test_kohavi_wolpert_is_the_papers(draw: np.random.Generator) -> None:
    votes, truth = draw.integers(0, 4, (15, 60)), draw.integers(0, 4, 60)
    shares = np.stack([(votes == c).mean(0) for c in range(4)], axis=1)
    bias2 = 0.5 * ((np.eye(4)[truth] - shares) ** 2).sum(1)
    variance = 0.5 * (1 - (shares**2).sum(1))
    found = kohavi_wolpert(votes, truth, 4)
    assert found.plain == pytest.approx((bias2.mean(), variance.mean()), rel=1e-12)
    np.testing.assert_allclose(found.loss, votes != truth)
    # the paper's own correction: subtract P (1 - P) / (N - 1)
    corrected = bias2 - 0.5 * (shares * (1 - shares)).sum(1) / 14
    np.testing.assert_allclose(found.bias2.mean(0), corrected, atol=1e-12)


def test_brier_score_is_scikit_learns(probabilities: Array, truth: npt.NDArray[np.int64]) -> None:
    found = squared(probabilities, np.eye(4)[truth])
    each = [((row - np.eye(4)[truth]) ** 2).sum(1).mean() for row in probabilities]
    np.testing.assert_allclose(found.loss.mean(1), each)


def test_correction_is_unbiased_where_the_plain_bias_is_too_large(draw: np.random.Generator) -> None:
    """The mean of n draws of N(3, 4) as an estimate of 3: bias 0, variance 4 / n."""
    n, trainings, samples = 8, 4, 20_000
    estimates = draw.normal(3.0, 2.0, (trainings, samples, n)).mean(2)[..., None]
    found = squared(estimates, np.full((samples, 1), 3.0))
    assert float(found.variance.mean()) == pytest.approx(0.5, abs=0.01)
    assert abs(float(found.bias2.mean())) < 0.01
    assert found.plain[0] == pytest.approx(0.5 / trainings, abs=0.01)


def test_neighbors_have_the_bias_and_variance_of_the_textbook(draw: np.random.Generator) -> None:
    """Hastie, Tibshirani & Friedman, 7.3.1: sigma^2 + (f(x) - mean of f over the k nearest)^2 + sigma^2 / k."""
    from wellfit.examine.neighbors import neighbor_predictions

    x, wanted, sigma = np.linspace(0, 1, 60)[:, None], np.linspace(0.01, 0.98, 25)[:, None], 0.3
    f = np.sin(6 * x)
    ks = (1, 4, 16)
    predictions = np.stack(
        [neighbor_predictions(x, f + draw.normal(0, sigma, f.shape), wanted, ks) for _ in range(3000)], axis=1
    )
    distances = np.abs(wanted - x.T)
    for k, each in zip(ks, predictions, strict=True):
        nearest = f[np.argsort(distances, axis=1, kind="stable")[:, :k], 0].mean(1)
        found = squared(each, np.sin(6 * wanted))
        bias2 = ((np.sin(6 * wanted[:, 0]) - nearest) ** 2).mean()
        assert float(found.variance.mean()) == pytest.approx(sigma**2 / k, rel=0.03)
        assert float(found.bias2.mean()) == pytest.approx(float(bias2), abs=0.03 * sigma**2)


def test_linear_regression_has_its_closed_variance_and_noise_is_in_the_bias(draw: np.random.Generator) -> None:
    """Fixed design: variance sigma^2 x (X'X)^-1 x', no bias; against noisy targets bias^2 is sigma^2."""
    design, wanted, sigma = draw.normal(size=(30, 4)), draw.normal(size=(2000, 4)), 0.5
    w = draw.normal(size=4)
    y = design @ w + draw.normal(0, sigma, (3000, 30))
    fits = (np.linalg.pinv(design) @ y.T).T
    predictions = (fits @ wanted.T)[..., None]
    variance = sigma**2 * np.einsum("ni,ij,nj->n", wanted, np.linalg.inv(design.T @ design), wanted).mean()
    clean = squared(predictions, (wanted @ w)[:, None])
    assert float(clean.variance.mean()) == pytest.approx(float(variance), rel=0.03)
    assert abs(float(clean.bias2.mean())) < 0.01 * variance
    noisy = squared(predictions, (wanted @ w + draw.normal(0, sigma, 2000))[:, None])
    assert float(noisy.bias2.mean()) == pytest.approx(sigma**2, rel=0.1)


def test_intervals_hold_for_new_trainings_and_new_samples(draw: np.random.Generator) -> None:
    """Trainings and samples both add their own: the interval covers in at least 95 % of repetitions, not by far."""
    hits = widths = 0.0
    repetitions = 400
    for _ in range(repetitions):
        table = draw.normal(0, 0.5, (12, 1)) + draw.normal(0, 1.0, 60) + draw.normal(0, 1.0, (12, 60))
        found = mean_interval(1.0 + table)
        hits += found.low <= 1.0 <= found.high
        widths += found.half_width
    assert 0.92 <= hits / repetitions <= 0.995
    truth = np.sqrt(0.25 / 12 + 1 / 60 + 1 / 720)
    assert 1.9 * truth < widths / repetitions < 2.6 * truth


def test_a_table_of_one_training_speaks_of_samples_alone(draw: np.random.Generator) -> None:
    row = draw.normal(size=(1, 400))
    found = mean_interval(row)
    assert found.half_width == pytest.approx(1.966 * row.std(ddof=1) / 20, rel=1e-3)


@pytest.mark.parametrize(
    ("predictions", "targets", "line"),
    [
        (np.zeros((2, 5, 1)), np.zeros((5, 1)), "2 trainings"),
        (np.zeros((4, 5, 1)), np.zeros((6, 1)), "shape"),
        (np.full((4, 5, 1), np.nan), np.zeros((5, 1)), "not finite"),
    ],
)
def test_what_is_no_table_of_predictions_is_refused(predictions: Array, targets: Array, line: str) -> None:
    with pytest.raises(InputError, match=line):
        squared(predictions, targets)
