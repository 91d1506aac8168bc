"""The axis of complexity: what is varied, over which values, and the recipe of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

from wellfit.errors import InputError, RecipeError
from wellfit.recipe import CnnSpec, MlpSpec, Recipe, RnnSpec, apply_patch

Axis = Literal["k", "width", "depth", "lambda"]
AXES: tuple[Axis, ...] = get_args(Axis)

VALUES: dict[Axis, tuple[float, ...]] = {
    "k": (1, 3, 5, 9, 15, 25, 45, 75, 125, 250),
    "width": (1, 2, 4, 8, 16, 32, 64, 128),
    "depth": (0, 1, 2, 3, 4, 5),
    "lambda": (1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
}
"""What is tried unless other values are given."""
MOST_VALUES = 40
MOST: dict[Axis, int] = {"width": 10_000, "depth": 50}
"""Of one value; more would not be trained in any sensible time, and a mistyped number must not run for hours."""
SIMPLER_UP: tuple[Axis, ...] = ("k", "lambda")
"""Axes on which larger values make simpler models."""
WIDTH = 32
"""Units of a hidden layer where depth is varied and the recipe names no network."""


def check_axis(over: str) -> Axis:
    """Return the axis of that name; InputError for any other."""
    if over not in AXES:
        raise InputError("--over", f"received '{over}'", f"one of {', '.join(AXES)}")
    return over


def axis_values(over: Axis, values: Sequence[float] | None, *, samples: int, given_network: bool) -> tuple[float, ...]:
    """Return the values in ascending order, checked; ``None``: those that suit ``samples`` and the network.

    Raises
    ------
    InputError
        None or too many, one that is no number of neighbors, units, layers or strength, or more neighbors than samples.

    """
    if values is None:
        most = samples // 2 if over == "k" else math.inf
        least = 1 if given_network and over == "depth" else 0  # convolutions and recurrences have a first layer
        found = tuple(value for value in VALUES[over] if least <= value <= most)
        return found if over != "depth" or not given_network else tuple(v for v in found if v <= 3)
    chosen = tuple(sorted(set(values)))
    where = "--values"
    if not 1 <= len(chosen) <= MOST_VALUES:
        raise InputError(where, f"received {len(chosen)} values", f"1 to {MOST_VALUES}")
    for value in chosen:
        whole = over != "lambda"
        least = 0 if over in ("lambda", "depth") else 1
        if not math.isfinite(value) or value < least or (whole and value != int(value)):
            kind = f"whole numbers of at least {least}" if whole else "numbers of at least 0"
            raise InputError(where, f"received {value:g} for {over}", kind)
        if value > MOST.get(over, math.inf):
            raise InputError(where, f"received {value:g} for {over}", f"at most {MOST[over]:,}")
        if over == "k" and value > samples:
            raise InputError(where, f"received {value:g} neighbors", f"at most the {samples} train samples")
    return chosen


def network_at(recipe: Recipe, over: Axis, value: float) -> Recipe:
    """Return the recipe with the network's width or depth, or the strength of its L2 penalty, set to ``value``.

    Width: all hidden layers of an ``mlp`` or ``rnn`` get as many units; the first block of a ``cnn`` gets as many
    channels, the others in proportion. Depth: as many hidden layers or blocks of the first one's width; each further
    block of a ``cnn`` has twice the channels. Where the recipe names no network it is an ``mlp``, on images too.

    Raises
    ------
    RecipeError
        A network whose width or depth is not a number.
    InputError
        More channels than MOST["width"].

    """
    if over == "lambda":
        patch: dict[str, object] = {"l2": {"strength": float(value)}}
        return apply_patch(recipe, patch, where="--over lambda")
    size = int(value)
    model = recipe.model
    if not isinstance(model, MlpSpec | CnnSpec | RnnSpec):
        kind = "none" if model is None else model.kind
        raise RecipeError("model.kind", f"received {kind} for --over {over}", "mlp, cnn or rnn")
    if isinstance(model, CnnSpec):
        first = model.channels[0]
        channels = (
            [max(1, round(size * each / first)) for each in model.channels]
            if over == "width"
            else [first * 2**block for block in range(size)]
        )
        if max(channels, default=0) > MOST["width"]:
            raise InputError(
                "--values", f"{size} for {over} makes {max(channels):,} channels", f"at most {MOST['width']:,}"
            )
        return apply_patch(recipe, {"model": {"channels": channels}}, where=f"--over {over}")
    hidden = [size] * max(1, len(model.hidden)) if over == "width" else [(model.hidden or (WIDTH,))[0]] * size
    return apply_patch(recipe, {"model": {"hidden": hidden}}, where=f"--over {over}")


def default_network(over: Axis) -> dict[str, object]:
    """Return the network where the recipe names none: an MLP, as many small ones are trained."""
    return {"kind": "mlp", "hidden": [128] if over == "lambda" else [WIDTH]}
