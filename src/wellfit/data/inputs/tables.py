"""Tables: a row per sample, or a row per time step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from wellfit.data.column import Column
from wellfit.data.column_kind import level
from wellfit.data.column_values import coded
from wellfit.data.columns import columns_of, read_table, without_bad
from wellfit.data.inputs.lengths import to_length
from wellfit.data.inputs.wanted import Inputs, Wanted
from wellfit.data.long_table import channels_of, sorted_rows
from wellfit.data.naming import shown
from wellfit.errors import DataError
from wellfit.recipe import DataSpec

LISTED = 12
"""Columns that a message names."""


def read_rows(path: Path, wanted: Wanted) -> Inputs:
    """Read a table of the model's columns (others are ignored), its samples named by their lines or rows."""
    columns, features, encoder = columns_of(path), wanted.features, wanted.encoder
    _check_there(path, features, columns, len(features))
    if not features and len(columns) != wanted.shape[0]:
        raise DataError(
            shown(path), f"has {len(columns)} columns", f"the {wanted.shape[0]} that the model was trained on"
        )
    table = read_table(path, skip_bad=wanted.skip_bad)
    known = encoder.columns if encoder is not None else [Column(name, "number") for name in features or columns]
    fills = encoder is not None and all(value is not None for value in encoder.fill)
    x, bad = coded(table, known, missing=fills)
    kept, skipped = without_bad(table, bad, skip_bad=wanted.skip_bad)
    return Inputs([table.rows[row] for row in kept.tolist()], torch.from_numpy(x[kept] if skipped else x), skipped)


def read_long(path: Path, wanted: Wanted) -> Inputs:
    """Read a table of time steps: the columns ``data.id`` and ``data.time`` of the recipe, and the model's channels
    (others are ignored). The samples are named by their ids, in the order in which these first appear.
    """
    where, columns = shown(path), columns_of(path)
    spec = wanted.spec or DataSpec(source=where)
    own = [name for name in (spec.id, spec.time) if name is not None]
    needed = (*own, *wanted.features)
    _check_there(path, needed, columns, len(needed))
    others = {"target": spec.target, "group": spec.group}
    roles = {"id": spec.id, "time": spec.time}
    channels: Sequence[str] = wanted.features
    if not channels:
        there = {role: name for role, name in others.items() if name in columns}
        channels = channels_of(where, columns, {"target": None, **roles, **there})
    table = read_table(path, skip_bad=wanted.skip_bad)
    rows = sorted_rows(table, channels, roles, skip_bad=wanted.skip_bad)
    ids = table.frame[spec.id or ""].iloc[rows.kept[rows.first]]
    names = [shown(level(value)) for value in ids.tolist()]
    found = to_length(rows.values, names, wanted, where=where, places=[f"{where}, series {name}" for name in names])
    return Inputs(found.names, found.x, (*rows.skipped, *found.skipped))


def _check_there(path: Path, needed: Sequence[str], columns: Sequence[str], count: int) -> None:
    missing = [name for name in needed if name not in columns]
    if missing:
        listing = ", ".join(shown(name, longest=40) for name in missing[:LISTED])
        more = f" and {len(missing) - LISTED} more" if len(missing) > LISTED else ""
        raise DataError(shown(path), f"lacks {listing}{more}", f"the {count} columns that the model was trained on")
