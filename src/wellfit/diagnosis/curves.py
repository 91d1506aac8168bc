"""Curves in one form, whatever they came in: a mapping of lists, a table, rows, a run's record, or a foreign log."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from wellfit.diagnosis.features import HUGE
from wellfit.diagnosis.readers.log_run import LogRun
from wellfit.errors import InputError, nearest
from wellfit.record import EpochRow, RunRecord

Unit = Literal["epoch", "step", "evaluation"]
Measured = Literal["eval", "train"]
Series = dict[str, np.ndarray]

KEYS = {
    "train_loss": ("loss", "training_loss"),
    "val_loss": ("validation_loss", "valid_loss", "eval_loss", "dev_loss"),
    "train_accuracy": ("accuracy", "acc", "train_acc"),
    "val_accuracy": ("val_acc", "validation_accuracy", "valid_accuracy", "eval_accuracy"),
    "lr": ("learning_rate",),
    "penalty": (),
    "grad_norm": (),
    "dead": ("dead_units",),
    "saturated": (),
}
"""Our names, and others that are taken for them where ours is missing."""
LAYERED = ("grad_norm", "dead", "saturated")
"""Series that may be given by layer, from input to output: ``dead.fc1`` or ``{"dead": {"fc1": [...]}}``."""
PERCENT = 1.5
"""An accuracy above this is in percent."""
PERCENT_SAID = "Accuracies in percent were divided by 100."
MOST = 1000
"""Points beyond which neighbors are averaged, to half as many groups."""


@dataclass(frozen=True)
class Curves:
    """The series of a run on one axis; all arrays have its length, and hold NaN where nothing was logged."""

    at: tuple[int, ...]
    """Increasing: the epoch, step, or number of the evaluation."""
    series: Series
    """By our names; what was not given is not there."""
    layers: Mapping[str, Series] = field(default_factory=dict)
    """``grad_norm``, ``dead`` and ``saturated`` by layer, from input to output."""
    unit: Unit = "epoch"
    broken_at: int | None = None
    """Where a loss was first not finite. What came later is not in the series."""
    diverged: bool = False
    """Whether the run was marked as such."""
    measured: Measured | None = None
    """How the train series were measured: ``eval`` as validation is; ``train`` with dropout and the like."""
    restored: int | None = None
    """The epoch whose weights were handed over, where that is known."""
    remarks: tuple[str, ...] = ()


def as_curves(given: object) -> Curves:
    """Return what was given as curves.

    Parameters
    ----------
    given
        A mapping or table from names (``train_loss``, ``val_loss``, ``train_accuracy``, ``val_accuracy``, ``lr``,
        ``epoch``, ``grad_norm``, ``dead``, ``saturated``; any may be missing) to equally long lists of numbers, where
        ``None`` and NaN are points that are missing; NaN to the end, or an infinity, is a loss that broke. Or a
        sequence of ``EpochRow``, a ``RunRecord``, a ``LogRun``.

    Raises
    ------
    InputError
        It is nothing of that, holds no loss and no accuracy, or lists of different lengths, or no numbers.

    """
    if isinstance(given, LogRun):
        return _of_log(given)
    if isinstance(given, RunRecord):
        curves = _of_rows(given.curves)
        best = given.best_epoch or None
        return Curves(
            curves.at, curves.series, broken_at=curves.broken_at, diverged=given.status == "diverged",
            measured="eval", restored=best,
        )  # fmt: skip
    if isinstance(given, Sequence) and not isinstance(given, str) and all(isinstance(r, EpochRow) for r in given):
        return _of_rows(given)
    if hasattr(given, "keys") and hasattr(given, "__getitem__"):
        return _of_mapping({str(key): given[key] for key in given.keys()})  # noqa: SIM118 - tables iterate otherwise
    raise InputError("curves", f"received {type(given).__name__}", "a mapping of lists, rows, a record or a log")


def _of_rows(rows: Sequence[EpochRow]) -> Curves:
    names = ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "lr", "grad_norm", "penalty")
    series = {name: np.array([_number(getattr(row, name), name) for row in rows], dtype=float) for name in names}
    series = {name: values for name, values in series.items() if not values.size or not np.isnan(values).all()}
    losses = [(row.train_loss, row.val_loss) for row in rows]
    broken = next((i for i, pair in enumerate(losses) if not all(abs(v) < HUGE for v in pair)), None)
    return _finished([row.epoch for row in rows], series, {}, unit="epoch", broken=broken, measured="eval")


def _of_log(run: LogRun) -> Curves:
    found = run.curves
    series: Series = {str(name): np.array(found.series(name), dtype=float) for name in found.names}
    broken = (
        None if found.broken_at is None else next((i for i, x in enumerate(found.at) if x >= found.broken_at), None)
    )
    in_train = run.has("train-mode") or run.has("epoch-average")
    return _finished(
        found.at, series, {}, unit=found.unit, broken=broken,
        measured="eval" if run.comparable else "train" if in_train else None,
        remarks=tuple(remark.words for remark in run.remarks),
    )  # fmt: skip


def _of_mapping(given: Mapping[str, Any]) -> Curves:
    layers: dict[str, dict[str, Any]] = {}
    flat: dict[str, Any] = {}
    for key, values in given.items():
        head, dot, layer = key.replace("/", ".").partition(".")
        if isinstance(values, Mapping) and key in LAYERED:
            layers.setdefault(key, {}).update(values)
        elif dot and head in LAYERED:
            layers.setdefault(head, {})[layer] = values
        else:
            flat[key] = values
    taken = {name: _first(flat, (name, *others)) for name, others in KEYS.items()}
    if all(taken[name] is None for name in ("train_loss", "val_loss", "train_accuracy", "val_accuracy")):
        known = [*KEYS, *(other for others in KEYS.values() for other in others)]
        what = f"holds {', '.join(map(repr, list(given)[:8])) or 'nothing'}"
        expected = (
            "train_loss and val_loss" if not given else f"train_loss, val_loss or {nearest(next(iter(given)), known)}"
        )
        raise InputError("curves", what, expected)
    series = {name: _array(key, flat[key]) for name, key in taken.items() if key is not None}
    inner = {kind: {str(k): _array(f"{kind}.{k}", v) for k, v in by.items()} for kind, by in layers.items()}
    for kind in ("dead", "saturated"):
        if kind in series:
            inner.setdefault(kind, {})[""] = series.pop(kind)
    axis = _first(flat, ("epoch", "epochs", "step", "global_step"))
    lengths = {taken[name] or name: values.size for name, values in series.items()}
    lengths |= {f"{kind}.{k}": v.size for kind, by in inner.items() for k, v in by.items()}
    if axis is not None:
        lengths[axis] = _array(axis, flat[axis]).size
    name, n = max(lengths.items(), key=lambda pair: pair[1])
    for other, size in lengths.items():
        if size != n:
            raise InputError(f"curves, {other}", f"{size} values", f"{n}, as {name} has (None where none was measured)")
    at = [float(i) for i in range(1, n + 1)] if axis is None else list(_array(axis, flat[axis]))
    if not np.isfinite(at).all():
        raise InputError(f"curves, {axis}", "holds a value that is missing or not finite", "a number at every point")
    losses = {key: values for key, values in series.items() if key.endswith("_loss")}
    if any(np.isfinite(values).any() for values in losses.values()):  # a column that was never filled is not there
        losses = {key: values for key, values in losses.items() if not np.isnan(values).all()}
        series = {key: values for key, values in series.items() if key in losses or not key.endswith("_loss")}
    unfilled = [values[: _filled(flat[taken[key] or key])] for key, values in losses.items()]
    unit: Unit = "step" if axis in ("step", "global_step") else "epoch"
    return _finished(at, series, inner, unit=unit, broken=_broken(unfilled))


def _first(flat: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((name for name in names if name in flat and flat[name] is not None), None)


def _array(name: str, values: Any) -> np.ndarray:
    if isinstance(values, str) or np.ndim(values) == 0:
        raise InputError(f"curves, {name}", f"received {type(values).__name__}", "a list of numbers")
    try:
        return np.array([_number(value, name) for value in values], dtype=float)
    except InputError:
        raise
    except (TypeError, ValueError):
        raise InputError(f"curves, {name}", "holds what is no number", "a list of numbers") from None


def _number(value: Any, name: str) -> float:
    try:
        return math.nan if value is None else float(value)
    except OverflowError:
        return math.inf
    except (TypeError, ValueError):
        raise InputError(f"curves, {name}", f"holds {value!r:.40}", "numbers, or None where there is none") from None


def _filled(values: Any) -> int:
    """Return the length without what is ``None`` at the end: that was never measured, where a NaN may have been."""
    n = len(values)
    listed = list(values)
    while n and listed[n - 1] is None:
        n -= 1
    return n


def _broken(losses: Sequence[np.ndarray]) -> int | None:
    """Return the index of the first loss that broke: an infinity, or NaN to the end for much longer than between."""
    found = []
    for values in losses:
        n = values.size
        finite = np.flatnonzero(np.abs(values) < HUGE)
        infinite = np.flatnonzero(np.abs(values) >= HUGE)
        if infinite.size:
            found.append(int(infinite[0]))
        elif finite.size and finite[-1] < n - 1:
            between = max(int(np.diff(finite).max()) if finite.size > 1 else 1, int(finite[0]) + 1)
            if n - 1 - finite[-1] >= (1 if between == 1 else 2 * between):
                found.append(int(finite[-1]) + 1)
        elif not finite.size and n:
            found.append(0)
    return min(found, default=None)


def _finished(
    at: Sequence[float],
    series: Series,
    layers: Mapping[str, Series],
    *,
    unit: Unit,
    broken: int | None,
    measured: Measured | None = None,
    remarks: tuple[str, ...] = (),
) -> Curves:
    """Order is checked, percent become fractions, what came after a break is cut off, and long series are thinned."""
    if any(later <= earlier for earlier, later in itertools.pairwise(at)):
        raise InputError("curves", "epochs do not increase", "one row per epoch, in order")
    series, percent = _plausible(series)
    layers = {kind: {k: _bounded(kind, v) for k, v in by.items()} for kind, by in layers.items()}
    whole = all(float(x).is_integer() and abs(x) < 2**53 for x in at)
    marks = [int(x) for x in at] if whole else list(range(1, len(at) + 1))
    broken_at = None if broken is None else marks[broken]
    end = len(marks) if broken is None else broken
    group = 1 if end <= MOST else math.ceil(end / (MOST // 2))
    return Curves(
        at=tuple(marks[min(i + group, end) - 1] for i in range(0, end, group)),
        series={name: _thinned(values[:end], group) for name, values in series.items()},
        layers={kind: {k: _thinned(v[:end], group) for k, v in by.items()} for kind, by in layers.items()},
        unit=unit if whole else "evaluation",
        broken_at=broken_at,
        measured=measured,
        remarks=(*remarks, PERCENT_SAID) if percent else remarks,
    )


def _plausible(series: Series) -> tuple[Series, bool]:
    """Return the series with accuracies as fractions, and without values that cannot be; and whether percent came."""
    found, percent = {}, False
    for name, values in series.items():
        bounded = values
        if name.endswith("_accuracy"):
            most = float(np.nanmax(np.where(np.abs(values) < HUGE, values, np.nan), initial=0.0))
            if PERCENT < most <= 100:
                bounded, percent = values / 100, True
        found[name] = _bounded(name, bounded)
    return found, percent


def _bounded(name: str, values: np.ndarray) -> np.ndarray:
    """Return NaN for shares outside [0, 1] and for what is huge; a huge norm of a gradient is infinite."""
    if name.endswith("_loss"):
        return values
    if name == "grad_norm":
        return np.where(np.abs(values) < HUGE, np.abs(values), np.where(np.isnan(values), np.nan, np.inf))
    share = name.endswith("_accuracy") or name in ("dead", "saturated")
    low, high = (0.0, 1.0) if share else (-HUGE, HUGE)
    return np.where((values >= low) & (values <= high), values, np.nan)


def _thinned(values: np.ndarray, group: int) -> np.ndarray:
    """Return the means of ``group`` neighbors, of those that are finite; NaN where none is."""
    if group == 1:
        return values
    parts = [values[i : i + group] for i in range(0, values.size, group)]
    return np.array([float(part[np.isfinite(part)].mean()) if np.isfinite(part).any() else math.nan for part in parts])
