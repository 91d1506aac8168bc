"""Findings about train against validation: better validation, overconfidence, missed stopping, noisy labels."""

from __future__ import annotations

import numpy as np

from wellfit.diagnosis.finding import Finding
from wellfit.diagnosis.smoothing import curve_noise, trend
from wellfit.diagnosis.thresholds import STANDARD, Limits
from wellfit.diagnosis.track import Line, Track

FEWEST = 5
NOTHING = 0.1
"""Where less of the loss of guessing was removed than this, nothing was learned that could be lost again."""


def validation_better(track: Track, limits: Limits = STANDARD) -> Finding | None:
    """Validation loss lies below the train loss at the end, and why that may be.

    An epoch's mean train loss stands for a network half an epoch old: if the train loss read half an epoch later takes
    up more than half of the difference, that is the reason.
    """
    train, val = track.train, track.val
    if train is None or val is None:
        return None
    both = np.intersect1d(train.index, val.index)
    if both.size < FEWEST:
        return None
    late = both[-max(3, both.size // 3) :]
    at_train, at_val = (np.interp(late, line.index, line.values) for line in (train, val))
    below = at_train - at_val
    share = float(below.mean()) / train.descent
    error = np.hypot(train.noise, val.noise) / np.sqrt(late.size) / train.descent
    if share < limits.below or share < limits.below_in_noise * error or np.mean(below > 0) < 0.8:
        return None
    known = late + 0.5 <= train.index[-1]
    later = np.interp(late + 0.5, train.index, train.trend)
    averaged = 1 - float((later - at_val)[known].mean()) / float(below.mean()) if known.any() else 0.0
    began = np.flatnonzero(np.interp(both, train.index, train.trend) <= np.interp(both, val.index, val.trend))
    epoch = track.at[both[min(int(began[-1]) + 1, both.size - 1) if began.size else 0]]
    evidence = {"below_share": share, "explained_by_averaging": averaged}
    penalty = 0.0 if track.penalty is None else float(np.nan_to_num(track.penalty[late]).mean())
    words = (
        f"Validation loss lies {share:.0%} of the descent below the train loss: "
        f"{_why(track, averaged, penalty > 0.5 * below.mean())}"
    )
    return Finding("validation_better", epoch, evidence, words)


def _why(track: Track, averaged: float, penalized: bool) -> str:
    if track.measured == "eval":
        return (
            "both were measured alike, so it is neither dropout nor a penalty: the validation samples are easier by "
            "chance, or copies of them are in the train set."
        )
    if averaged > 0.5:
        return "the train loss is a mean over the epoch while the network improved; read half an epoch later it agrees."
    if penalized:
        return "the train loss holds the penalty, which is as large as the difference."
    if track.measured == "train":
        return (
            "the train loss was measured in training, with dropout, augmentation and penalty on; if none of them is "
            "used, look for copies of validation samples in the train set."
        )
    return (
        "dropout, augmentation or a penalty in the train loss does this; without them the validation samples are "
        "easier, or copies of them are in the train set. Measure the train loss in evaluation mode to know."
    )


def overconfidence(track: Track, limits: Limits = STANDARD) -> Finding | None:
    """The validation loss rose although its accuracy held: the network grows too sure of its errors."""
    features = track.features
    change = features.accuracy_change
    if track.val is None or track.val_accuracy is None or change is None or not _rose(track, limits):
        return None
    if change < -0.005:
        return None
    moved = "rose" if change > 0.005 else "held"
    words = (
        f"Since epoch {features.turning_epoch} validation loss rose by {features.rise_share:.0%} of what can be won "
        f"while its accuracy {moved} ({change:+.1%}): probabilities grow too sure, answers do not get worse."
    )
    evidence = {"rise_share": features.rise_share, "accuracy_change": change}
    return Finding("overconfidence", features.turning_epoch, evidence, words)


def missed_early_stopping(track: Track, limits: Limits = STANDARD) -> Finding | None:
    """The best epoch was long before the end, and its weights were not the ones handed over."""
    features = track.features
    if track.val is None or not _rose(track, limits) or not track.at:
        return None
    points = sum(at > features.turning_epoch for at in track.at)
    if points < max(3, len(track.at) / 10) or (track.restored is not None and track.restored != track.last):
        return None
    words = (
        f"Validation loss was best at epoch {features.turning_epoch}, {points / len(track.at):.0%} of the run before "
        f"its end; stopping there would have saved {features.rise_share:.0%} of what can be won, and that time."
    )
    evidence = {
        "turning_epoch": float(features.turning_epoch),
        "rise_share": features.rise_share,
        "share_of_run_after": points / len(track.at),
    }
    return Finding("missed_early_stopping", features.turning_epoch, evidence, words)


def _rose(track: Track, limits: Limits) -> bool:
    features = track.features
    if features.evaluations < FEWEST or (features.learned_share is not None and features.learned_share < NOTHING):
        return False
    caution = 1 + 12 / features.evaluations
    return features.rise_share > limits.rise and features.rise_in_noise > limits.rise_in_noise * caution


def label_noise(track: Track, limits: Limits = STANDARD) -> Finding | None:
    """Validation accuracy fell again while the network went on to memorize; or a floor that nothing gets below.

    Networks learn what samples agree on first and memorize wrong labels later (Arpit et al. 2017).
    """
    return _memorized(track, limits) or _floor(track)


def _memorized(track: Track, limits: Limits) -> Finding | None:
    learned = track.features.learned_share
    if track.val_accuracy is None or track.train is None or (learned is not None and learned < NOTHING):
        return None
    index = np.flatnonzero(np.isfinite(track.val_accuracy))
    if index.size < FEWEST:
        return None
    values = track.val_accuracy[index]
    noise = curve_noise(values)
    smooth = trend(values, noise)
    last = max(1, smooth.size // 10)
    best = int(np.argmax(smooth))
    fall = float(smooth[best] - smooth[-last:].mean())
    if fall < limits.forgotten or fall < limits.forgotten_in_noise * noise:
        return None
    peak = int(index[best])
    won = _at(track.train, peak) - float(track.train.trend[-1])
    climbed = _climbed(track.train_accuracy, peak)
    if won < 3 * limits.memorized * track.train.descent or (climbed is not None and climbed < limits.memorized):
        return None
    epoch = track.at[peak]
    words = (
        f"Validation accuracy was best at epoch {epoch} and fell by {fall:.1%} since, while the train loss went on "
        f"falling by {won / track.train.descent:.0%} of its descent: what is learned late does not hold elsewhere, as "
        "wrong labels do not. Check the labels; overfitting on few samples can look the same."
    )
    evidence = {"accuracy_fall": fall, "train_fall_share": won / track.train.descent}
    return Finding("label_noise", epoch, evidence, words)


def _at(line: Line, index: int) -> float:
    return float(np.interp(index, line.index, line.trend))


def _climbed(accuracy: np.ndarray | None, peak: int) -> float | None:
    if accuracy is None or not np.isfinite(accuracy[peak:]).any():
        return None
    later = accuracy[peak:][np.isfinite(accuracy[peak:])]
    return float(later[-1] - later[0])


def _floor(track: Track) -> Finding | None:
    features = track.features
    known = features.learned_share is not None and features.regret is not None and not track.reference_is_own
    if not known or features.learned_share is None or features.regret is None or features.evaluations < 8:
        return None
    settled = features.expected_fall_share < 0.02 and features.train_expected_fall_share < 0.02
    if not settled or not 0.1 < features.learned_share < 0.75:
        return None
    if abs(features.gap_share) > 0.1 or abs(features.regret) > 0.04:
        return None
    words = (
        f"Train and validation loss end together, at {features.val_end:.3g}, where the reference ends as well: a floor "
        f"that keeps {1 - features.learned_share:.0%} of the loss of guessing. Noisy labels do that, and inputs that "
        "do not hold the answer."
    )
    evidence = {"learned_share": features.learned_share, "regret": features.regret, "gap_share": features.gap_share}
    return Finding("label_noise", track.last, evidence, words)
