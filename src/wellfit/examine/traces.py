"""What regularizers leave in weights: numbers of a layer, and of two layers in a row. None depends on the data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from wellfit.examine.weights_file import Array, Layer

DUST = 0.03
"""Parts of the typical weight of its row and column below which a weight is dust."""
DEAD = 0.1
"""Parts of the largest row (or column) below which one is dead: a unit, or an input, that is not used."""
ROUNDS = 6
"""Of balancing; after a few the rows and columns agree to a percent."""


@dataclass(frozen=True)
class LayerTraces:
    """The traces of a layer of m units with n inputs each."""

    name: str
    shape: tuple[int, int]
    dust: float
    """Share of weights that are dust, each measured against its own row and column, among those that are not dead.
    About 0.02 where nothing pulls at single weights (a normal or uniform distribution), whatever happens to units."""
    middle: float
    """Median of the same sizes: 0.67 for a normal distribution, 0.87 for a uniform one, near 0 where L1 acted."""
    tail: float
    """Mean of the largest hundredth of sizes over the root mean square of what is not dead, its logarithm."""
    dead: float
    """Share of units, or of inputs if more, that are dead."""
    bulk: float
    """The middle singular value over that of a random matrix of the size of the initialization, its logarithm: 0 as
    long as the random start is still there, below where it was shrunk. NaN for fewer than four units or inputs."""
    scale: float
    """Root mean square over that of the initialization, its logarithm."""
    kurtosis: float
    """Of the weights: 1.8 uniform, 3 normal, 6 Laplace, more where few weights carry all."""

    @property
    def size(self) -> int:
        """Number of weights."""
        return self.shape[0] * self.shape[1]


def layer_traces(layer: Layer, start: float | None = None) -> LayerTraces | None:
    """Return the traces of a layer; ``None`` where all weights are 0.

    ``start`` is the root mean square of the initialization; ``None``: 1 / sqrt(3 n), PyTorch's default, the smallest of
    the usual ones, so that another does not look like a penalty.
    """
    w = layer.matrix
    units, inputs = w.shape
    rms = math.sqrt(float((w**2).mean()))
    if rms == 0:
        return None
    init = start or 1 / math.sqrt(3 * inputs)
    rows, columns = (np.sqrt((w**2).mean(axis)) for axis in (1, 0))
    live_rows, live_columns = rows > DEAD * rows.max(), columns > DEAD * columns.max()
    live = w[live_rows][:, live_columns]
    sizes = balanced(live)
    largest = np.sort(np.abs(w), axis=None)[-max(1, w.size // 100) :]
    spectrum = np.linalg.svd(w, compute_uv=False)
    middle = float(np.median(spectrum)) / (middle_singular_value(units, inputs) * init)
    return LayerTraces(
        name=layer.name,
        shape=(units, inputs),
        dust=float((sizes < DUST).mean()),
        middle=float(np.median(sizes)),
        tail=math.log(float(largest.mean()) / math.sqrt(float((live**2).mean()))),
        dead=1 - float(min(live_rows.mean(), live_columns.mean())),
        bulk=math.log(max(middle, 1e-6)) if min(units, inputs) > 3 else math.nan,
        scale=math.log(rms / init),
        kurtosis=float((w**4).mean()) / rms**4,
    )


def balanced(w: Array) -> Array:
    """Return the sizes of weights with the root mean square of every row and column brought to 1 in turn.

    What acts on whole units or inputs goes away; what acts on single weights stays. Source: Sinkhorn & Knopp 1967, of
    the squares.
    """
    squares = w**2
    for _ in range(ROUNDS):
        squares = squares / np.maximum(squares.mean(1, keepdims=True), 1e-300)
        squares = squares / np.maximum(squares.mean(0, keepdims=True), 1e-300)
    sizes: Array = np.sqrt(squares)
    return sizes


def middle_singular_value(rows: int, columns: int) -> float:
    """Return the median singular value of a large random matrix of unit variance (Marchenko & Pastur 1967)."""
    short, long = sorted((rows, columns))
    share = short / long
    low, high = (1 - math.sqrt(share)) ** 2, (1 + math.sqrt(share)) ** 2
    at = np.linspace(low, high, 2001)[1:-1]
    density = np.sqrt((high - at) * (at - low)) / at
    below = density.cumsum() / density.sum()
    return math.sqrt(long * float(at[np.searchsorted(below, 0.5)]))


def spread_of_units(layers: Sequence[Layer]) -> float | None:
    """Return how differently units share their weights between what leads into them and what leads out: the standard
    deviation over units of log(sum of squares in / sum of squares out), a mean over layers that follow on each other.

    Scaling a unit of a ReLU network up before and down behind it by one factor changes no answer. So L2 settles where
    that does not pay, the squares on both sides equal in every unit: the spread goes to 0. Gradient descent without it
    keeps the difference of the two that each unit started with. Units that are dead are left out; ``None`` where no two
    layers follow on each other.

    Source: Du, Hu & Lee 2018, "Algorithmic regularization in learning deep homogeneous models: layers are automatically
    balanced", theorem 2.1 (without a penalty); Neyshabur, Salakhutdinov & Srebro 2015, "Path-SGD" (the scaling).
    """
    found = []
    for before, after in pairwise(layers):
        units = len(before.matrix)
        if after.matrix.shape[1] % units:
            continue
        places = after.matrix.shape[1] // units
        shape = (len(after.matrix), places, units) if after.channels_last else (len(after.matrix), units, places)
        into = (before.matrix**2).sum(1)
        out = (after.matrix.reshape(shape) ** 2).sum((0, 1) if after.channels_last else (0, 2))
        live = (into > DEAD**2 * into.max()) & (out > DEAD**2 * out.max())
        if live.sum() >= 3:
            found.append(float(np.log(into[live] / out[live]).std()))
    return float(np.mean(found)) if found else None
