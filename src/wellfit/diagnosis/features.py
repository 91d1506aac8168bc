"""What can be measured on the curves of one run. Pure numbers, no judgement.

Shares are fractions of the *descent*, the loss that the network has won, or of what *can be won*: down to the reference
where that is lower. They and the multiples of the noise do not change when all losses are multiplied by a number.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from wellfit.diagnosis.shape import LEAST_DESCENT, Shape, shape_of
from wellfit.errors import InputError
from wellfit.record import EpochRow

LEAST_WINNABLE = 0.1
"""The same for what can be won, where the loss of guessing is known: beside less, no rise or noise says anything."""
LEAST_NOISE = 1e-6
"""The same for the noise, as a share of the starting loss."""
LEAST_UNIT = 1e-12
"""The unit of loss is the starting loss, but at least this share of the largest one."""
HUGE = 1e100
"""A loss of this size counts as not finite: its square would overflow."""
DIGITS = 10
"""Digits kept of the losses as shares of the starting loss: rounding errors of a change of units cannot tip a
verdict."""


@dataclass(frozen=True, slots=True)
class Features:
    """One run's curves in numbers. Losses are in the units of the curves; everything else is free of units."""

    evaluations: int
    """Rows before the first loss that is not finite."""
    broken_epoch: int | None
    """The first epoch with a loss that is not finite."""
    start: float
    """The loss before anything was learned: ``chance_loss``, else the larger of the first epoch's two losses."""
    turning_epoch: int
    """Epoch where the trend of the validation loss is lowest; 0 without evaluations."""
    val_best: float
    """The trend of the validation loss at the turning point."""
    val_end: float
    """Mean of the trend over the last tenth."""
    train_end: float
    """The same of the train loss."""
    noise: float
    """Standard deviation of the validation loss around its trend."""
    noise_share: float
    """``noise`` / what can be won: ``start`` - the lower of ``val_best`` and ``reference``."""
    rise_share: float
    """(``val_end`` - ``val_best``) / what can be won."""
    rise_in_noise: float
    """(``val_end`` - ``val_best``) / ``noise``."""
    rise_in_error: float | None
    """(``val_end`` - ``val_best``) / the standard error of the validation loss, sqrt(``val_end`` ``start`` / samples):
    of a low loss most comes from a few answers as bad as guessing. ``None`` where the number of samples is not
    known."""
    train_change_share: float
    """Change of the train loss since the turning point / what can be won; negative where it went on falling."""
    accuracy_change: float | None
    """Change of the validation accuracy since the turning point (means of up to 3 rows); ``None`` for regression."""
    gap_share: float
    """(``val_end`` - ``train_end``) / (``start`` - ``train_end``): the part of what was won that does not
    generalize."""
    gap_growth_share: float
    """Change of the gap since the turning point / what can be won."""
    recent_fall_share: float
    """Fall of the validation trend over the last quarter, below its lowest before / descent = ``start`` - ``val_best``;
    negative where it rose."""
    recent_fall_in_noise: float
    """The same fall / ``noise``."""
    expected_fall_share: float
    """Fall to be expected from as many epochs again / descent: the last quarter's fall continued, each quarter in the
    ratio of the last two, at most 1."""
    train_expected_fall_share: float
    """The same of the train loss / (``start`` - its best)."""
    train_fall_in_noise: float
    """Fall of the train trend over the last quarter / the train loss's own noise."""
    train_won_share: float
    """(``start`` - lowest of the train loss's trend) / ``start``."""
    train_rise_share: float
    """How far the train loss ended above its own best / (``start`` - best): training itself was lost."""
    train_noise_share: float
    """Standard deviation of the train loss around its trend / (``start`` - its best)."""
    climb_share: float
    """The largest climb of either loss above its own lowest value before / ``start``; 0 where both only fall."""
    peak_share: float
    """The largest absolute loss / ``start``."""
    later_peak_share: float
    """The largest train loss since the turning point / ``start``."""
    learned_share: float | None
    """1 - ``train_end`` / ``chance_loss``: 0 learned nothing, 1 fits all; ``None`` without a chance loss above 0."""
    above_reference: float | None
    """(the smaller of ``train_end`` and ``val_end`` - ``reference``) / (``start`` - ``reference``), where above 0 the
    network cannot even fit its train set as well as another arm predicts; ``None`` without reference."""
    regret: float | None
    """(``val_end`` - ``reference``) / (``start`` - ``reference``); ``None`` without reference."""
    is_reference: bool
    """Whether a reference was given and the run itself reached it: then nothing else stands behind it."""
    regret_in_noise: float | None
    """(``val_end`` - ``reference``) / ``noise``; ``None`` without reference."""
    cured_by_time: float | None
    """Part of the regret that the expected fall would remove, 0 to 1; ``None`` without reference or regret. Of the
    validation loss or of the train loss above the reference, whichever is more: the train loss has less noise."""
    cured_by_return: float | None
    """Part of the regret that the turning point did not have, 0 to 1; ``None`` without reference or regret."""
    cured_by_fit: float | None
    """Part of the regret that the train loss has as well, 0 to 1; the rest is the gap. ``None`` as above."""


def measure(
    curves: Sequence[EpochRow],
    *,
    reference: float | None = None,
    chance_loss: float | None = None,
    validation: int | None = None,
) -> Features:
    """Return the features of one run's curves.

    ``reference`` is the best validation loss that any arm of the study reached, this one among them; ``chance_loss``
    the loss of predicting the class frequencies (regression: the mean), both in the units of the curves; not finite,
    they count as none; ``validation`` the number of validation samples. Rows from the first broken loss are not used.

    Raises
    ------
    InputError
        If the epochs do not increase.

    """
    rows, broken_epoch = _before_broken(curves)
    if not rows:
        return _empty(broken_epoch)
    chance, given = (each if each is not None and _finite(each) else None for each in (chance_loss, reference))
    start = max(rows[0].train_loss, rows[0].val_loss) if chance is None else chance
    largest = max(max(abs(row.train_loss), abs(row.val_loss)) for row in rows)
    unit = max(abs(start), LEAST_UNIT * largest) or 1.0
    train, val = (np.array([getattr(row, name) for row in rows]) / unit for name in ("train_loss", "val_loss"))
    shape = shape_of(train.round(DIGITS), val.round(DIGITS), start=round(start / unit, DIGITS))
    train_end, val_end, val_best = (level * unit for level in (shape.train_end, shape.val_end, shape.val_best))
    known = None if given is None else min(given, val_best)  # what the run itself reached is reachable
    to_win = 0.0 if known is None else max(start - known, LEAST_DESCENT * unit)
    winnable = max(shape.descent, round(to_win / unit, DIGITS), 0.0 if chance is None else LEAST_WINNABLE)
    return Features(
        evaluations=len(rows),
        broken_epoch=broken_epoch,
        start=start,
        turning_epoch=rows[shape.turn].epoch,
        val_best=val_best,
        val_end=val_end,
        train_end=train_end,
        noise=shape.noise * unit,
        noise_share=shape.noise / winnable,
        rise_share=shape.rise / winnable,
        train_change_share=shape.train_change / winnable,
        accuracy_change=_accuracy_change(rows, shape.turn),
        gap_share=(shape.val_end - shape.train_end) / shape.train_descent,
        gap_growth_share=(shape.rise - shape.train_change) / winnable,
        recent_fall_share=shape.recent_fall / shape.descent,
        expected_fall_share=shape.expected_fall / shape.descent,
        train_expected_fall_share=shape.train_expected_fall / shape.train_descent,
        train_won_share=(round(start / unit, DIGITS) - shape.train_end + shape.train_rise) / (abs(start) / unit or 1.0),
        train_rise_share=shape.train_rise / shape.train_descent,
        train_noise_share=shape.train_noise / shape.train_descent,
        learned_share=None if chance is None or chance <= 0 else 1 - train_end / chance,
        is_reference=given is not None and (given >= val_best or math.isclose(given, val_best, rel_tol=1e-6)),
        **_beside_chance(shape, start=round(start / unit, DIGITS), samples=validation),
        **_peaks(train, val, turn=shape.turn),
        **_against(known, shape, to_win=to_win, unit=unit),
    )


def _before_broken(curves: Sequence[EpochRow]) -> tuple[Sequence[EpochRow], int | None]:
    """Return the rows before the first loss that is not finite, and its epoch."""
    if any(later.epoch <= earlier.epoch for earlier, later in itertools.pairwise(curves)):
        raise InputError("curves", "epochs do not increase", "one row per epoch, in order")
    for index, row in enumerate(curves):
        if not _usable(row):
            return curves[:index], row.epoch
    return curves, None


def reference_loss(arms: Sequence[Sequence[EpochRow]]) -> float | None:
    """Return the best validation loss that any arm's trend reached, from the curves of all arms with one seed.

    The trend, not the raw minimum: the smallest of many noisy values is smaller than what any arm can keep. Rows from
    an arm's first non-finite loss on are not used; ``None`` if no finite row is left.
    """
    best = []
    for curves in arms:
        features = measure(curves)
        if features.evaluations:
            # Beside a start that exploded a loss is rounded to 0; no trend is below the lowest value.
            lowest = min(row.val_loss for row in curves[: features.evaluations])
            best.append(max(features.val_best, lowest))
    return min(best, default=None)


def _beside_chance(shape: Shape, *, start: float, samples: int | None) -> dict[str, Any]:
    """Return rises and falls in multiples of what chance does: the noise of the curve, or that of a small set."""
    noise, train_noise = (max(each, LEAST_NOISE) for each in (shape.noise, shape.train_noise))
    variance = shape.val_end * start  # of one answer, where those that are wrong cost what guessing does
    return {
        "rise_in_noise": shape.rise / noise,
        "rise_in_error": shape.rise / math.sqrt(variance / samples) if samples and variance > 0 else None,
        "recent_fall_in_noise": shape.recent_fall / noise,
        "train_fall_in_noise": shape.train_recent_fall / train_noise,
    }


def _peaks(train: np.ndarray, val: np.ndarray, *, turn: int) -> dict[str, float]:
    """Return the largest climb and the largest losses, of curves as shares of the starting loss."""
    return {
        "climb_share": max(float((values - np.minimum.accumulate(values)).max()) for values in (train, val)),
        "peak_share": max(float(np.abs(values).max()) for values in (train, val)),
        "later_peak_share": float(train[turn:].max()),
    }


def _accuracy_change(rows: Sequence[EpochRow], turn: int) -> float | None:
    around = [row.val_accuracy for row in rows[max(0, turn - 1) : turn + 2]]
    end = [row.val_accuracy for row in rows[-3:]]
    before, after = ([value for value in part if value is not None and _finite(value)] for part in (around, end))
    return sum(after) / len(after) - sum(before) / len(before) if before and after else None


OF_REFERENCE = (
    "above_reference", "regret", "regret_in_noise", "cured_by_time", "cured_by_return", "cured_by_fit"
)  # fmt: skip


def _against(reference: float | None, shape: Shape, *, to_win: float, unit: float) -> dict[str, Any]:
    """Return what the run leaves of the reference, and what would win it back; all ``None`` without reference."""
    found: dict[str, float | None] = dict.fromkeys(OF_REFERENCE)
    if reference is None:
        return found
    train_end, val_end = shape.train_end * unit, shape.val_end * unit
    found["above_reference"] = (min(train_end, val_end) - reference) / to_win
    found["regret"] = (val_end - reference) / to_win
    found["regret_in_noise"] = (val_end - reference) / unit / max(shape.noise, LEAST_NOISE)
    level = round(reference / unit, DIGITS)
    if shape.val_end > level:
        regret, above = shape.val_end - level, min(shape.train_end, shape.val_end) - level
        falls = [shape.expected_fall / regret] + ([shape.train_expected_fall / above] if above > 0 else [])
        for name, part in {"time": max(falls), "return": shape.rise / regret, "fit": above / regret}.items():
            found[f"cured_by_{name}"] = min(max(part, 0.0), 1.0)
    return found


def _usable(row: EpochRow) -> bool:
    return max(abs(row.train_loss), abs(row.val_loss)) < HUGE and _finite(row.train_loss, row.val_loss)


def _finite(*values: float) -> bool:
    return all(math.isfinite(value) for value in values)


def _empty(broken_epoch: int | None) -> Features:
    """Features of a run without one finite row: all zero, so that they can be printed."""
    numbers = {field.name: 0.0 for field in fields(Features)}
    absent = dict.fromkeys(("rise_in_error", "accuracy_change", "learned_share", *OF_REFERENCE))
    whole = {"evaluations": 0, "turning_epoch": 0, "broken_epoch": broken_epoch, "is_reference": False}
    return Features(**{**numbers, **absent, **whole})  # type: ignore[arg-type]
