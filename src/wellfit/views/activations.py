"""Hidden activations of each arm, layer by layer, at the start of training and at its end; what stands out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from wellfit.views.metric_value import number
from wellfit.views.numbers import listing, range_text, share_text, short_text

DEAD = 0.5
"""More than this part of a layer's units dead stands out."""
SATURATED = 0.5
"""More than this part of a layer's activations saturated stands out."""
VANISHED, EXPLODED = 1e-3, 1e3
"""A signal beyond these stands out."""
CHANGED = 100
"""So many times more or less signal in the last layer than in the first stands out."""

Trouble = Literal["broken", "equal", "dead", "saturated", "vanished", "exploded"]
TROUBLES: tuple[Trouble, ...] = ("broken", "equal", "dead", "saturated", "vanished", "exploded")


@dataclass(frozen=True, slots=True)
class Layer:
    """The activations of one hidden layer; NaN where a number is not finite, or where there is none."""

    index: int
    """Its place among the hidden layers; the first is 1."""
    site: str
    """The name of its module."""
    kind: str
    units: int
    mean: float
    std: float
    signal: float
    """Standard deviation over samples, as a root mean square over the units."""
    zeros: float
    """Fraction of the activations that are 0."""
    dead: float
    """Fraction of the units that are 0 for every sample."""
    saturated: float
    """Fraction of the activations near an end of their range; NaN for what has no two ends."""
    distinct: int
    """Units that differ from one another; all dead ones count as one."""
    weight_std: float

    @property
    def troubles(self) -> frozenset[Trouble]:
        """What stands out. Dead units are equal too: that counts only where their weights are equal."""
        found: dict[Trouble, bool] = {
            "broken": math.isnan(self.signal),
            "equal": self.units > 1 and self.distinct == 1 and (self.dead < 1 or self.weight_std == 0),
            "dead": self.dead > DEAD,
            "saturated": self.saturated > SATURATED,
            "vanished": self.signal < VANISHED,
            "exploded": self.signal > EXPLODED,
        }
        return frozenset(trouble for trouble, there in found.items() if there)


@dataclass(frozen=True, slots=True)
class ArmActivations:
    """One arm's layers, of the run of one seed."""

    arm: str
    seed: int
    start: tuple[Layer, ...]
    end: tuple[Layer, ...]
    """With the weights handed over; empty for a run that handed over none."""


def activations(result: Mapping[str, Any]) -> tuple[ArmActivations, ...]:
    """Return the arms whose hidden activations were measured, in the study's order; older results have none."""
    found = []
    for arm in result.get("arms") or ():
        block = arm.get("activations") or {}
        start, end = _layers(block.get("start")), _layers(block.get("end"))
        if start:
            found.append(ArmActivations(str(arm["name"]), int(block["seed"]), start, end))
    return tuple(found)


def _layers(raw: Sequence[Mapping[str, Any]] | None) -> tuple[Layer, ...]:
    return tuple(
        Layer(
            index=index,
            site=str(one.get("site")),
            kind=str(one.get("kind")),
            units=int(one["units"]),
            mean=number(one.get("mean")),
            std=number(one.get("std")),
            signal=number(one.get("signal")),
            zeros=number(one.get("zeros")),
            dead=number(one.get("dead")),
            saturated=number(one.get("saturated")),
            distinct=int(one["distinct"]),
            weight_std=number(one.get("weight_std")),
        )
        for index, one in enumerate(raw or (), start=1)
    )


def remarks(arm: ArmActivations) -> tuple[str, ...]:
    """Return a sentence for each thing that stands out, with its layers, and whether at the start or the end."""
    made = []
    for trouble in TROUBLES:
        start, end = _with(trouble, arm.start), _with(trouble, arm.end)
        if start and [layer.index for layer in start] == [layer.index for layer in end]:
            made.append(_sentence(trouble, arm, [*start, *end], ", at the start and at the end", lasts=True))
            continue
        if start:
            made.append(_sentence(trouble, arm, start, " at the start", lasts=not arm.end))
        if end:
            made.append(_sentence(trouble, arm, end, " at the end", lasts=False))
    made += [_change(layers, when) for layers, when in ((arm.start, "start"), (arm.end, "end"))]
    return tuple(sentence for sentence in made if sentence)


def _change(layers: Sequence[Layer], when: str) -> str:
    """Return that the signal changes much from the first layer to the last; nothing where its size alone stands out."""
    if len(layers) < 2 or any(layer.troubles & {"broken", "vanished", "exploded"} for layer in layers):
        return ""
    ratio = layers[-1].signal / layers[0].signal
    if 1 / CHANGED < ratio < CHANGED:
        return ""
    verb, factor = ("grows", ratio) if ratio > 1 else ("shrinks", 1 / ratio)
    return f"The signal {verb} {factor:.0f}-fold from layer 1 to layer {layers[-1].index} at the {when}."


def _with(trouble: Trouble, layers: Sequence[Layer]) -> list[Layer]:
    found = [layer for layer in layers if trouble in layer.troubles]
    if trouble == "vanished" and all(layer.dead == 1 for layer in found):
        return []  # that they are dead says it
    return found


def _sentence(trouble: Trouble, arm: ArmActivations, layers: Sequence[Layer], when: str, *, lasts: bool) -> str:
    """Return what stands out; ``lasts``: nothing is known of an end at which it is gone."""
    where = f"in {_where(sorted({layer.index for layer in layers}), len(arm.start))}{when}"
    if trouble == "broken":
        return f"Activations are not finite {where}."
    if trouble == "equal":
        units = range_text(sorted({layer.units for layer in layers}))
        tail = ": equal weights never part" if lasts else ""
        return f"1 of {units} units is distinct {where}{tail}."
    if trouble == "dead":
        tail = ": nothing passes there" if all(layer.dead == 1 for layer in layers) else ""
        return f"{_shares([layer.dead for layer in layers])} of the units are dead {where}{tail}."
    if trouble == "saturated":
        return f"{_shares([layer.saturated for layer in layers])} of the activations are saturated {where}."
    signals = [layer.signal for layer in layers]
    if trouble == "vanished":
        return f"The signal vanishes {where}: down to {short_text(min(signals))}."
    return f"The signal explodes {where}: up to {short_text(max(signals))}."


def _shares(shares: Sequence[float]) -> str:
    low, high = share_text(min(shares)), share_text(max(shares))
    return high if low == high else f"{low} to {high}"


def _where(places: Sequence[int], count: int) -> str:
    if len(places) == count:
        return "the hidden layer" if count == 1 else f"all {count} hidden layers"
    if len(places) == 1:
        return f"layer {places[0]}"
    if len(places) > 2 and places[-1] - places[0] == len(places) - 1:
        return f"layers {places[0]} to {places[-1]}"
    return f"layers {listing([str(place) for place in places])}"
