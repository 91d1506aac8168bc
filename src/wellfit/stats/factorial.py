"""A full factorial over seeds: main effects and two-way interactions, with the seed as block.

Every effect is a contrast computed *within* each seed and then averaged over seeds. What a seed does to all cells alike
cancels; the t-test on the per-seed contrasts needs no assumption that cells vary alike. For two-level factors its t
squared is the F(1, n - 1) of a repeated-measures analysis of variance.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wellfit.errors import InputError
from wellfit.stats.intervals import Interval
from wellfit.stats.multiplicity import holm
from wellfit.stats.paired import against_zero

Cell = tuple[int, ...]
"""One level per factor, in the order of the factors; level 0 is "off"."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A main effect (one factor) or a two-way interaction (two factors), in the units of the values."""

    factors: tuple[str, ...]
    levels: tuple[int, ...]
    """The level of each of ``factors`` that is compared with its level 0."""
    difference: float | None
    """Mean over seeds of the per-seed contrast; ``None`` without a complete seed."""
    ci95: Interval | None
    """Student-t interval over seeds; ``None`` for fewer than two complete seeds."""
    p: float | None
    """Two-sided p; ``None`` for fewer than two complete seeds (zero spread: see ``Paired.p``)."""
    p_holm: float | None
    """Holm-adjusted within its family: all main effects, or all two-way interactions."""


@dataclass(frozen=True, slots=True)
class Factorial:
    """What the factors do alone and in pairs."""

    main: tuple[Effect, ...]
    interactions: tuple[Effect, ...]
    n: int
    """Complete seeds: finite in every cell. Only these are used."""
    dropped: int
    """Seeds left out because a cell was not finite."""


def analyze_factorial(names: Sequence[str], cells: Mapping[Cell, Sequence[float]]) -> Factorial:
    """Return main effects and two-way interactions of a full factorial, from one value per cell and seed.

    Main effect of level a of A: the mean over all cells of the other factors of y(a) - y(off).
    Interaction of level a of A with level b of B: the mean over all cells of the other factors of
    y(a, b) - y(a, off) - y(off, b) + y(off, off). That is the *difference of differences* ("how much more B does when
    A is on"), not halved as some textbooks of 2^k designs do; 0 means that the two add up.
    Both are computed per seed; the interval and p are Student's over the complete seeds.
    Source: Montgomery, "Design and analysis of experiments", chapters 4-6 (blocks, factorials, 2^k).

    Parameters
    ----------
    names
        The factors, in the order of a cell's levels.
    cells
        Cell -> one value per seed, the same seeds in the same order in every cell. Levels count from 0 ("off")
        without holes.

    Raises
    ------
    InputError
        If the factorial is not full, a name stands twice, a factor has one level only, or cells differ in their
        number of seeds.

    """
    table = _stack(names, cells)  # (levels of factor 1, ..., levels of factor k, seeds)
    complete = np.isfinite(table).all(axis=tuple(range(len(names))))
    kept = table[..., complete]
    factors = range(len(names))
    main = [_effect(names, kept, {factor: level}) for factor in factors for level in range(1, table.shape[factor])]
    interactions = [
        _effect(names, kept, {first: a, second: b})
        for first, second in itertools.combinations(factors, 2)
        for a in range(1, table.shape[first])
        for b in range(1, table.shape[second])
    ]
    n = int(complete.sum())
    return Factorial(_corrected(main), _corrected(interactions), n=n, dropped=int(complete.size) - n)


def per_seed_contrast(table: np.ndarray, against_off: Mapping[int, int]) -> np.ndarray:
    """Return the contrast of each seed, ``(seeds,)``, from ``table`` ``(levels, ..., levels, seeds)``.

    ``against_off`` maps a factor's axis to the level compared with its level 0. Differences are taken along those
    axes, which for two of them is the difference of differences; the other factors are averaged.
    """
    contrast = table
    for axis, level in against_off.items():
        contrast = np.take(contrast, [level], axis=axis) - np.take(contrast, [0], axis=axis)
    mean: np.ndarray = contrast.mean(axis=tuple(range(table.ndim - 1)))
    return mean


def _effect(names: Sequence[str], table: np.ndarray, against_off: Mapping[int, int]) -> Effect:
    magnitude = float(np.abs(table).max()) if table.size else 0.0
    found = against_zero(per_seed_contrast(table, against_off), magnitude=magnitude)
    return Effect(
        factors=tuple(names[factor] for factor in against_off),
        levels=tuple(against_off.values()),
        difference=found.difference,
        ci95=found.ci95,
        p=found.p,
        p_holm=None,
    )


def _corrected(family: Sequence[Effect]) -> tuple[Effect, ...]:
    adjusted = holm([effect.p for effect in family])
    return tuple(
        Effect(effect.factors, effect.levels, effect.difference, effect.ci95, effect.p, p_holm)
        for effect, p_holm in zip(family, adjusted, strict=True)
    )


def _stack(names: Sequence[str], cells: Mapping[Cell, Sequence[float]]) -> np.ndarray:
    """Return the cells as one array ``(levels, ..., levels, seeds)``, checked to be a full factorial."""
    if not names or len(set(names)) != len(names):
        raise InputError("factors", f"received {list(names)!r}", "at least one factor, each named once")
    for cell in cells:
        if len(cell) != len(names) or min(cell) < 0:
            raise InputError("factorial", f"cell {cell!r}", f"{len(names)} levels, each 0 or more")
    shape = tuple(max((cell[axis] for cell in cells), default=0) + 1 for axis in range(len(names)))
    for name, levels in zip(names, shape, strict=True):
        if levels < 2:
            raise InputError(f"factor {name}", "one level only", "level 0 (off) and at least one other")
    seeds = len(next(iter(cells.values())))
    table = np.empty((*shape, seeds))
    for cell in itertools.product(*(range(levels) for levels in shape)):
        if cell not in cells:
            raise InputError("factorial", f"cell {cell!r} is missing", "every combination of levels")
        if len(cells[cell]) != seeds:
            raise InputError("factorial", f"cell {cell!r} has {len(cells[cell])} seeds", f"{seeds}, as the first cell")
        table[cell] = cells[cell]
    return table
