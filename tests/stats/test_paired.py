import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from wellfit.errors import InputError
from wellfit.stats import MAX_SEEDS, paired_difference, seeds_needed

A = [0.41, 0.44, 0.39, 0.47, 0.42]
B = [0.45, 0.46, 0.44, 0.48, 0.47]


def test_equals_scipy_paired_t_test() -> None:
    found = paired_difference(A, B)
    oracle = stats.ttest_rel(A, B)
    difference = np.subtract(A, B)
    assert found.n == 5
    assert found.difference == pytest.approx(difference.mean())
    assert found.p == pytest.approx(oracle.pvalue, rel=1e-10)
    assert found.ci95 == pytest.approx(tuple(oracle.confidence_interval(0.95)), rel=1e-10)
    assert found.dz == pytest.approx(difference.mean() / difference.std(ddof=1))
    assert found.seeds_needed is None


def test_tiny_p_keeps_its_digits() -> None:
    difference = np.array([1.0, 1.001, 0.999, 1.0005, 0.9995, 1.0002])
    oracle = stats.ttest_1samp(difference, 0.0)
    assert oracle.pvalue < 1e-14
    assert paired_difference(list(difference), [0.0] * 6).p == pytest.approx(oracle.pvalue, rel=1e-6)


def test_swapping_the_arms_changes_signs_only() -> None:
    forth, back = paired_difference(A, B), paired_difference(B, A)
    assert forth.difference is not None
    assert back.difference == pytest.approx(-forth.difference)
    assert back.p == pytest.approx(forth.p)
    assert forth.dz is not None
    assert back.dz == pytest.approx(-forth.dz)


def test_diverged_pairs_are_dropped_together() -> None:
    found = paired_difference([1.0, math.nan, 3.0, 5.0], [0.5, 1.0, math.inf, 3.5])
    assert (found.n, found.dropped) == (2, 2)
    assert found.difference == pytest.approx((0.5 + 1.5) / 2)
    assert found.p == pytest.approx(stats.ttest_rel([1.0, 5.0], [0.5, 3.5]).pvalue)


def test_one_pair_has_a_difference_and_nothing_else() -> None:
    found = paired_difference([1.0], [0.75], half_width=0.1)
    assert found.difference == 0.25
    assert (found.ci95, found.p, found.dz, found.sd, found.seeds_needed) == (None, None, None, None, None)


def test_no_pair_has_nothing() -> None:
    found = paired_difference([math.nan], [1.0])
    assert (found.difference, found.n, found.dropped) == (None, 0, 1)


def test_equal_arms_have_p_one() -> None:
    found = paired_difference(A, A, half_width=0.01)
    assert (found.difference, found.ci95, found.p, found.dz, found.seeds_needed) == (0.0, (0.0, 0.0), 1.0, 0.0, 2)


def test_constant_difference_claims_nothing() -> None:
    """0.3 - 0.1 and 0.4 - 0.2 differ in the last bit; that is no spread."""
    found = paired_difference([0.3, 0.4, 0.7], [0.1, 0.2, 0.5])
    assert found.difference == pytest.approx(0.2)
    assert (found.sd, found.p, found.ci95, found.dz, found.seeds_needed) == (0.0, None, None, None, None)


@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=6))
def test_result_is_always_valid_json(pairs: list[tuple[float, float]]) -> None:
    small = [(a, b) for a, b in pairs if not (abs(a) > 1e100 or abs(b) > 1e100)]
    found = paired_difference([a for a, _ in small], [b for _, b in small], half_width=1.0)
    json.dumps(asdict(found), allow_nan=False)
    assert found.n + found.dropped == len(small)


@pytest.mark.parametrize(("sd", "half_width"), [(1.0, 0.5), (0.02, 0.005), (1.0, 3.0), (0.3, 0.29), (1.0, 0.1)])
def test_seeds_needed_is_the_smallest_that_suffices(sd: float, half_width: float) -> None:
    n = seeds_needed(sd, half_width)
    assert stats.t.ppf(0.975, n - 1) * sd / math.sqrt(n) <= half_width
    if n > 2:
        assert stats.t.ppf(0.975, n - 2) * sd / math.sqrt(n - 1) > half_width


def test_seeds_needed_bounds() -> None:
    assert seeds_needed(0.0, 1e-9) == 2
    assert seeds_needed(1.0, 1e-9) == MAX_SEEDS
    assert paired_difference(A, B, half_width=0.005).seeds_needed == seeds_needed(
        float(np.subtract(A, B).std(ddof=1)), 0.005
    )


def test_errors_name_the_value() -> None:
    with pytest.raises(InputError, match="5 and 4 values"):
        paired_difference(A, B[:4])
    with pytest.raises(InputError, match=r"half_width: received 0\.0"):
        paired_difference(A, B, half_width=0.0)
    with pytest.raises(InputError, match="sd: received nan"):
        seeds_needed(math.nan, 1.0)
