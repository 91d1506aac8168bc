"""Student's t against its closed forms: Cauchy's for one degree of freedom, an algebraic one for two, the normal."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wellfit.stats.student import t_below, t_value

T = np.array([-40.0, -3.2, -0.5, 0.0, 1.0, 12.7])


def test_below_has_its_closed_forms() -> None:
    assert t_below(1, T) == pytest.approx(0.5 + np.arctan(T) / np.pi, rel=1e-12)
    assert t_below(2, T) == pytest.approx(0.5 + T / (2 * np.sqrt(2 + T**2)), rel=1e-11)
    assert t_below(math.inf, T) == pytest.approx([math.erfc(-t / math.sqrt(2)) / 2 for t in T], rel=1e-12)


def test_value_undoes_below() -> None:
    df = np.array([[1.0], [2.5], [4.0], [1e3]])
    p = np.array([0.005, 0.5, 0.975])
    found = t_value(df, p)
    assert found.shape == (4, 3)
    assert t_below(df, found) == pytest.approx(np.broadcast_to(p, (4, 3)), rel=1e-9)


def test_the_quantiles_of_the_tables() -> None:
    assert [float(t_value(df, 0.975)) for df in (2, 4)] == pytest.approx([4.3027, 2.7764], abs=5e-5)
