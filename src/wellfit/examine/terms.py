"""What the predictions of all trainings come to: the terms of every value with intervals, and where the totals turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from wellfit.examine.complexity import Axis
from wellfit.examine.decompose import FEWEST, Squared, domingos, kohavi_wolpert, squared
from wellfit.examine.interval import mean_interval
from wellfit.examine.repeated import Predictions, targets_of
from wellfit.examine.resample import Drawn
from wellfit.examine.turn import find_turn

LATE_FALL = 0.02
"""A fall of the objective in the last fifth of the epochs, in parts of where it began: training was not at its end."""

Array = npt.NDArray[np.float64]


def taken_apart(over: Axis, found: Mapping[float, Predictions], drawn: Drawn) -> dict[str, Any]:
    """Return the parts ``losses``, ``values``, ``turn`` and ``notes`` of a result: plain values for JSON."""
    classes = drawn.replicate.dataset.task == "classification"
    losses = ("brier", "error") if classes else ("squared",)
    y = targets_of(drawn.replicate, drawn.evaluation)
    apart: dict[str, list[tuple[float, Squared]]] = {loss: [] for loss in losses}
    rows: list[dict[str, Any]] = []
    for value, one in found.items():
        row: dict[str, Any] = {"value": value, "bootstraps": len(one.evaluation), "diverged": one.diverged}
        rows.append(row | dict.fromkeys((*losses, "train")))
        if len(one.evaluation) < FEWEST:
            continue
        predictions = np.stack(one.evaluation)
        terms = decompositions(predictions, y, classes=classes)
        rows[-1] |= {loss: _block(each) for loss, each in terms.items()}
        rows[-1]["train"] = _train(one, drawn, losses)
        if classes:
            main = domingos(predictions.argmax(2), y.argmax(1), y.shape[1])
            names = ("bias", "variance", "net")
            rows[-1]["main_prediction"] = {name: _mean(getattr(main, name)[None]) for name in names}
        for loss, each in terms.items():
            apart[loss].append((value, each))
    turns = {loss: find_turn(over, each) for loss, each in apart.items() if each}
    said = {loss: turn.to_dict() | {"words": turn.words(over, len(rows))} for loss, turn in turns.items()}
    return {"losses": list(losses), "values": rows, "turn": said, "notes": _notes(over, found)}


def decompositions(predictions: Array, y: Array, *, classes: bool) -> dict[str, Squared]:
    """Return the decomposition of each loss: ``brier`` and ``error`` of class probabilities, else ``squared``.

    The squared loss is a mean over the target columns, in units of the variance of the train targets.
    """
    whole = squared(predictions, y)
    if classes:
        return {"brier": whole, "error": kohavi_wolpert(predictions.argmax(2), y.argmax(1), y.shape[1])}
    columns = y.shape[1]
    return {"squared": Squared(whole.loss / columns, whole.bias2 / columns, whole.variance / columns)}


def _block(one: Squared) -> dict[str, Any]:
    bias2, variance = one.plain
    terms = {name: _mean(getattr(one, name)) for name in ("loss", "bias2", "variance")}
    return {**terms, "uncorrected": {"bias2": bias2, "variance": variance}}


def _mean(table: Array) -> dict[str, Any]:
    interval = mean_interval(table)
    return {"mean": float(table.mean()), "ci95": [interval.low, interval.high]}


def _train(one: Predictions, drawn: Drawn, losses: Sequence[str]) -> dict[str, float]:
    """Return the mean losses on the samples that each training was given."""
    each: dict[str, list[float]] = {loss: [] for loss in losses}
    for predictions, rows in zip(one.train, one.shown, strict=True):
        y = targets_of(drawn.replicate, rows)
        loss = ((predictions - y) ** 2).sum(1).mean()
        if "squared" in each:
            each["squared"].append(float(loss) / y.shape[1])
        else:
            each["brier"].append(float(loss))
            each["error"].append(float((predictions.argmax(1) != y.argmax(1)).mean()))
    return {loss: float(np.mean(values)) for loss, values in each.items()}


def _notes(over: Axis, found: Mapping[float, Predictions]) -> list[str]:
    notes = []
    for value, one in found.items():
        if one.diverged:
            left = "left out" if len(one.evaluation) >= FEWEST else "too many to say anything"
            notes.append(f"{over} {value:g}: {one.diverged} trainings diverged ({left})")
    unfinished = [value for value, one in found.items() if one.late_fall and np.mean(one.late_fall) > LATE_FALL]
    if unfinished:
        which = ", ".join(f"{value:g}" for value in unfinished)
        notes.append(
            f"{over} {which}: in the last fifth the training loss still fell by more than {100 * LATE_FALL:.0f} % of "
            "where it began; a longer training (--set epochs=...) may have less bias"
        )
    return notes
