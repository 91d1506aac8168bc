"""Weight histograms: each layer's weights of every arm over the same bins, so that shapes compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 61
"""Odd, so that one bin is centered at zero: that is where L1 and pruning pile weights up."""
NEAR_ZERO = 1e-3
"""A weight below this in magnitude counts as near zero."""
MOST_LAYERS = 12


@dataclass(frozen=True, slots=True)
class ArmHistogram:
    """The weights of one arm in one layer."""

    arm: str
    share: tuple[float, ...]
    """Percentage of the layer's finite weights in each bin; sums to 100."""
    std: float
    near_zero: float
    """Fraction of weights with magnitude below ``NEAR_ZERO``."""
    count: int
    """Number of finite weights."""


@dataclass(frozen=True, slots=True)
class LayerHistogram:
    """One parameter over all arms that have it."""

    parameter: str
    edges: tuple[float, ...]
    """Bin edges, one more than bins, symmetric about zero."""
    arms: tuple[ArmHistogram, ...]


def layers(
    weights: Mapping[str, Mapping[str, NDArray[np.floating]]], *, most: int = MOST_LAYERS
) -> tuple[tuple[str, ...], int]:
    """Return (parameters to draw, number of parameters that could be drawn).

    Matrices and kernels (two or more axes) of any arm, in network order; biases and norms only where there is nothing
    else. More than ``most`` are thinned to ``most`` evenly spaced ones, the first and last among them.
    """
    sizes: dict[str, int] = {}
    for parameters in weights.values():
        for name, array in parameters.items():
            sizes.setdefault(name, np.ndim(array))
    names = [name for name, axes in sizes.items() if axes >= 2] or [name for name, axes in sizes.items() if axes >= 1]
    if len(names) <= most:
        return tuple(names), len(names)
    picked = np.linspace(0, len(names) - 1, most).round().astype(int)
    return tuple(names[index] for index in picked), len(names)


def histograms(
    weights: Mapping[str, Mapping[str, NDArray[np.floating]]], *, parameters: Sequence[str], bins: int = BINS
) -> tuple[LayerHistogram, ...]:
    """Return one histogram per parameter; ``weights`` maps arm -> parameter -> array of any shape.

    The bins span +-max |w| over all arms. Weights that are not finite are left out; an arm that has no finite weight in
    a layer is left out there, and so is a layer without any arm.
    """
    found = []
    for parameter in parameters:
        finite = {arm: _finite(named[parameter]) for arm, named in weights.items() if parameter in named}
        finite = {arm: values for arm, values in finite.items() if values.size}
        if not finite:
            continue
        widest = max(float(np.abs(values).max()) for values in finite.values()) or 1.0
        edges = np.linspace(-widest, widest, bins + 1)
        arms = tuple(_histogram(arm, values, edges) for arm, values in finite.items())
        found.append(LayerHistogram(parameter, tuple(edges.tolist()), arms))
    return tuple(found)


def _finite(array: NDArray[np.floating]) -> NDArray[np.float64]:
    values = np.asarray(array, dtype=np.float64).ravel()
    return values[np.isfinite(values)]


def _histogram(arm: str, values: NDArray[np.float64], edges: NDArray[np.float64]) -> ArmHistogram:
    counts, _ = np.histogram(values, bins=edges)
    return ArmHistogram(
        arm=arm,
        share=tuple((100 * counts / values.size).tolist()),
        std=float(values.std()),
        near_zero=float((np.abs(values) < NEAR_ZERO).mean()),
        count=int(values.size),
    )
