"""A data set by its name, all of its samples."""

from __future__ import annotations

from typing import Any

from wellfit.data.decode import to_channels
from wellfit.data.inputs.lengths import to_length
from wellfit.data.inputs.wanted import Inputs, Wanted
from wellfit.data.named import NAMES
from wellfit.data.named_series import SPOKEN
from wellfit.data.sources import REMOTE, load
from wellfit.errors import DataError
from wellfit.recipe import DataSpec


def is_named(source: str) -> bool:
    """Return whether a text names a data set, not a path."""
    return source in NAMES or source.startswith(REMOTE)


def read_named(source: str, wanted: Wanted) -> Inputs:
    """Return the samples of a named data set, those of its given test too, named ``sample 0``, ``sample 1``, ...

    Raises
    ------
    DataError
        Not found, samples of another kind or shape, other columns.

    """
    own = wanted.spec or DataSpec(source=source)
    # what equalizes is applied to all that is read, and what limits or splits says nothing about new data
    fields: dict[str, Any] = {"size": wanted.size} if wanted.kind == "image" else {}
    if own.source == source:
        fields = {name: getattr(own, name) for name in ("target", "size", "length", "rate", "features")}
    elif source == SPOKEN:
        fields = {name: getattr(own, name) for name in ("length", "rate", "features")}
    found = load(DataSpec(source=source, skip_bad=wanted.skip_bad, **fields))
    if own.rate is None and found.rate is not None and wanted.rate is not None and found.rate != wanted.rate:
        what = f"{found.rate:,} samples per second"
        raise DataError(source, what, f"{wanted.rate:,}, as the model was trained on")
    x, shape = found.x, wanted.shape
    names = [f"sample {row}" for row in range(len(found))]
    if found.kind == wanted.kind == "image":
        x = to_channels(x, shape[0])
    if found.kind == wanted.kind == "sequence":
        return to_length(list(x.numpy()), names, wanted, where=source)
    if found.kind == "vector" and wanted.kind == "vector":
        known = None if wanted.encoder is None else wanted.encoder.columns
        shape = shape if known is None else (len(known),)
        if found.features != wanted.features or (known is not None and found.columns and known != found.columns):
            raise DataError(source, "other columns", f"the {shape[0]} that the model was trained on")
    if found.kind != wanted.kind or tuple(x.shape[1:]) != shape:
        what = f"holds {found.kind}s of shape {tuple(x.shape[1:])}"
        raise DataError(source, what, f"{wanted.kind}s of shape {shape}, as the model was trained on")
    return Inputs(names, x, found.skipped)
