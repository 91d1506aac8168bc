"""Crossed random effects: against statsmodels and closed forms, and by how often the interval covers the truth."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from wellfit.errors import InputError
from wellfit.stats.crossed import Crossed, crossed_difference, mean_variance


def found(gain: np.ndarray, *, simultaneous: int = 1) -> Crossed:
    made = crossed_difference(gain, simultaneous=simultaneous)
    assert made is not None
    return made


def drawn(draw: np.random.Generator, seeds: int, samples: int, sds: tuple[float, float, float]) -> np.ndarray:
    return np.asarray(
        sds[0] * draw.standard_normal((seeds, 1))
        + sds[1] * draw.standard_normal((1, samples))
        + sds[2] * draw.standard_normal((seeds, samples))
    )


def test_equals_the_mixed_model_of_statsmodels() -> None:
    """REML of a balanced design with positive components is the analysis of variance."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    gain = 0.3 + drawn(np.random.default_rng(0), 6, 12, (0.8, 0.9, 0.5))
    seeds, samples = np.indices(gain.shape)
    table = pd.DataFrame({"gain": gain.ravel(), "seed": seeds.ravel(), "sample": samples.ravel(), "all": 0})
    parts = {"seed": "0 + C(seed)", "sample": "0 + C(sample)"}
    model = MixedLM.from_formula("gain ~ 1", groups="all", re_formula="0", vc_formula=parts, data=table)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = model.fit(reml=True)
    variance, _ = mean_variance(gain)
    assert float(fitted.fe_params.iloc[0]) == pytest.approx(gain.mean())
    assert math.sqrt(variance) == pytest.approx(float(fitted.bse_fe.iloc[0]), rel=0.01)


def test_without_sample_effects_it_is_the_t_interval_over_seeds() -> None:
    """Where every sample gains the same with a seed, only seeds are left: n = 4, df = 3."""
    per_seed = np.array([0.02, 0.05, 0.01, 0.03])
    one = found(np.repeat(per_seed[:, None], 200, axis=1))
    oracle = stats.ttest_1samp(per_seed, 0)
    assert one.df == pytest.approx(3, rel=1e-6)
    assert one.p == pytest.approx(oracle.pvalue, rel=1e-6)
    assert one.ci95 == pytest.approx(tuple(oracle.confidence_interval(0.95)), rel=1e-6)


def test_without_seed_effects_it_is_the_t_interval_over_samples() -> None:
    per_sample = np.random.default_rng(2).choice([-1.0, 0.0, 1.0], size=300, p=[0.05, 0.85, 0.1])
    one = found(np.repeat(per_sample[None], 5, axis=0))
    oracle = stats.ttest_1samp(per_sample, 0)
    assert one.df == pytest.approx(299, rel=1e-6)
    assert one.ci95 == pytest.approx(tuple(oracle.confidence_interval(0.95)), rel=1e-6)


def test_one_seed_is_about_its_samples_alone() -> None:
    gain = np.random.default_rng(3).standard_normal((1, 80))
    one = found(gain)
    assert one.ci95 == pytest.approx(tuple(stats.ttest_1samp(gain[0], 0).confidence_interval(0.95)))
    assert (one.seeds, one.seeds_in_it, found(np.vstack([gain, gain + 0.1])).seeds_in_it) == (1, False, True)


def test_it_is_wider_than_either_part_alone() -> None:
    gain = drawn(np.random.default_rng(4), 5, 60, (0.3, 0.8, 0.5))
    half = found(gain).ci95
    assert half is not None
    over_seeds = np.ptp(stats.ttest_1samp(gain.mean(1), 0).confidence_interval(0.95)) / 2
    over_samples = stats.sem(gain.mean(0)) * 1.96
    assert half.half_width > max(over_samples, 0.6 * over_seeds)


def test_diverged_seeds_are_left_out_whole() -> None:
    gain = drawn(np.random.default_rng(5), 4, 30, (0.1, 0.5, 1.0))
    holed = gain.copy()
    holed[1, 3], holed[3] = math.nan, math.inf
    one = found(holed)
    assert (one.seeds, one.samples, one.dropped) == (2, 30, 2)
    assert one.ci95 == found(gain[[0, 2]]).ci95
    assert one.per_seed == pytest.approx(tuple(gain[[0, 2]].mean(1)))
    assert crossed_difference(np.full((3, 4), math.nan)) is None
    assert crossed_difference(np.empty((3, 0))) is None


def test_no_spread_is_no_certainty() -> None:
    nothing = found(np.zeros((3, 50)))
    assert (nothing.difference, nothing.ci95, nothing.p) == (0.0, (0.0, 0.0), 1.0)
    same = found(np.full((3, 50), 0.1))
    assert same.difference == pytest.approx(0.1)
    assert same.ci95 is None
    assert same.p is None
    single = found(np.array([[0.5]]))
    assert (single.difference, single.ci95, single.p) == (0.5, None, None)


def test_simultaneous_intervals_are_bonferronis() -> None:
    gain = drawn(np.random.default_rng(6), 5, 40, (0.2, 0.5, 1.0))
    one, four = found(gain), found(gain, simultaneous=4)
    assert one.ci95 is not None
    assert four.ci95 is not None
    ratio = stats.t.ppf(1 - 0.025 / 4, one.df) / stats.t.ppf(0.975, one.df)
    assert four.ci95.half_width / one.ci95.half_width == pytest.approx(ratio)
    assert four.p == one.p


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize(
    "sds",
    [(0.0, 0.0, 1.0), (0.0, 1.0, 0.3), (0.1, 0.5, 1.0), (1.0, 0.5, 1.0)],
    ids=["noise", "sample", "both", "seed"],
)
def test_the_interval_covers_the_truth(seeds: int, sds: tuple[float, float, float]) -> None:
    draw = np.random.default_rng([seeds, int(10 * sds[0]), int(10 * sds[1])])
    made = [found(drawn(draw, seeds, 50, sds)) for _ in range(600)]
    covers = sum(one.ci95 is not None and one.ci95.holds(0.0) for one in made)
    assert stats.binomtest(covers, 600, 0.93, alternative="less").pvalue > 1e-3
    true = 2 * 1.96 * math.sqrt(sds[0] ** 2 / seeds + sds[1] ** 2 / 50 + sds[2] ** 2 / (50 * seeds))
    widths = [one.ci95.high - one.ci95.low for one in made if one.ci95 is not None]
    assert np.median(widths) < 2 * true


@pytest.mark.parametrize(("seeds", "samples"), [(3, 50), (5, 300), (3, 3000)])
def test_the_interval_covers_gains_of_correctness(seeds: int, samples: int) -> None:
    """Two classifiers of the same skill on the same samples; the skill varies by seed, samples differ in difficulty."""
    draw = np.random.default_rng([seeds, samples])
    covers, repeats = 0, 300
    for _ in range(repeats):
        difficulty = 1.2 + 1.5 * draw.standard_normal((1, samples))
        right = [
            difficulty + 0.2 * draw.standard_normal((seeds, 1)) + draw.standard_normal((seeds, samples)) > 0
            for _ in range(2)
        ]
        one = found(right[0].astype(float) - right[1])
        covers += one.ci95 is not None and one.ci95.holds(0.0)
    assert stats.binomtest(covers, repeats, 0.93, alternative="less").pvalue > 1e-3


def test_errors_name_the_value() -> None:
    with pytest.raises(InputError, match="gain: received 1 axes"):
        crossed_difference(np.zeros(4))
    with pytest.raises(InputError, match="simultaneous: received 0"):
        crossed_difference(np.zeros((2, 4)), simultaneous=0)
