"""The truth about single findings: planted, and seen by an eye that is not the rule. ``None``: not decided.

``share`` below is of D, what can be won (``truth``). A finding is *false* where its cause was not planted and its
effect is absent by the same eye; what lies between is left open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from benchmarks.labelled.ended import Ended, Training
from benchmarks.labelled.truth import CAUSES, Verdict, divergence, end_of, shares

Truth = bool | None
VERDICT_OF: Mapping[str, Verdict] = {
    "overfitting": "overfit",
    "unconverged": "unconverged",
    "underfitting": "underfit",
    "divergence": "diverged",
}
Siblings = Sequence[Training]
"""The other arms of the same network and seed."""


def findings_of(run: Ended, verdict: Verdict, clear: bool, siblings: Siblings) -> dict[str, bool]:
    """Return what is true and what is false of a run; what is not decided is left out."""
    found: dict[str, Truth] = {name: by_verdict(run, name, verdict, clear) for name in VERDICT_OF}
    if verdict == "diverged":
        found["lr_too_high"] = lr_too_high(run, verdict, clear, siblings)
        found["exploding_gradients"] = exploding_gradients(run, verdict, clear, siblings)
    else:
        for name, rule in RULES.items():
            found[name] = rule(run)
        for name, compared in COMPARED.items():
            found[name] = compared(run, verdict, clear, siblings)
    return {name: bool(truth) for name, truth in found.items() if truth is not None}


def by_verdict(run: Ended, name: str, verdict: Verdict, clear: bool) -> Truth:
    """A clear verdict makes its finding true, and those false whose counterfactual removes under 10 % of the regret."""
    if name == "divergence":
        diverged, plain = divergence(run.oracle)
        return diverged if plain else None
    if not clear or verdict == "diverged":
        return None
    if VERDICT_OF[name] == verdict:
        return True
    if verdict == "well-fit":
        return False
    parts = shares(run.oracle)
    return False if all(parts[cause] < 0.1 for cause, named in CAUSES.items() if named == VERDICT_OF[name]) else None


def _steps(values: np.ndarray) -> float:
    """Return by how much a series jumps from one measurement to the next, around its drift."""
    return float(np.diff(values[values.size // 3 :]).std() / np.sqrt(2)) if values.size > 6 else float("nan")


def noisy_validation(run: Ended) -> Truth:
    """24 samples whose loss jumps around the held-out loss by over 5 % of D; false under 2 % where there are many."""
    beside = _steps(run.upto(f"{run.view}_loss") - run.upto("held_loss")) / run.oracle.winnable
    own = _steps(run.upto("held_loss")) / run.oracle.winnable
    if run.view == "tiny":
        return True if beside > 0.05 else None
    return False if beside < 0.02 and own < 0.02 else None


def validation_better(run: Ended) -> Truth:
    """Dropout in the train loss that is shown, or wrong labels in train alone; held-out loss 4 % of D below train."""
    late = -max(3, run.end // 3)
    below = (run.upto(run.shown_train) - run.upto("held_loss"))[late:].mean() / run.oracle.winnable
    planted = run.training.arm.in_train_mode or run.training.family.noisy == "train"
    if planted:
        return True if below > 0.04 and run.view == "fair" else None
    return False if below < -0.01 and run.view == "fair" else None


def dead_units(run: Ended) -> Truth:
    """40 % of a layer's units are 0 for all of 128 further samples; false up to 20 %."""
    return _inside(run, "dead")


def saturation(run: Ended) -> Truth:
    """40 % of a layer's activations at an end of their range, on further samples; false up to 20 %."""
    return _inside(run, "saturated")


def _inside(run: Ended, kind: str) -> Truth:
    ends = [run.upto(name)[-3:].mean() for name in run.training.series if name.startswith(f"held_{kind}.")]
    if not ends:
        return None
    return True if max(ends) >= 0.4 else False if max(ends) <= 0.2 else None


def overconfidence(run: Ended) -> Truth:
    """Held-out loss rose by 8 % of D since its best while held-out accuracy fell by less than half a percent."""
    if "held_accuracy" not in run.training.series:
        return None
    rise = (run.oracle.heldout_end - run.oracle.heldout_best) / run.oracle.winnable
    accuracy, best = run.upto("held_accuracy"), int(run.held.argmin())
    change = end_of(accuracy) - float(accuracy[max(0, best - 1) : best + 2].mean())
    if rise <= 0.01 or change < -0.03:
        return False
    return True if rise >= 0.08 and change >= -0.005 else None


def missed_early_stopping(run: Ended) -> Truth:
    """The held-out best lies in the first 70 % of the run, and 5 % of D was lost since; false up to 1 %."""
    rise = (run.oracle.heldout_end - run.oracle.heldout_best) / run.oracle.winnable
    if rise <= 0.01:
        return False
    return True if rise >= 0.05 and int(run.held.argmin()) + 1 <= 0.7 * run.end else None


def label_noise(run: Ended) -> Truth:
    """Labels were changed, and the network learned at least half of the wrong ones by heart."""
    noise = run.training.family.noise
    if not noise:
        return False
    return True if end_of(run.upto("train_accuracy")) >= 1 - noise / 2 else None


def plateau(run: Ended) -> Truth:
    """A quarter of the run brought held-out under 2 % of D, and what came later over 20 %.

    Or an underfit run whose train loss moves no more, not even in three times the epochs. False where no tenth of the
    run stood still before another 5 % were won, and the end is not far from what is reachable.
    """
    lowest = np.minimum.accumulate(run.held) / run.oracle.winnable
    longest = {}
    for later in (0.2, 0.05):
        stood = [np.flatnonzero(lowest[i] - lowest <= 0.02)[-1] - i for i in range(lowest.size)]
        longest[later] = max(
            (int(n) for i, n in enumerate(stood) if lowest[i + n] - lowest[-1] > later), default=0
        )  # fmt: skip
    if longest[0.2] >= run.end / 4:
        return True
    known = run.oracle
    stands = known.train_end - known.train_longer < 0.02 * known.winnable
    if stands and known.train_end - known.reachable > 0.15 * known.winnable:
        return True
    return False if longest[0.05] < run.end / 10 and known.regret < 0.1 else None


def lr_too_high(run: Ended, verdict: Verdict, clear: bool, siblings: Siblings) -> Truth:
    """A lower learning rate wins 5 % of D more in the same epochs, held-out and on train."""
    if not run.training.is_plain:
        return False if verdict == "well-fit" and clear and run.training.arm.rate <= 1 else None
    lower = [one for one in siblings if one.is_plain and one.lr < run.training.lr / 2.9]
    gains = [_gain(run, one) for one in lower]
    if any(held > 0.05 and train > 0.05 for held, train in gains):
        return True
    if run.training.arm.rate <= 1 and verdict != "diverged" and all(train < 0.01 for _, train in gains):
        return False
    return False if verdict == "well-fit" and clear and run.training.arm.rate <= 1 else None


def lr_too_low(run: Ended, verdict: Verdict, clear: bool, siblings: Siblings) -> Truth:
    """A 3 to 30 times higher learning rate wins 10 % of D more in the same epochs, on train and held-out."""
    if verdict == "well-fit" and clear:
        return False
    if not run.training.is_plain:
        return None
    higher = [one for one in siblings if one.is_plain and 2.9 < one.lr / run.training.lr <= 31]
    gains = [_gain(run, one) for one in higher]
    if any(held > 0.1 and train > 0.1 for held, train in gains):
        return True
    return False if higher and all(train < 0.03 for _, train in gains) else None


def _gain(run: Ended, other: Training) -> tuple[float, float]:
    """Return by how much another training ended better after as many epochs, held-out and on train, in D."""
    if other.broken is not None and other.broken < run.end:
        return float("-inf"), float("-inf")
    if run.broke:
        return 1.0, 1.0
    held, train = (end_of(other.series[name][: run.end]) for name in ("held_loss", "train_loss"))
    known = run.oracle
    return (known.heldout_end - held) / known.winnable, (known.train_end - train) / known.winnable


def vanishing_gradients(run: Ended, verdict: Verdict, clear: bool, siblings: Siblings) -> Truth:
    """Eight layers of sigmoids that learned nothing; false for up to three hidden layers that did learn."""
    won = (run.oracle.chance - run.oracle.train_end) / run.oracle.winnable
    if run.training.net.size == "deep":
        return True if won < 0.1 else None
    return False if won > 0.6 and run.training.net.size != "late" else None


def exploding_gradients(run: Ended, verdict: Verdict, clear: bool, siblings: Siblings) -> Truth:
    """Clipping the gradient, and nothing else, wins 5 % of D more, held-out and on train; false for well-fit runs of an
    ordinary start and learning rate.
    """
    if run.training.arm.cause in ("explodes", "lr-high"):
        known = run.training.arm.gain, run.training.lr
        alike = [one for one in siblings if one.arm.cause == "clipped" and (one.arm.gain, one.lr) == known]
        clipped = [_gain(run, one) for one in alike]
        return True if any(held > 0.05 and train > 0.05 for held, train in clipped) else None
    ordinary = run.training.arm.gain == 1.0 and run.training.arm.rate <= 1
    return False if ordinary and verdict == "well-fit" and clear else None


RULES: Mapping[str, Callable[[Ended], Truth]] = {
    "noisy_validation": noisy_validation,
    "validation_better": validation_better,
    "dead_units": dead_units,
    "saturation": saturation,
    "overconfidence": overconfidence,
    "missed_early_stopping": missed_early_stopping,
    "label_noise": label_noise,
    "plateau": plateau,
}
COMPARED: Mapping[str, Callable[[Ended, Verdict, bool, Siblings], Truth]] = {
    "lr_too_high": lr_too_high,
    "lr_too_low": lr_too_low,
    "vanishing_gradients": vanishing_gradients,
    "exploding_gradients": exploding_gradients,
}
