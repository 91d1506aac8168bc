"""sk-autod's rules, as its public documentation states them, and the released package itself where it is installed.

Source: https://pypi.org/project/sk-autod/ (0.1.1) and docs/detectors/index.md of its repository
(shamiquekhan/SK-AutoD-ML-Library-for-Training-Curve-Auto-Diagnostician), read in 2026. All ten detectors are described
well enough to be stated. What is not said, and how it is read here: "confirms a single-point spike" is not asked for (a
loss that shoots up and stays would be excluded); the "baseline" of the rolling variance is its median over the run;
"not trending down" is a second half whose mean is not below the first's; "flattens" is a slope of less than 0.001 per
epoch over the last 20 %; "consistently" is 80 % of the epochs; the warm-up is the first 10 %. It needs 5 epochs and
finite values: it says nothing of other runs. It gives no verdict, so its gravest finding is taken for one.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
from collections.abc import Callable, Sequence

import numpy as np

NAMES = {
    "Exploding gradient": "divergence",
    "Classic overfitting": "overfitting",
    "Underfitting": "underfitting",
    "Dying ReLU proxy": "dead_units",
    "LR too high": "lr_too_high",
    "LR too low": "lr_too_low",
    "Data leakage": "validation_better",
    "Noisy training": "noisy_validation",
    "Missed early stopping": "missed_early_stopping",
    "Label noise floor": "label_noise",
}
"""Its detectors by the findings that come nearest. Its noise is that of the loss, ours that of the validation loss."""

VERDICTS = (
    ("divergence", "diverged"),
    ("overfitting", "overfit"),
    ("underfitting", "underfit"),
    ("dead_units", "underfit"),
    ("lr_too_low", "unconverged"),
)
"""The gravest first, by its own order of severity."""

FEWEST = 5


def described(train: Sequence[float], val: Sequence[float]) -> frozenset[str] | None:
    """Return what its described rules find, by our names; ``None`` where it refuses to say anything."""
    if min(len(train), len(val)) < FEWEST or not all(map(math.isfinite, (*train, *val))):
        return None
    t, v = np.asarray(train, dtype=float), np.asarray(val, dtype=float)
    return frozenset(name for name, rule in RULES.items() if rule(t, v))


def released(train: Sequence[float], val: Sequence[float]) -> frozenset[str] | None:
    """Return what the installed package finds, by our names; ``None`` where it refuses."""
    try:
        report = importlib.import_module("sk_autod").diagnose(list(train), list(val))
    except ValueError:
        return None
    return frozenset(NAMES[each.detector_name] for each in report.findings if each.detector_name in NAMES)


def is_installed() -> bool:
    return importlib.util.find_spec("sk_autod") is not None


def verdict(found: frozenset[str] | None) -> str:
    if found is None:
        return "unclear"
    return next((verdict for name, verdict in VERDICTS if name in found), "well-fit")


def _overfitting(train: np.ndarray, val: np.ndarray) -> bool:
    """Validation rises for 3 or more epochs in a row while the train loss falls."""
    apart = (np.diff(val) > 0) & (np.diff(train) < 0)
    return bool((apart[:-2] & apart[1:-1] & apart[2:]).any())


def _exploding(train: np.ndarray, val: np.ndarray) -> bool:
    """A loss is more than 3 times that of the epoch before."""
    return any(bool((loss[1:] > 3 * loss[:-1]).any()) for loss in (train, val))


def _lr_high(train: np.ndarray, val: np.ndarray) -> bool:
    """The variance over 5 epochs exceeds twice its baseline, and the train loss does not trend down."""
    windows = np.lib.stride_tricks.sliding_window_view(train, 5).var(axis=1)
    half = train.size // 2
    return bool(windows.max() > 2 * np.median(windows) and train[half:].mean() >= train[:half].mean())


def _lr_low(train: np.ndarray, val: np.ndarray) -> bool:
    """The slope of the train loss over the first half is shallower than -0.001 per epoch."""
    return _slope(train[: max(2, train.size // 2)]) > -0.001


def _underfitting(train: np.ndarray, val: np.ndarray) -> bool:
    """The final train loss is above 0.5, its last fifth is flat, and validation has not come apart from it."""
    return bool(train[-1] > 0.5 and _is_flat(train) and abs(val[-1] - train[-1]) < 0.1)


def _dying(train: np.ndarray, val: np.ndarray) -> bool:
    """The loss is flat from before epoch 10 (or 20 % of the run) on, not near 0, without oscillation."""
    start = max(2, min(10, train.size // 5))
    return bool(np.ptp(train[start:]) < 0.01 and train[-1] > 0.1)


def _noisy(train: np.ndarray, val: np.ndarray) -> bool:
    """The change of the loss flips its sign in more than 40 % of the epochs."""
    changes = np.sign(np.diff(train))
    return bool(np.mean(changes[1:] * changes[:-1] < 0) > 0.4)


def _leak(train: np.ndarray, val: np.ndarray) -> bool:
    """After the warm-up the train loss lies by more than 0.1 above validation, consistently."""
    above = (train - val)[train.size // 10 :]
    return bool(above.mean() > 0.1 and np.mean(above > 0) >= 0.8)


def _missed(train: np.ndarray, val: np.ndarray) -> bool:
    """The lowest validation loss is not in the last tenth, and the final one is above 1.05 times it."""
    return bool(np.argmin(val) < 0.9 * val.size and val[-1] > 1.05 * val.min())


def _floor(train: np.ndarray, val: np.ndarray) -> bool:
    """The train loss flattens above 0.1."""
    return bool(train[-1] > 0.1 and _is_flat(train))


def _is_flat(values: np.ndarray) -> bool:
    return abs(_slope(values[-max(2, values.size // 5) :])) < 0.001


def _slope(values: np.ndarray) -> float:
    return float(np.polyfit(np.arange(values.size), values, 1)[0])


RULES: dict[str, Callable[[np.ndarray, np.ndarray], bool]] = {
    "divergence": _exploding,
    "overfitting": _overfitting,
    "underfitting": _underfitting,
    "dead_units": _dying,
    "lr_too_high": _lr_high,
    "lr_too_low": _lr_low,
    "validation_better": _leak,
    "noisy_validation": _noisy,
    "missed_early_stopping": _missed,
    "label_noise": _floor,
}
