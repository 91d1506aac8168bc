"""From points here and there to curves on one axis, a row per validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from wellfit.diagnosis.readers.log_run import Curves, Remark, SeriesName
from wellfit.diagnosis.readers.naming import shown
from wellfit.diagnosis.readers.raw import RawRun, Track

MOST_ROWS = 2000
"""Rows of a run; of more, groups of neighbors become one."""


class Points:
    """A series as sorted arrays ``at``, ``epoch``, ``value``, NaN where one was logged."""

    def __init__(self, at: np.ndarray, epoch: np.ndarray, value: np.ndarray) -> None:
        self.at, self.epoch, self.value = at, epoch, value

    @property
    def finite(self) -> Points:
        """The points with a finite value."""
        kept = np.isfinite(self.value)
        return Points(self.at[kept], self.epoch[kept], self.value[kept])

    @property
    def broken_at(self) -> float | None:
        """Where its values ceased to be finite for good; ``None`` if NaN also stands for "not logged" in it."""
        finite = np.isfinite(self.value)
        if finite.all():
            return None
        last = int(np.flatnonzero(finite)[-1]) if finite.any() else -1
        holes = not finite[: last + 1].all()
        return None if last == self.value.size - 1 or holes else float(self.at[last + 1])


def points(tracks: Sequence[Track], *, summed: bool = False) -> tuple[Points, int]:
    """Return the points of a series, in order, and how many a later start of the run has replaced."""
    found = [_ordered(track) for track in tracks]
    series, replaced = found[0]
    for other, _ in found[1:] if summed else ():
        common, here, there = np.intersect1d(series.at, other.at, return_indices=True)
        series = Points(common, series.epoch[here], series.value[here] + other.value[there])
    return series, replaced


def _ordered(track: Track) -> tuple[Points, int]:
    """Drop what a restart repeated: points at or after a place to which the log later goes back."""
    at, epoch, value = (np.frombuffer(column, dtype=float) for column in (track.at, track.epoch, track.values))
    from_here_on = np.minimum.accumulate(at[::-1])[::-1]
    kept = np.append(at[:-1] < from_here_on[1:], True) if at.size else np.zeros(0, dtype=bool)
    backwards = bool((np.diff(at) < 0).any())
    if not backwards:  # several points at one place are a mean, not a restart
        return Points(at, epoch, value), 0
    return Points(at[kept], epoch[kept], value[kept]), int((~kept).sum())


def align(run: RawRun, keys: Mapping[SeriesName, tuple[str, ...]]) -> tuple[Curves, list[Remark]]:
    """Return the curves of the chosen keys, and what was done to them.

    A row stands for a validation: train values are their mean since the row before. Where validation is logged more
    often than training, a row stands for a train point. The learning rate is the last one before.
    """
    remarks: list[Remark] = []
    series: dict[SeriesName, Points] = {}
    replaced = 0
    for name, chosen in keys.items():
        found, dropped = points([run.tracks[key] for key in chosen], summed=len(chosen) > 1)
        replaced = max(replaced, dropped)
        if found.at.size:
            series[name] = found
    if replaced:
        words = f"The log goes back to an earlier {_unit(run)} (resumed or run again); {replaced} points were replaced."
        remarks.append(Remark("resumed", words))
    broken = _broken(series)
    grid = _grid(series)
    if broken is not None and grid.size and broken > grid[-1]:
        grid = np.append(grid, broken)  # it broke after the last row
    if grid.size > MOST_ROWS:
        words = f"{grid.size} rows; each row here is the mean of up to {-(-grid.size // MOST_ROWS)} of them."
        remarks.append(Remark("thinned", words))
        grid = grid[np.unique(np.linspace(0, grid.size - 1, MOST_ROWS + 1).astype(int)[1:])]
    unit, place = _axis(run, series, grid)
    columns = {name: _column(found.finite, grid, last=name == "lr") for name, found in series.items()}
    columns = {name: column for name, column in columns.items() if np.isfinite(column).any() or broken is not None}
    _as_shares(columns, remarks, run, keys)
    at = [float(value) for value in place(grid)]
    broken_at = None if broken is None else float(place(np.array([broken]))[0])
    if broken_at is not None:
        remarks.append(Remark("not-finite", f"From {unit} {broken_at:g} on, a loss is NaN or infinite."))
    return Curves(unit, at, **{name: column.tolist() for name, column in columns.items()}, broken_at=broken_at), remarks


def _unit(run: RawRun) -> str:
    return "step" if run.axis == "step" else "epoch"


def _broken(series: Mapping[SeriesName, Points]) -> float | None:
    losses = [found for name, found in series.items() if name.endswith("loss")]
    places = [found.broken_at for found in losses]
    ends = [float(found.finite.at[-1]) for found in losses if np.isfinite(found.value).any()]
    known = [
        place
        for place, found in zip(places, losses, strict=True)
        if place is not None and (np.isfinite(found.value).any() or not ends)
    ]
    return min(known) if known else None


def _grid(series: Mapping[SeriesName, Points]) -> np.ndarray:
    """Return where the rows end."""
    empty = np.zeros(0)

    def places(part: str) -> np.ndarray:
        found = [series[name].at for name in (f"{part}_loss", f"{part}_accuracy") if name in series]  # type: ignore[index]
        return np.unique(found[0]) if found else empty

    train, val = places("train"), places("val")
    if not train.size or not val.size:
        longest = val if val.size else train
        return longest if longest.size else np.unique(series["lr"].at) if "lr" in series else empty
    if train.size >= val.size - 1:
        return val
    return np.append(train[:-1], max(train[-1], val[-1]))


def _column(found: Points, grid: np.ndarray, *, last: bool) -> np.ndarray:
    """Return the mean of the points in (row before, row], or the last one up to the row; NaN where there is none."""
    column = np.full(grid.size, np.nan)
    if not found.at.size:
        return column
    if last:
        before = np.searchsorted(found.at, grid, side="right") - 1
        column[before >= 0] = found.value[before[before >= 0]]
        return column
    row = np.searchsorted(grid, found.at, side="left")
    inside = row < grid.size
    count = np.bincount(row[inside], minlength=grid.size)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        mean = np.bincount(row[inside], weights=found.value[inside], minlength=grid.size) / count
    column[count > 0] = mean[count > 0]
    column[~np.isfinite(column)] = np.nan
    return column


def _axis(run: RawRun, series: Mapping[SeriesName, Points], grid: np.ndarray):  # type: ignore[no-untyped-def]
    """Return the unit of the rows and the function from places in the log to it."""
    known = [found for found in series.values() if np.isfinite(found.epoch).any()]
    epoch_track = next(
        (run.tracks[key] for key, axis in run.axis_keys.items() if axis == "epoch" and key in run.tracks), None
    )
    if epoch_track is not None and len(epoch_track):
        tracked, _ = _ordered(epoch_track)
        known = [Points(tracked.at, tracked.value, tracked.value)]
    if known and grid.size:
        at, epoch = (np.concatenate([getattr(found, name) for found in known]) for name in ("at", "epoch"))
        order = np.argsort(at, kind="stable")[np.isfinite(epoch[np.argsort(at, kind="stable")])]
        epochs = _epochs(at[order], epoch[order], grid)
        if epochs is not None:
            return "epoch", lambda places: np.interp(places, grid, epochs)
    first = float(grid[0]) if grid.size else 0.0
    counted = grid.size > 1 and first in (0.0, 1.0) and bool((np.diff(grid) == 1).all())
    counted = counted and all(bool(np.isin(found.at, grid).all()) for found in series.values())
    if run.axis != "step" or counted:
        shift = 1.0 if first == 0.0 else 0.0
        return "epoch", lambda places: places + shift
    return "step", lambda places: places


def _epochs(at: np.ndarray, epoch: np.ndarray, grid: np.ndarray) -> np.ndarray | None:
    """Return increasing epochs counted from 1 for the rows; several rows in one whole epoch share it evenly."""
    nearest = np.clip(np.searchsorted(at, grid, side="right") - 1, 0, None)
    found = epoch[nearest].astype(float)
    if not np.isfinite(found).all() or (np.diff(found) < 0).any():
        return None
    if (epoch == np.round(epoch)).all():
        if epoch.min() == 0:
            found = found + 1
        numbers, inverse, counts = np.unique(found, return_inverse=True, return_counts=True)
        if (counts > 1).any():
            rank = np.arange(found.size) - np.searchsorted(found, found, side="left")
            found = numbers[inverse] - 1 + (rank + 1) / counts[inverse]
    return found if (np.diff(found) > 0).all() else None


def _as_shares(
    columns: dict[SeriesName, np.ndarray],
    remarks: list[Remark],
    run: RawRun,
    keys: Mapping[SeriesName, tuple[str, ...]],
) -> None:
    """Bring accuracies in percent to [0, 1]; leave out what is no accuracy."""
    names: list[SeriesName] = [name for name in columns if name.endswith("accuracy")]
    largest = max((float(np.nanmax(columns[name])) for name in names if np.isfinite(columns[name]).any()), default=0.0)
    smallest = min((float(np.nanmin(columns[name])) for name in names if np.isfinite(columns[name]).any()), default=0.0)
    if largest > 100.5 or smallest < 0:
        for name in names:
            del columns[name]
            run.unused.update(keys[name])
    elif largest > 1.5 or (names and run.format == "timm"):
        for name in names:
            columns[name] = columns[name] / 100
        used = ", ".join(f"'{shown(key, longest=48)}'" for name in names for key in keys[name])
        remarks.append(Remark("percent", f"{used}: in percent; divided by 100."))
