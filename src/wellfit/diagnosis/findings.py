"""Findings: what is wrong in the curves of a run, each with its evidence, its epoch and a sentence.

Every rule is a pure function of the features; the thresholds stand in one place and were set on real trainings.
"""

from __future__ import annotations

from wellfit.diagnosis.cures import caution, is_moving, is_resolved, shares
from wellfit.diagnosis.features import Features
from wellfit.diagnosis.finding import Finding
from wellfit.diagnosis.thresholds import DEFAULT, Thresholds

FEWEST = 5
"""Evaluations below which nothing is said but that a run is broken or plainly still falling."""


def find(features: Features, *, last_epoch: int, diverged: bool, limits: Thresholds = DEFAULT) -> tuple[Finding, ...]:
    """Return all findings, the gravest first: divergence, overfitting, unconverged, underfitting, noisy validation."""
    rules = (
        divergence(features, last_epoch, limits, diverged=diverged),
        overfitting(features, limits) if features.evaluations >= FEWEST else None,
        unconverged(features, last_epoch, limits),
        underfitting(features, last_epoch, limits) if features.evaluations >= FEWEST else None,
        noisy_validation(features, last_epoch, limits) if features.evaluations >= FEWEST else None,
    )
    found = tuple(finding for finding in rules if finding is not None)
    # What was measured on the way to a divergence says nothing about fit.
    return found[:1] if found and found[0].name == "divergence" else found


def divergence(features: Features, last_epoch: int, limits: Thresholds, *, diverged: bool) -> Finding | None:
    """A loss is not finite, the run was marked as diverged, or training lost what it had learned."""
    if features.broken_epoch is not None:
        words = f"The loss is not finite from epoch {features.broken_epoch} on."
        return Finding("divergence", features.broken_epoch, {"broken_epoch": float(features.broken_epoch)}, words)
    if diverged:
        return Finding("divergence", last_epoch, {}, "The run was marked as diverged: a loss or weight was not finite.")
    # A loss that never climbs has not diverged, however bad its start or short its curve.
    climbed = features.climb_share > limits.peak / 4
    won = features.train_won_share > limits.nothing
    if won and features.train_rise_share > limits.lost and features.rise_share > limits.rise:
        words = f"The train loss ended at {features.train_end:.3g}, far above its own best: training itself was lost."
        return Finding("divergence", last_epoch, _evidence(features, "train_rise_share", "train_end"), words)
    if climbed and features.later_peak_share > limits.peak and features.val_end > features.start:
        words = (
            f"The train loss shot up after epoch {features.turning_epoch}, and validation ended worse than it began."
        )
        return Finding("divergence", last_epoch, _evidence(features, "later_peak_share", "val_end"), words)
    exploded = climbed or features.peak_share > limits.first_peak
    if exploded and features.peak_share > limits.peak and learned(features) < limits.nothing:
        words = f"The loss shot up to {features.peak_share:.3g} times its start, and next to nothing was learned."
        return Finding("divergence", last_epoch, _evidence(features, "peak_share", "train_end"), words)
    return None


def overfitting(features: Features, limits: Thresholds) -> Finding | None:
    """Validation gets worse while training gets better, or a large part of what was won does not generalize.

    With a reference: an earlier epoch, or no gap, would win back a good part of what the run leaves of it.
    """
    if features.learned_share is not None and features.learned_share < limits.nothing:
        return None  # what was not learned was not learned by heart
    epoch, keys = features.turning_epoch, ("gap_share", "gap_growth_share", "val_end", "train_end")
    parts = shares(features, limits)
    away = features.regret is None or (features.regret > limits.regret and parts["overfitting"] > limits.part)
    if (_rose(features, limits) and away) or _rose_apart(features, limits):
        risen = _evidence(features, "rise_share", "rise_in_noise", "val_best", *keys)
        return Finding("overfitting", epoch, risen, _rise_words(features))
    levels = f"Train loss {features.train_end:.3g} against {features.val_end:.3g} on validation"
    if features.regret is None:
        if _falling(features, limits) or not _wide_gap(features, limits):
            return None
        words = f"{levels}, which no longer improves: {features.gap_share:.0%} of what was won does not generalize."
        return Finding("overfitting", epoch, _evidence(features, *keys), words)
    resolved = (features.regret_in_noise or 0.0) > limits.rise_in_noise * caution(features)
    if not away or not resolved:
        return None  # a gap that no other arm avoids is the data's, not the recipe's
    words = f"{levels}: it fits its train set well enough, but another arm does better on validation."
    return Finding("overfitting", epoch, _evidence(features, *keys, "regret", "above_reference"), words)


def _rose(features: Features, limits: Thresholds) -> bool:
    """Whether validation turned and rose beyond its noise, by enough of the descent, while training did not."""
    enough = features.rise_share > limits.rise and is_resolved(features, limits) and _is_shown(features, limits)
    return enough and features.train_change_share < features.rise_share / 2


def _is_shown(features: Features, limits: Thresholds) -> bool:
    """Whether so many validation samples can show such a rise; where their number is not known, they are trusted."""
    return features.rise_in_error is None or features.rise_in_error > limits.rise_in_error


def _rose_apart(features: Features, limits: Thresholds) -> bool:
    """The same where the descent was long: by enough of its own level, while training fell by more than that."""
    level = (features.val_end - features.val_best) / features.val_best if features.val_best > 0 else 0.0
    apart = features.train_change_share < -features.rise_share < -limits.rise * 2 / 3
    return apart and level > limits.rise_of_level and is_resolved(features, limits) and _is_shown(features, limits)


def _rise_words(features: Features) -> str:
    words = (
        f"Validation loss turned at epoch {features.turning_epoch} ({features.val_best:.3g}) and rose to "
        f"{features.val_end:.3g}, {features.rise_share:.0%} of what can be won; train loss {features.train_end:.3g}."
    )
    if features.accuracy_change is not None and features.accuracy_change > 0:
        words += " Validation accuracy did not fall: the network grows too sure of its errors rather than making more."
    return words


def unconverged(features: Features, last_epoch: int, limits: Thresholds) -> Finding | None:
    """The validation loss was still falling when training ended."""
    if not _falling(features, limits):
        return None
    words = (
        f"Validation loss still fell at the end: {features.recent_fall_share:.0%} of all it had won came in the last "
        f"quarter, and as many epochs again may bring {features.expected_fall_share:.0%} more."
    )
    if features.recent_fall_share > 1:
        words = f"Validation loss still fell at the end, at {features.val_end:.3g}, from a start worse than guessing."
    elif features.recent_fall_in_noise <= limits.fall_in_noise * caution(features):
        words = (
            "The train loss still fell at the end; validation, too noisy to show a fall, has not come apart from it: "
            f"as many epochs again may bring {features.train_expected_fall_share:.0%} of what was won."
        )
    keys = ("expected_fall_share", "recent_fall_share", "recent_fall_in_noise", "train_expected_fall_share", "val_end")
    return Finding("unconverged", last_epoch, _evidence(features, *keys), words)


def underfitting(features: Features, last_epoch: int, limits: Thresholds) -> Finding | None:
    """The network cannot even fit what it was trained on."""
    if features.above_reference is not None and features.regret is not None:
        if features.regret <= limits.regret or shares(features, limits)["underfitting"] <= limits.part:
            return near_chance(features, last_epoch, limits)
        words = (
            f"The train loss itself ended at {features.train_end:.3g}, above what the best arm reaches on validation: "
            "the network does not fit its train set."
        )
        keys = ("above_reference", "regret", "train_end", "val_end")
        return Finding("underfitting", last_epoch, _evidence(features, *keys), words)
    if features.learned_share is None:
        return None
    hardly_any = features.gap_share * features.learned_share <= limits.no_gap
    if features.learned_share < limits.nothing:
        words = f"The train loss, {features.train_end:.3g}, hardly beats guessing: next to nothing was learned."
    elif hardly_any and features.learned_share < limits.learned:
        words = (
            f"Only {features.learned_share:.0%} of the loss of guessing was removed on the train set, with hardly any "
            "gap: the network cannot fit its train set, or the targets are that noisy."
        )
    else:
        return None
    return Finding("underfitting", last_epoch, _evidence(features, "learned_share", "gap_share", "train_end"), words)


def near_chance(features: Features, last_epoch: int, limits: Thresholds) -> Finding | None:
    """Train and validation loss both hardly beat guessing: whatever else did no better, nothing was learned."""
    if features.learned_share is None or features.learned_share >= limits.nothing:
        return None
    if features.start - features.val_end >= limits.nothing * abs(features.start):
        return None
    words = (
        f"The train loss, {features.train_end:.3g}, hardly beats guessing ({features.start:.3g}), and nothing that it "
        "was compared with does: next to nothing was learned."
    )
    return Finding("underfitting", last_epoch, _evidence(features, "learned_share", "train_end", "start"), words)


def noisy_validation(features: Features, last_epoch: int, limits: Thresholds) -> Finding | None:
    """The validation loss jumps so much from epoch to epoch that small changes cannot be read from it."""
    if features.noise_share <= limits.noise:
        return None
    steady = features.train_noise_share < features.noise_share / 5
    cause = (
        "the train loss does not, so the validation set is small"
        if steady
        else "the learning rate is high for these batches, or the validation set is small"
    )
    words = (
        f"Validation loss jumps by {features.noise:.2g} from epoch to epoch, {features.noise_share:.0%} of what can "
        f"be won: {cause}."
    )
    keys = ("noise", "noise_share", "train_noise_share")
    return Finding("noisy_validation", last_epoch, _evidence(features, *keys), words)


def _wide_gap(features: Features, limits: Thresholds) -> bool:
    """Whether the gap alone speaks for overfitting.

    Where little was learned, a small gap is a large part of it, which says nothing; where chance is not known, the
    first epoch may have won most of what there was, so more is asked for.
    """
    if features.learned_share is None:
        return features.gap_share > limits.gap_unscaled
    apart = features.gap_share * features.learned_share > limits.no_gap
    return features.gap_share > limits.gap and apart


def _falling(features: Features, limits: Thresholds) -> bool:
    """Whether the fall at the end is worth training on for.

    Where another arm shows how far there is to go, it is if it leads there, or beyond it.
    """
    if not is_moving(features, limits):
        return False
    still = features.recent_fall_in_noise <= limits.fall_in_noise * caution(features)
    if features.regret is None or features.is_reference:
        return still or features.expected_fall_share > limits.fall
    return features.regret > limits.regret and shares(features, limits)["unconverged"] > limits.part


def learned(features: Features) -> float:
    """Share of the starting loss that was removed on the train set; against chance where that is known."""
    if features.learned_share is not None:
        return features.learned_share
    return 1 - features.train_end / features.start if features.start > 0 else 1.0


def _evidence(features: Features, *keys: str) -> dict[str, float]:
    found = {key: getattr(features, key) for key in keys}
    return {key: float(value) for key, value in found.items() if value is not None}
