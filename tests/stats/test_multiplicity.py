import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from wellfit.errors import InputError
from wellfit.stats import holm


@settings(max_examples=50)
@given(st.lists(st.floats(min_value=0, max_value=1), min_size=1, max_size=12))
def test_equals_statsmodels(p_values: list[float]) -> None:
    oracle = multipletests(p_values, method="holm")[1]
    assert holm(p_values) == pytest.approx(list(oracle), rel=1e-12, abs=1e-300)


def test_missing_values_pass_through_and_do_not_count() -> None:
    assert holm([None, 0.01, None, 0.04]) == [None, 0.02, None, 0.04]
    assert holm([None]) == [None]
    assert holm([]) == []


def test_never_smaller_than_the_raw_p_and_in_its_order() -> None:
    raw = [0.04, 0.001, 0.3, 0.04, 0.9]
    adjusted = [value for value in holm(raw) if value is not None]
    assert all(new >= old for new, old in zip(adjusted, raw, strict=True))
    assert list(np.diff(np.array(adjusted)[np.argsort(raw, kind="stable")]) >= 0) == [True] * 4


@pytest.mark.parametrize("bad", [-0.1, 1.5, math.nan])
def test_no_probability_is_an_error(bad: float) -> None:
    with pytest.raises(InputError, match=r"p_values\[1\]"):
        holm([0.5, bad])
