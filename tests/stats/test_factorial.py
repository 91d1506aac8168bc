import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats.anova import AnovaRM

from wellfit.errors import InputError
from wellfit.stats import Effect, analyze_factorial
from wellfit.stats.factorial import Cell

NAMES = ("dropout", "l2", "augment")


def made(shape: tuple[int, ...], seeds: int, *, key: int = 0) -> dict[Cell, list[float]]:
    """Cells with a block effect, main effects and one interaction, and noise that differs between cells."""
    rng = np.random.default_rng(key)
    block = rng.normal(0, 1.0, seeds)
    return {
        cell: list(block + 0.3 * cell[0] - 0.2 * cell[-1] + 0.5 * cell[0] * cell[1] + rng.normal(0, 0.1, seeds))
        for cell in itertools.product(*(range(levels) for levels in shape))
    }


def frame(cells: dict[Cell, list[float]]) -> pd.DataFrame:
    rows = [
        {"seed": seed, "y": value, **dict(zip(NAMES, cell, strict=False))}
        for cell, values in cells.items()
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def by_name(effects: tuple[Effect, ...]) -> dict[tuple[str, ...], Effect]:
    return {effect.factors: effect for effect in effects}


def test_two_cubed_equals_repeated_measures_anova() -> None:
    cells = made((2, 2, 2), 6)
    found = analyze_factorial(NAMES, cells)
    table: Any = AnovaRM(frame(cells), "y", "seed", within=list(NAMES)).fit().anova_table
    for effect in (*found.main, *found.interactions):
        assert effect.p == pytest.approx(table.loc[":".join(effect.factors), "Pr > F"], rel=1e-8)
    assert len(found.main) == len(found.interactions) == 3
    assert (found.n, found.dropped) == (6, 0)


def test_two_cubed_equals_contrasts_made_by_hand() -> None:
    cells = made((2, 2, 2), 5)
    found = analyze_factorial(NAMES, cells)
    y = {cell: np.array(values) for cell, values in cells.items()}
    main = np.mean([y[1, b, c] - y[0, b, c] for b in (0, 1) for c in (0, 1)], axis=0)
    both = np.mean([y[1, 1, c] - y[1, 0, c] - y[0, 1, c] + y[0, 0, c] for c in (0, 1)], axis=0)
    for contrast, effect in (
        (main, by_name(found.main)[("dropout",)]),
        (both, by_name(found.interactions)["dropout", "l2"]),
    ):
        oracle = stats.ttest_1samp(contrast, 0.0)
        assert effect.difference == pytest.approx(contrast.mean())
        assert effect.p == pytest.approx(oracle.pvalue, rel=1e-8)
        assert effect.ci95 == pytest.approx(tuple(oracle.confidence_interval(0.95)), rel=1e-8)


def test_estimates_equal_least_squares_with_seed_as_block() -> None:
    """In a balanced design the estimates are those of OLS; its interval differs, as it pools the cells' variances."""
    cells = made((2, 2, 2), 4)
    found = analyze_factorial(NAMES, cells)
    coded = frame(cells).assign(**{name: lambda f, name=name: f[name] - 0.5 for name in NAMES})
    fit = smf.ols("y ~ C(seed) + (dropout + l2 + augment) ** 2", data=coded).fit()
    for effect in (*found.main, *found.interactions):
        assert effect.difference == pytest.approx(fit.params[":".join(effect.factors)])


def test_one_factor_equals_the_paired_t_test() -> None:
    cells: dict[Cell, list[float]] = {(0,): [1.0, 2.0, 3.5], (1,): [1.4, 2.9, 4.0]}
    (effect,) = analyze_factorial(["dropout"], cells).main
    assert effect.p == pytest.approx(stats.ttest_rel(cells[1,], cells[0,]).pvalue)
    assert effect.p_holm == effect.p


def test_every_level_is_compared_with_off() -> None:
    cells = made((3, 2), 5)
    found = analyze_factorial(NAMES[:2], cells)
    assert [(effect.factors, effect.levels) for effect in found.main] == [
        (("dropout",), (1,)),
        (("dropout",), (2,)),
        (("l2",), (1,)),
    ]
    assert [(effect.factors, effect.levels) for effect in found.interactions] == [
        (("dropout", "l2"), (1, 1)),
        (("dropout", "l2"), (2, 1)),
    ]
    y = {cell: np.array(values) for cell, values in cells.items()}
    second = y[2, 1] - y[2, 0] - y[0, 1] + y[0, 0]
    assert found.interactions[1].difference == pytest.approx(second.mean())


def test_holm_runs_over_each_family_alone() -> None:
    found = analyze_factorial(NAMES, made((2, 2, 2), 5))
    for family in (found.main, found.interactions):
        raw = sorted(effect.p for effect in family if effect.p is not None)
        smallest = min(effect.p_holm for effect in family if effect.p_holm is not None)
        assert smallest == pytest.approx(min(1.0, 3 * raw[0]))


def test_seed_effects_cancel() -> None:
    cells = made((2, 2, 2), 4)
    shifted = {cell: list(np.add(values, [0, 50, -7, 3])) for cell, values in cells.items()}
    for plain, moved in zip(
        analyze_factorial(NAMES, cells).interactions, analyze_factorial(NAMES, shifted).interactions, strict=True
    ):
        assert moved.difference == pytest.approx(plain.difference)
        assert moved.p == pytest.approx(plain.p)


def test_only_complete_seeds_are_used() -> None:
    cells = made((2, 2), 5)
    cells[1, 1][2] = math.nan
    found = analyze_factorial(NAMES[:2], cells)
    without = analyze_factorial(NAMES[:2], {cell: v[:2] + v[3:] for cell, v in cells.items()})
    assert (found.n, found.dropped) == (4, 1)
    assert found.main == without.main
    assert found.interactions == without.interactions


def test_too_few_seeds_give_no_interval() -> None:
    one = analyze_factorial(NAMES[:2], made((2, 2), 1))
    assert one.main[0].difference is not None
    assert (one.main[0].ci95, one.main[0].p, one.main[0].p_holm) == (None, None, None)
    none = analyze_factorial(NAMES[:2], {cell: [math.inf] for cell in made((2, 2), 1)})
    assert (none.n, none.dropped, none.interactions[0].difference) == (0, 1, None)


def test_errors_say_which_cell() -> None:
    cells = made((2, 2), 3)
    del cells[0, 1]
    with pytest.raises(InputError, match=r"cell \(0, 1\) is missing"):
        analyze_factorial(NAMES[:2], cells)
    with pytest.raises(InputError, match="one level only"):
        analyze_factorial(NAMES[:1], {(0,): [1.0]})
    with pytest.raises(InputError, match="each named once"):
        analyze_factorial(["a", "a"], made((2, 2), 3))
    with pytest.raises(InputError, match="has 2 seeds"):
        analyze_factorial(["a"], {(0,): [1.0, 2.0, 3.0], (1,): [1.0, 2.0]})
    with pytest.raises(InputError, match="2 levels"):
        analyze_factorial(["a", "b"], {(0,): [1.0]})


def test_holm_family_is_rarely_rejected_without_effects() -> None:
    """The chance of any false interaction among three is at most 5 %, whatever the seeds do."""
    rng = np.random.default_rng(11)
    trials = 1000
    cells = list(itertools.product((0, 1), repeat=3))
    rejected = 0
    for _ in range(trials):
        block = rng.normal(0, 2, 5)
        values: dict[Cell, list[float]] = {cell: list(block + rng.normal(0, 1, 5)) for cell in cells}
        found = analyze_factorial(NAMES, values)
        rejected += any(effect.p_holm is not None and effect.p_holm <= 0.05 for effect in found.interactions)
    assert rejected / trials < 0.05 + 3 * math.sqrt(0.05 * 0.95 / trials)
    assert rejected / trials > 0.02  # and the family is not so strict that nothing could ever be found
