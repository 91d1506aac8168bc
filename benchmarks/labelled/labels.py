"""From measurements to labelled runs: where each curve ends, what is shown of it, and its truth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from benchmarks.labelled.ended import Ended, Training
from benchmarks.labelled.findings import findings_of
from benchmarks.labelled.training import TINY
from benchmarks.labelled.truth import end_of, shares, verdict_of
from wellfit.diagnosis.features import reference_loss
from wellfit.random import derive
from wellfit.record import EpochRow

HALVES = ("tuning", "held out", "final")
FEWEST = 8
HEALTHY = 0.03
"""Controls that are ended in time end where the regret is at most this."""
SPOILT = ("dead", "saturated", "explodes", "lr-high", "over-regularized", "too-short")
MISLED = 0.05
"""Of a tiny or leaking validation set: how far it may lie off the held-out loss, as a share of D."""
APART = 0.2
"""Two curves that are cut from one training differ by at least this part of its length."""
LEAST_WINNABLE = 0.2
"""Families in which less than this share of guessing can be won teach nothing."""


def labelled(trainings: Sequence[Training]) -> list[dict[str, Any]]:
    """Return the labelled runs of one family and seed."""
    reachable = min(one.best for one in trainings)
    calm = min((one.best for one in trainings if one.arm.is_calm or one.net.is_small), default=reachable)
    if trainings[0].chance - reachable < LEAST_WINNABLE * trainings[0].chance:
        return []

    @cache
    def reference(view: str) -> float:
        found = reference_loss([_rows(one, view) for one in trainings])
        return math.nan if found is None else found

    runs = []
    for one in trainings:
        near = [other for other in trainings if other.net is one.net and other is not one]
        for end, view, cause in _cuts(one, reachable):
            run = Ended(one, end, view, cause, reachable, calm)
            runs.append(_labelled(run, near, reference(view)))
    return runs


def _rows(one: Training, view: str) -> list[EpochRow]:
    losses = zip(one.series["train_loss"], one.series[f"{view}_loss"], strict=False)
    return [
        EpochRow(epoch, train, val, None, None, train, 0.0, one.lr, math.nan, 0.0)
        for epoch, (train, val) in enumerate(losses, 1)
    ]


def _cuts(one: Training, reachable: float) -> Iterator[tuple[int, str, str]]:
    """Yield where curves of a training end, through which validation set they are seen, and what was done to them."""
    draw = np.random.default_rng(derive(one.seed, one.family.name, one.net.name, one.arm.name) % 2**32)
    longest = one.family.epochs
    if one.arm.length < 1:
        yield int(draw.integers(FEWEST, max(FEWEST + 1, round(one.arm.length * longest)))), "fair", "too-short"
        return
    planned = round(longest * draw.uniform(0.6, 1.0))
    taken = [planned]
    yield planned, "fair", _cause(one)
    if one.arm.in_train_mode:  # while dropout still weighs more than what was learned by heart
        taken.append(int(draw.integers(FEWEST, max(FEWEST + 1, round(0.3 * longest)))))
        yield taken[-1], "fair", "train-mode"
    if one.arm.cause in SPOILT or one.net.size != "right":
        return
    in_time = [
        end
        for end in range(FEWEST, longest + 1)
        if all(abs(end - other) >= APART * longest for other in taken)
        and (one.broken is None or end < one.broken)
        and end_of(one.series["held_loss"][:end]) - reachable <= HEALTHY * (one.chance - reachable)
    ]
    if in_time:
        yield int(draw.choice(in_time)), "fair", "healthy"
    if one.net.name in ("mlp-128-64", "mlp-16", "gru-16", "cnn-12-24") and one.arm.name in ("plain", "dropout"):
        yield round(longest * draw.uniform(0.5, 1.0)), "tiny", "tiny-validation"
        if one.arm.name == "plain":
            yield round(longest * draw.uniform(0.5, 1.0)), "leak", "leak"


def _cause(one: Training) -> str:
    if one.arm.cause != "healthy":
        return one.arm.cause
    by_size = {"small": "too-small", "deep": "too-deep", "late": "slow-start"}
    if one.net.size in by_size:
        return by_size[one.net.size]
    return "label-noise" if one.family.noise else "few-samples" if one.family.train <= 200 else "plain"


def _labelled(run: Ended, near: Sequence[Training], reference: float) -> dict[str, Any]:
    one = run.training
    verdict, clear = verdict_of(run.oracle)
    if run.view != "fair" and abs(run.shift) > MISLED:
        clear = False  # what is shown contradicts the truth: no diagnosis of curves could know
    oracle = {name: getattr(run.oracle, name) for name in run.oracle.__dataclass_fields__ if name != "finite"}
    oracle |= {"regret": run.oracle.regret, "shift": run.shift}
    if verdict not in ("diverged", "well-fit"):
        oracle |= shares(run.oracle)
    return {
        "id": f"{one.family.name}/{one.net.name}/{one.arm.name}/{one.seed}/{run.end}/{run.view}",
        "data": one.family.data,
        "network": one.net.name,
        "cause": run.cause,
        "half": HALVES[one.half],
        "seed": one.seed,
        "validation": TINY if run.view == "tiny" else one.family.validation,
        "curves": _curves(run),
        "chance_loss": short(one.guess),
        "reference": short(reference),
        "measured": "train" if one.arm.in_train_mode else "eval",
        "regularizers": sorted(one.arm.methods),
        "restored": None if run.broke else run.end,
        "verdict": verdict,
        "clear": bool(clear),
        "findings": findings_of(run, verdict, clear, near),
        "oracle": {name: short(value) for name, value in oracle.items()},
    }


def _curves(run: Ended) -> dict[str, list[float | None]]:
    """Return what is shown; None where a number is not finite."""
    series = run.training.series
    shown = {"train_loss": run.shown_train, "val_loss": f"{run.view}_loss", "grad_norm": "grad_norm"}
    if "held_accuracy" in series:
        shown |= {"val_accuracy": f"{run.view}_accuracy"}
        if not run.training.arm.in_train_mode:
            shown |= {"train_accuracy": "train_accuracy"}
    shown |= {name: name for name in series if name.startswith(("dead.", "saturated."))}
    if run.training.net.size in ("deep", "late") or run.training.net.name in ("mlp-5x32", "tanh-32-32"):
        shown |= {name: name for name in series if name.startswith("grad_norm.")}
    last = run.end if not run.broke else min(run.end, int(run.training.broken or 0) + 2)
    curves: dict[str, list[float | None]] = {"epoch": list(range(1, last + 1))}
    for name, source in shown.items():
        curves[name] = [short(value) for value in series[source][:last]]
    curves["lr"] = [short(run.training.lr)] * last
    return curves


def short(value: float) -> float | None:
    """Return a number with five digits; None for what is not finite."""
    return float(f"{value:.5g}") if math.isfinite(value) else None


def grouped(trainings: Sequence[Training]) -> Mapping[tuple[str, int], list[Training]]:
    """Return the trainings by family and seed."""
    found: dict[tuple[str, int], list[Training]] = {}
    for one in trainings:
        found.setdefault((one.family.name, one.seed), []).append(one)
    return found
