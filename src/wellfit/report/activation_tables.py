"""The hidden activations as text: one table an arm, a row a layer, each number at the start and at the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from wellfit.views.activations import ArmActivations, Layer, Trouble, remarks
from wellfit.views.numbers import MISSING, share_text, short_text


@dataclass(frozen=True, slots=True)
class Quantity:
    """A pair of columns: start and end."""

    title: str
    text: Callable[[Layer], str]
    tells: Callable[[Layer], bool]
    """Whether the layer has something to show there; quantities that no layer of any arm has are left out."""
    marked_by: frozenset[Trouble] = frozenset()
    """What stands out in this number."""


def _always(layer: Layer) -> bool:
    return True


QUANTITIES = (
    Quantity("signal", lambda layer: short_text(layer.signal), _always, frozenset({"broken", "vanished", "exploded"})),
    Quantity("mean", lambda layer: short_text(layer.mean), _always),
    Quantity("std", lambda layer: short_text(layer.std), _always),
    Quantity("zeros", lambda layer: share_text(layer.zeros), lambda layer: layer.zeros > 0),
    Quantity("dead", lambda layer: share_text(layer.dead), lambda layer: layer.dead > 0, frozenset({"dead"})),
    Quantity(
        "saturated",
        lambda layer: share_text(layer.saturated),
        lambda layer: math.isfinite(layer.saturated),
        frozenset({"saturated"}),
    ),
    Quantity("distinct", lambda layer: str(layer.distinct), _always, frozenset({"equal"})),
)


@dataclass(frozen=True, slots=True)
class ActivationCell:
    """A number, and whether it stands out."""

    text: str
    marked: bool


def activation_tables(arms: Sequence[ArmActivations]) -> dict[str, Any]:
    """Return ``columns`` and ``tables``: of each arm ``arm``, ``seed``, ``has_end`` and ``rows`` of layers."""
    layers = [layer for arm in arms for layer in (*arm.start, *arm.end)]
    shown = [quantity for quantity in QUANTITIES if any(quantity.tells(layer) for layer in layers)]
    return {"columns": [quantity.title for quantity in shown], "tables": [_table(arm, shown) for arm in arms]}


def _table(arm: ArmActivations, shown: Sequence[Quantity]) -> dict[str, Any]:
    ends: Sequence[Layer | None] = arm.end or [None] * len(arm.start)
    rows = [
        {"layer": start, "cells": [_cell(layer, quantity) for quantity in shown for layer in (start, end)]}
        for start, end in zip(arm.start, ends, strict=True)
    ]
    return {"arm": arm.arm, "seed": arm.seed, "has_end": bool(arm.end), "rows": rows}


def _cell(layer: Layer | None, quantity: Quantity) -> ActivationCell:
    if layer is None:
        return ActivationCell(MISSING, marked=False)
    return ActivationCell(quantity.text(layer), marked=bool(layer.troubles & quantity.marked_by))


def remark_list(arms: Sequence[ArmActivations]) -> dict[str, Any]:
    """Return ``loud``: (arms, their sentences), arms with the same ones together; and ``quiet``: arms without any."""
    loud: dict[tuple[str, ...], list[str]] = {}
    quiet = []
    for arm in arms:
        if found := remarks(arm):
            loud.setdefault(found, []).append(arm.arm)
        else:
            quiet.append(arm.arm)
    return {"loud": [(names, found) for found, names in loud.items()], "quiet": quiet}
