"""Rows of fields to runs: what CSV and JSON Lines have in common."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np

from wellfit.diagnosis.readers.keys import is_curve, meaning
from wellfit.diagnosis.readers.log_run import Format, Remark
from wellfit.diagnosis.readers.raw import ABSENT, RawRun, Track, number

MOST_ROWS = 3_000_000
"""Rows of a file that are read."""
MOST_RUNS = 200
"""Runs in one file."""
MOST_KEYS = 200
"""Keys of a run whose values are kept."""
SHORT = 40
"""Characters of a field up to which a whole column is read at once."""
MOST_ROLES = 10_000
STEP_ORDER = ("_step", "step", "steps", "global_step")


class Collector:
    """Takes rows one by one and sorts their numbers into runs, by the column that names the run if there is one."""

    def __init__(self, source: str, log_format: Format) -> None:
        self.source, self.format = source, log_format
        self.runs: dict[str, RawRun] = {}
        self.roles: dict[str, str] = {}
        self.unused: set[str] = set()
        self.rows = 0
        self.bad_fields = 0

    def add(self, row: Mapping[str, object], *, comma: bool = False) -> None:
        """Add a row: key -> value, missing ones left out or ``None``."""
        self.rows += 1
        epoch = step = ABSENT
        epoch_key = step_key = None
        name = ""
        kept: list[tuple[str, object]] = []
        for key, value in row.items():
            if value is None or value == "":
                continue
            role = self.roles.get(key) or self._role(key)
            if role == "curve":
                kept.append((key, value))
            elif role == "epoch":
                epoch, epoch_key = self._place(value, comma), key
            elif role == "step":
                place = self._place(value, comma)
                if place == place and (step_key is None or key.lower() in STEP_ORDER):
                    step, step_key = place, key
            elif role == "run":
                name = name or str(value)[:200]
        run = self.runs.get(name) or self._new_run(name)
        if run is None:
            return
        if step_key is not None:
            run.axis_keys[step_key] = "step"
        if epoch_key is not None and epoch == epoch:
            run.axis_keys[epoch_key] = "epoch"
        tracks, at = run.tracks, float(self.rows)
        for key, value in kept:
            try:
                found = float(value) if value.__class__ is float else number(value, comma=comma)
            except ValueError:
                self.bad_fields += 1
                continue
            if found is None or (key not in tracks and len(tracks) >= MOST_KEYS):
                continue
            track = tracks.get(key) or run.track(key)
            track.add(at, epoch, found)
            track.step.append(step)

    def add_columns(self, columns: Mapping[str, Sequence[str]], *, comma: bool = False) -> None:
        """Add many rows of text at once, of one run: key -> a field per row."""
        self._add_found({key: self._numbers(texts, comma) for key, texts in columns.items()})

    def add_numbers(self, columns: Mapping[str, np.ndarray]) -> None:
        """Add many rows of numbers, of one run; NaN for what was not logged."""
        self._add_found({key: (values, ~np.isnan(values)) for key, values in columns.items()})

    def _add_found(self, found: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
        count = len(next(iter(found.values()))[0])
        rows = np.arange(self.rows + 1.0, self.rows + count + 1.0)
        self.rows += count
        run = self.runs.get("") or self._new_run("")
        if run is None:
            return
        places = {"epoch": np.full(count, ABSENT), "step": np.full(count, ABSENT)}
        for key, (values, known) in found.items():
            role = self.roles.get(key) or self._role(key)
            known = known & np.isfinite(values)
            taken = role == "step" and "step" in run.axis_keys.values() and run.axis_keys.get(key) != "step"
            if role in places and known.any() and not taken:
                run.axis_keys[key] = role
                places[role] = np.where(known, values, ABSENT)
        for key, (values, known) in found.items():
            if self.roles.get(key) != "curve" or not known.any():
                continue
            track = run.track(key)
            new = (rows, places["epoch"], values, places["step"])
            for column, part in zip((track.at, track.epoch, track.values, track.step), new, strict=True):
                column.frombytes(part[known].tobytes())

    def _numbers(self, texts: Sequence[str], comma: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of a column and which fields have one."""
        if max(map(len, texts)) <= SHORT:
            with suppress(ValueError):
                return np.array(texts, dtype=str).astype(float), np.ones(len(texts), dtype=bool)
        values, known = np.full(len(texts), np.nan), np.zeros(len(texts), dtype=bool)
        for index, text in enumerate(texts):
            try:
                found = number(text, comma=comma) if text else None
            except ValueError:
                self.bad_fields += 1
                continue
            if found is not None:
                values[index], known[index] = found, True
        return values, known

    def _role(self, key: str) -> str:
        """Return what is done with a key's values: ``curve`` keeps them."""
        found = meaning(key)
        if found is None:
            self.unused.update([key] if len(self.unused) < MOST_KEYS else [])
        role = "unused" if found is None else found.kind if found.kind in {"epoch", "step", "run"} else "curve"
        if len(self.roles) < MOST_ROLES:
            self.roles[key] = role
        return role

    def _place(self, value: object, comma: bool) -> float:
        try:
            found = number(value, comma=comma)
        except ValueError:
            self.bad_fields += 1
            return ABSENT
        return ABSENT if found is None or math.isinf(found) else found

    def _new_run(self, name: str) -> RawRun | None:
        if len(self.runs) >= MOST_RUNS:
            return None
        run = self.runs[name] = RawRun(f"{self.source}#{name}" if name else self.source, self.format)
        return run

    def finish(self, *, skipped: int = 0, cut_off: bool = False) -> list[RawRun]:
        """Return the runs that have any of our series, with remarks on what could not be read."""
        runs = [run for run in self.runs.values() if run.tracks]
        bad = skipped + self.bad_fields
        for run in runs:
            run.unused = self.unused
            _settle(run)
            if bad:
                run.remarks.append(Remark("skipped", f"{bad} lines or fields of the file could not be read; left out."))
            if cut_off:
                run.remarks.append(Remark("cut-off", "The last line of the file is broken off; left out."))
            if self.rows >= MOST_ROWS:
                run.remarks.append(Remark("cut-off", f"Only the first {MOST_ROWS} rows were read."))
        return runs


def _settle(run: RawRun) -> None:
    """Count steps if every point of a loss or accuracy has one, else epochs if every one has that, else rows."""
    curves = [track for key, track in run.tracks.items() if is_curve(key)] or list(run.tracks.values())
    for axis in ("step", "epoch"):
        known = not any(np.isnan(np.frombuffer(getattr(track, axis))).any() for track in curves)
        if known and not (axis == "step" and all(_within_epochs(track) for track in curves)):
            run.axis = axis
            for track in run.tracks.values():
                track.at = getattr(track, axis)
            break
    _drop_unplaced(run)


def _within_epochs(track: Track) -> bool:
    """Whether the steps begin anew, or stand still, with each epoch: they count batches of an epoch, not of the run."""
    step, epoch = np.frombuffer(track.step), np.frombuffer(track.epoch)
    if step.size < 2 or np.isnan(epoch).any() or (np.diff(epoch) < 0).any():
        return False
    new = np.diff(epoch) > 0
    return bool(new.any() and (np.diff(step)[new] <= 0).all())


def _drop_unplaced(run: RawRun) -> None:
    """Leave out the learning rates that stand nowhere."""
    for key in [key for key, track in run.tracks.items() if np.isnan(np.frombuffer(track.at)).any()]:
        old, new = run.tracks[key], Track()
        for at, epoch, value in zip(old.at, old.epoch, old.values, strict=True):
            if not math.isnan(at):
                new.add(at, epoch, value)
        run.tracks[key] = new
