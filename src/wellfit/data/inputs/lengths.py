"""New sequences to the number of time steps that a model takes, by the rule of its training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from wellfit.data.inputs.wanted import Inputs, Wanted
from wellfit.data.series import equal_lengths
from wellfit.errors import DataError


def to_length(
    values: Sequence[npt.NDArray[np.float32]],
    names: Sequence[str],
    wanted: Wanted,
    *,
    where: str,
    pad: float = 0.0,
    places: Sequence[str] | None = None,
) -> Inputs:
    """Return sequences ``(T_i, C)`` as float32 ``(N, T, C)``; ``places`` are their names in messages, if others.

    A number of steps (``data.length``) pads what is shorter and cuts what is longer; ``longest`` pads only and
    ``shortest`` cuts only, as they did in training; without a rule each must have T steps.

    Raises
    ------
    DataError
        Another number of channels; a length for which there is no rule, or a missing value (left out with
        ``skip_bad``).

    """
    steps, channels = wanted.shape
    places = places or [f"{where}, {name}" for name in names]
    faults: dict[int, tuple[str, str]] = {}
    for at, one in enumerate(values):
        if one.shape[1] != channels:
            what = f"{one.shape[1]} channel{'' if one.shape[1] == 1 else 's'}"
            raise DataError(places[at], what, f"{channels}, as the model was trained on")
        if (expected := _unfit(len(one), steps, wanted)) is not None:
            faults[at] = f"{len(one):,} time steps", expected
        elif not np.isfinite(one[:steps]).all():
            faults[at] = "a value is missing or infinite", "finite numbers, or --skip-bad to leave it out"
    for at, (what, expected) in sorted(faults.items()):
        if not wanted.skip_bad or len(faults) == len(values):
            raise DataError(places[at], what, expected)
    kept = [at for at in range(len(values)) if at not in faults]
    x = equal_lengths([values[at] for at in kept], steps, where=where, pad=pad)
    skipped = tuple(f"{places[at]}: {what}" for at, (what, _) in sorted(faults.items()))
    return Inputs([names[at] for at in kept], x, skipped)


def _unfit(length: int, steps: int, wanted: Wanted) -> str | None:
    """Return what is expected instead of a length; ``None`` where the model's rule brings it to ``steps``."""
    if length == steps or (length and isinstance(wanted.length, int)):
        return None
    if wanted.length == "longest":
        if 0 < length < steps:
            return None
        return f"at most {steps:,}, the longest it was trained on (data.length: longest; a number would cut)"
    if wanted.length == "shortest":
        if length > steps:
            return None
        return f"at least {steps:,}, the shortest it was trained on (data.length: shortest; a number would pad)"
    return f"{steps:,}, as the model was trained on (data.length would pad and cut)"
